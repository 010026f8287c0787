//! Who may work with whom, as tables.

use super::*;

fn name(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

fn host() -> Host {
    Host {
        versions: (2, 4),
        node: name("cloud"),
        role: Role::Cloud,
        numerics: "causeway-1".to_owned(),
        model: ModelFingerprint([1; 32]),
        tokenizer: TokenizerFingerprint([2; 32]),
        layers: 6,
        width: 256,
        vocab: 4096,
        holds: LayerRange::all(6),
    }
}

fn hello() -> Hello {
    Hello {
        versions: (1, 3),
        node: name("car"),
        role: Role::Device,
        numerics: "causeway-1".to_owned(),
        tokenizer: Some(TokenizerFingerprint([2; 32])),
        model: Some(ModelFingerprint([1; 32])),
        tenant: None,
    }
}

fn ask(host: &Host, hello: &Hello) -> Result<Welcome, HandshakeError> {
    negotiate(host, hello, (hello.role, &hello.node))
}

#[test]
fn the_highest_common_version_is_spoken() {
    for (theirs, agreed) in [
        ((1, 3), Some(3)),
        ((4, 9), Some(4)),
        ((1, 2), Some(2)),
        ((3, 3), Some(3)),
        ((0, 1), None),
        ((5, 9), None),
        ((3, 2), None),
    ] {
        let welcome = ask(&host(), &Hello { versions: theirs, ..hello() });
        match agreed {
            Some(version) => assert_eq!(welcome.unwrap().version, version, "{theirs:?}"),
            None => {
                assert!(matches!(welcome, Err(HandshakeError::Versions { .. })), "{theirs:?}");
            }
        }
    }
}

#[test]
fn another_tokenizer_or_model_is_refused_and_none_takes_what_is_served() {
    let other = Hello { tokenizer: Some(TokenizerFingerprint([9; 32])), ..hello() };
    assert!(matches!(ask(&host(), &other), Err(HandshakeError::Tokenizer { .. })));
    let other = Hello { model: Some(ModelFingerprint([9; 32])), ..hello() };
    assert!(matches!(ask(&host(), &other), Err(HandshakeError::Model { .. })));
    let any = Hello { tokenizer: None, model: None, ..hello() };
    assert_eq!(ask(&host(), &any).unwrap().model, host().model);
}

#[test]
fn only_the_tiers_below_dial() {
    for (dialler, dialled, allowed) in [
        (Role::Device, Role::Gateway, true),
        (Role::Device, Role::Cloud, true),
        (Role::Gateway, Role::Cloud, true),
        (Role::Device, Role::Device, false),
        (Role::Gateway, Role::Gateway, false),
        (Role::Gateway, Role::Device, false),
        (Role::Cloud, Role::Cloud, false),
        (Role::Cloud, Role::Gateway, false),
        (Role::Cloud, Role::Device, false),
    ] {
        let host = Host { role: dialled, ..host() };
        let outcome = ask(&host, &Hello { role: dialler, ..hello() });
        match outcome {
            Ok(_) => assert!(allowed, "{dialler} dials {dialled}"),
            Err(HandshakeError::Role { .. }) => assert!(!allowed, "{dialler} dials {dialled}"),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn a_name_or_role_that_is_not_the_certificates_is_refused_on_both_sides() {
    let (hello, host) = (hello(), host());
    let welcome = ask(&host, &hello).unwrap();
    for certified in [(Role::Gateway, &hello.node), (Role::Device, &host.node)] {
        let outcome = negotiate(&host, &hello, certified);
        assert!(matches!(outcome, Err(HandshakeError::Impostor(_))));
    }
    for certified in [(Role::Gateway, &host.node), (Role::Cloud, &hello.node)] {
        let outcome = accept_welcome(&hello, &welcome, certified, false);
        assert!(matches!(outcome, Err(HandshakeError::Impostor(_))));
    }
}

#[test]
fn the_dialler_checks_the_answer_too() {
    let hello = hello();
    let good = ask(&host(), &hello).unwrap();
    let cloud = name("cloud");
    let check = |welcome: Welcome, split: bool| {
        accept_welcome(&hello, &welcome, (Role::Cloud, &cloud), split)
    };
    assert_eq!(check(good.clone(), true), Ok(Agreement { version: 3, same_numerics: true }));
    let version = Welcome { version: 9, ..good.clone() };
    assert!(matches!(check(version, false), Err(HandshakeError::Versions { .. })));
    let tokenizer = Welcome { tokenizer: TokenizerFingerprint([9; 32]), ..good.clone() };
    assert!(matches!(check(tokenizer, false), Err(HandshakeError::Tokenizer { .. })));
    let model = Welcome { model: ModelFingerprint([9; 32]), ..good.clone() };
    assert!(matches!(check(model, false), Err(HandshakeError::Model { .. })));
    let layers = Welcome { holds: LayerRange::all(7), ..good.clone() };
    assert!(matches!(check(layers, false), Err(HandshakeError::Layers { .. })));
    let numerics = Welcome { numerics: "cuda-1".to_owned(), ..good };
    let apart = Agreement { version: 3, same_numerics: false };
    assert_eq!(check(numerics.clone(), false), Ok(apart), "token ids may always cross");
    assert!(matches!(check(numerics, true), Err(HandshakeError::Numerics { .. })));
}

#[test]
fn a_refusal_names_both_sides_and_the_blame() {
    let error = ask(&host(), &Hello { versions: (5, 9), ..hello() }).unwrap_err();
    let fault = error.fault();
    assert_eq!(fault.kind, FaultKind::PeerIncompatible);
    assert_eq!(fault.detail, "no common wire version: ours are 2 to 4, the peer's 5 to 9");
    let error = ask(&host(), &Hello { role: Role::Cloud, ..hello() }).unwrap_err();
    assert_eq!(error.fault().kind, FaultKind::PeerMisbehaved);
}
