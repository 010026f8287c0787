//! Plans against a gateway and a cloud of a model with six layers.

use super::*;
use base::{
    KvFormat, LayerRange, ModelFingerprint, Position, Privacy, Role, Sampling, StreamWindow,
    TokenizerFingerprint, WireCodec,
};
use protocol::{Epoch, SessionId, TenantSecret};

const CLASS: &str = "class-1";

fn name(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

fn layers(start: u32, end: u32) -> LayerRange {
    LayerRange::new(start, end).unwrap()
}

fn host(node: &str) -> Host {
    Host {
        versions: protocol::VERSIONS,
        node: name(node),
        role: Role::Gateway,
        numerics: CLASS.to_owned(),
        model: ModelFingerprint([1; 32]),
        tokenizer: TokenizerFingerprint([2; 32]),
        layers: 6,
        width: 64,
        vocab: 100,
        holds: layers(0, 4),
    }
}

/// `node start..end flags codec`, flags of `e` and `h`.
fn stage(node: &str, start: u32, end: u32, flags: &str, codec: WireCodec) -> PlannedStage {
    PlannedStage {
        node: name(node),
        layers: layers(start, end),
        embedding: flags.contains('e'),
        head: flags.contains('h'),
        codec,
        scales: Vec::new(),
    }
}

fn coder(codec: WireCodec) -> Option<HopCoder> {
    Some(HopCoder::new(codec, &[], 64).unwrap())
}

fn open(stages: Vec<PlannedStage>) -> Open {
    Open {
        session: SessionId([7; 16]),
        epoch: Epoch(3),
        have: Position(0),
        sampling: Sampling::GREEDY,
        stages,
        end_tokens: Vec::new(),
        positions_max: 100,
        kv: KvFormat::F16,
        stream: None,
        tenant: None,
        lineage: None,
        class: Privacy::Anywhere,
        constraint: None,
        likelihoods: None,
        trace: None,
    }
}

fn device() -> Peer {
    Peer::new(Role::Device, name("car"))
}

/// The last stage, from tokens.
fn plain(run: StageSpec) -> Accepted {
    let (reads, writes, home) = (None, None, None);
    Accepted { run, reads, writes, head: Side::Up, last_layer: true, home }
}

fn on_gateway(stages: Vec<PlannedStage>) -> Result<Accepted, Box<Fault>> {
    let (host, cloud) = (host("gateway"), name("cloud"));
    let holds = StageSpec { layers: layers(0, 4), embedding: true, head: false };
    let own = Own { host: &host, holds, upstream: Some(&cloud), positions_max: 100 };
    accept(own, &open(stages), &device(), CLASS)
}

fn on_cloud(stages: Vec<PlannedStage>, numerics: &str) -> Result<Accepted, Box<Fault>> {
    let host = host("cloud");
    let holds = StageSpec::whole(6);
    let own = Own { host: &host, holds, upstream: None, positions_max: 100 };
    accept(own, &open(stages), &device(), numerics)
}

use WireCodec::{F16, F32, Int8};

#[test]
fn what_fits_is_accepted_with_its_codecs() {
    let accepted =
        on_gateway(vec![stage("gateway", 2, 4, "", Int8), stage("cloud", 4, 6, "h", F16)]);
    let run = StageSpec { layers: layers(2, 4), embedding: false, head: false };
    let expected =
        Accepted { reads: coder(Int8), writes: coder(F16), last_layer: false, ..plain(run) };
    assert_eq!(accepted.unwrap(), expected);
    let accepted = on_cloud(vec![stage("cloud", 0, 6, "eh", F32)], "another class");
    let run = StageSpec::whole(6);
    assert_eq!(accepted.unwrap(), plain(run));
}

#[test]
fn a_gateway_may_only_relay() {
    let relay = vec![stage("gateway", 2, 2, "", Int8), stage("cloud", 2, 6, "h", Int8)];
    let accepted = on_gateway(relay).unwrap();
    assert!(accepted.run.layers.is_empty());
    let tokens = vec![stage("gateway", 0, 0, "e", F32), stage("cloud", 0, 6, "h", F32)];
    assert_eq!(on_gateway(tokens).unwrap().reads, None);
}

#[test]
fn a_fault_says_which_part_of_the_plan_does_not_fit() {
    let check = |result: Result<Accepted, Box<Fault>>, kind, part: &str| {
        let fault = result.unwrap_err();
        assert_eq!((fault.kind, fault.epoch), (kind, Epoch(3)), "{fault:?}");
        assert!(fault.detail.contains(part), "{fault:?} does not say {part:?}");
    };
    use FaultKind::{PeerIncompatible, Rejected};
    let head = || stage("cloud", 4, 6, "h", F32);
    check(on_gateway(vec![]), Rejected, "no stage");
    check(on_gateway(vec![stage("cloud", 0, 6, "eh", F32)]), Rejected, "this is gateway");
    check(on_gateway(vec![stage("gateway", 1, 4, "e", F32), head()]), Rejected, "skips");
    check(on_gateway(vec![stage("gateway", 0, 5, "e", F32)]), PeerIncompatible, "0..4");
    check(on_gateway(vec![stage("gateway", 0, 4, "e", F32)]), Rejected, "must have the head");
    check(
        on_gateway(vec![stage("gateway", 0, 3, "e", F32), head()]),
        Rejected,
        "4..6 do not follow",
    );
    check(
        on_gateway(vec![stage("gateway", 0, 4, "e", F32), stage("else", 4, 6, "h", F32)]),
        Rejected,
        "the upstream is cloud",
    );
    check(on_cloud(vec![stage("cloud", 0, 5, "eh", F32)], CLASS), Rejected, "skips");
    check(on_cloud(vec![stage("cloud", 0, 6, "eh", F32), head()], CLASS), Rejected, "the last");
    check(on_cloud(vec![stage("cloud", 0, 4, "e", F32), head()], CLASS), Rejected, "no upstream");
    check(on_cloud(vec![head()], "class-2"), PeerIncompatible, "class-2");
}

#[test]
fn a_session_longer_than_the_limit_is_rejected() {
    let host = host("cloud");
    let own = Own { host: &host, holds: StageSpec::whole(6), upstream: None, positions_max: 99 };
    let fault =
        accept(own, &open(vec![stage("cloud", 0, 6, "eh", F32)]), &device(), CLASS).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected);
}

/// A stream may be of any length, if what it sees is not.
#[test]
fn a_stream_that_sees_more_than_the_limit_is_rejected() {
    let host = host("cloud");
    let own = Own { host: &host, holds: StageSpec::whole(6), upstream: None, positions_max: 99 };
    let ask = |sinks, positions_max| {
        let stream = Some(StreamWindow::new(sinks, 90).unwrap());
        let stages = vec![stage("cloud", 0, 6, "eh", F32)];
        accept(own, &Open { stream, positions_max, ..open(stages) }, &device(), CLASS)
    };
    assert!(ask(9, 1 << 20).is_ok());
    let fault = ask(10, 1 << 20).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Rejected);
    assert!(fault.detail.contains("10 sinks and a window of 90"), "{fault:?}");
    assert!(ask(10, 99).is_ok(), "a short text never fills it");
}

/// How the KV of a session of `peer` is kept.
fn kept(sharing: SharePrefixes, role: Role, peer: &str, open: &Open) -> KvOptions {
    let sharing = Sharing { rule: sharing, secret: [9; 32] };
    kv_options(&sharing, &host("cloud"), &Peer::new(role, name(peer)), open)
}

/// Goal: nobody learns from the time of an answer what another peer has asked, unless the operator
/// says so.
#[test]
fn beginnings_are_shared_with_whom_the_configuration_says() {
    let open = open(vec![stage("cloud", 0, 6, "eh", F32)]);
    let scope = |sharing, role, peer| kept(sharing, role, peer, &open).scope;
    let device = |sharing, peer| scope(sharing, Role::Device, peer);
    use SharePrefixes::{All, Off};
    let default = SharePrefixes::default();
    assert_eq!(device(default, "a"), device(default, "a"));
    assert_ne!(device(default, "a"), device(default, "b"));
    assert_ne!(device(default, "a"), scope(default, Role::Gateway, "a"));
    assert_eq!(device(All, "a"), device(All, "b"));
    assert_ne!(device(All, "a"), device(Off, "a"));
    assert_eq!(device(Off, "a"), PrefixScope::NOBODY);
}

/// Goal: what was computed from hidden states is for nobody but who sent them, unless a tenant says so.
#[test]
fn kv_of_hidden_states_is_their_sender_s_and_that_of_a_tenant_its_own() {
    let open = open(vec![stage("cloud", 2, 6, "h", F32)]);
    let tenant = |secret| Open { tenant: Some(TenantSecret([secret; 32])), ..open.clone() };
    use Role::{Device, Gateway};
    use SharePrefixes::{All, Off};
    for sharing in [SharePrefixes::Peer, All] {
        let scope = |role, peer, open: &Open| kept(sharing, role, peer, open).scope;
        assert_eq!(scope(Device, "a", &open), scope(Device, "a", &open));
        assert_ne!(scope(Device, "a", &open), scope(Device, "b", &open));
        assert_eq!(scope(Gateway, "a", &open), PrefixScope::NOBODY);
        assert_eq!(scope(Device, "a", &tenant(1)), scope(Gateway, "b", &tenant(1)));
        assert_ne!(scope(Device, "a", &tenant(1)), scope(Device, "a", &tenant(2)));
        let here = PrefixScope::tenant(&[1; 32], host("cloud").tokenizer);
        assert_eq!(scope(Device, "a", &tenant(1)), here, "as its other nodes call it");
    }
    assert_eq!(kept(Off, Device, "a", &tenant(1)).scope, PrefixScope::NOBODY);
}

#[test]
fn a_lineage_is_that_of_the_sender_and_the_hop_in_between() {
    let lineage = |stage, before: Lineage| {
        let open = Open { lineage: Some(before.to_bytes()), ..open(vec![stage]) };
        kept(SharePrefixes::Peer, Role::Device, "a", &open).lineage
    };
    let (exact, f16) = (Lineage::EXACT, Lineage::EXACT.hop(2, F16, &[]));
    let reads = |codec| stage("cloud", 4, 6, "h", codec);
    assert_eq!(lineage(reads(F32), exact), exact);
    assert_eq!(lineage(reads(F16), exact), exact.hop(4, F16, &[]));
    assert_eq!(lineage(reads(F32), f16), f16, "an exact hop loses no more");
    assert_eq!(lineage(reads(F16), f16), f16.hop(4, F16, &[]));
    assert_eq!(lineage(stage("cloud", 0, 6, "eh", F32), f16), exact, "tokens come over no hop");
}

/// Goal: a chain may turn at the node with the last layer, towards whoever it came from or passed by, and come
/// back to the head alone.
#[test]
fn a_chain_may_turn_at_the_last_layer_and_come_back_for_the_head() {
    let head = |node| stage(node, 6, 6, "h", F16);
    let turned = on_cloud(vec![stage("cloud", 2, 6, "", F32), head("car")], CLASS).unwrap();
    let run = StageSpec { layers: layers(2, 6), embedding: false, head: false };
    let expected =
        Accepted { reads: coder(F32), writes: coder(F16), head: Side::Down, ..plain(run) };
    assert_eq!(turned, expected);

    let (cloud, holds) = (host("cloud"), StageSpec::whole(6));
    let own = Own { host: &cloud, holds, upstream: None, positions_max: 100 };
    let gateway = Peer::new(Role::Gateway, name("gateway"));
    for node in ["gateway", "any-device"] {
        let chain = open(vec![stage("cloud", 2, 6, "", F32), head(node)]);
        assert_eq!(accept(own, &chain, &gateway, CLASS).unwrap(), expected, "{node}");
    }

    let middle = |last| vec![stage("gateway", 2, 4, "", F32), stage("cloud", 4, 6, "", F32), last];
    let past = on_gateway(middle(head("car"))).unwrap();
    assert_eq!((past.head, past.last_layer, past.home), (Side::Down, false, None));
    let (gateway, upstream) = (host("gateway"), name("cloud"));
    let own = |holds| Own { host: &gateway, holds, upstream: Some(&upstream), positions_max: 100 };
    let home = accept(own(StageSpec::whole(6)), &open(middle(head("gateway"))), &device(), CLASS);
    let home = home.unwrap();
    assert_eq!((home.head, home.last_layer, home.home), (Side::Up, false, coder(F16)));
}

#[test]
fn chains_that_turn_elsewhere_or_come_back_for_more_are_refused() {
    let check = |result: Result<Accepted, Box<Fault>>, part: &str| {
        let fault = result.unwrap_err();
        assert!(fault.detail.contains(part), "{fault:?} does not say {part:?}");
    };
    let head = |node| stage(node, 6, 6, "h", F32);
    let cloud = || stage("cloud", 2, 6, "", F32);
    check(on_cloud(vec![cloud(), head("stranger")], CLASS), "no upstream to reach stranger");
    check(on_cloud(vec![cloud(), head("cloud")], CLASS), "no upstream to reach cloud");
    check(on_cloud(vec![stage("cloud", 2, 5, "", F32), head("car")], CLASS), "no upstream");
    check(on_cloud(vec![cloud(), stage("car", 5, 6, "h", F32)], CLASS), "no upstream");
    check(on_cloud(vec![cloud(), head("car"), head("car")], CLASS), "no upstream");
    check(on_cloud(vec![stage("cloud", 6, 6, "", F32), head("car")], CLASS), "no upstream");
    check(on_cloud(vec![stage("cloud", 0, 6, "e", F32), head("car")], "class-2"), "class-2");
    let middle =
        |node| vec![stage("gateway", 2, 4, "", F32), stage("cloud", 4, 6, "", F32), head(node)];
    check(on_gateway(middle("gateway")), "the head is planned for gateway, which holds");
}

/// Goal: a text is read by nobody whom its class does not allow to, and nobody else is in the way.
#[test]
fn a_text_goes_no_further_than_its_class() {
    let gateway = |class, stages| {
        let (host, cloud) = (host("gateway"), name("cloud"));
        let holds = StageSpec { layers: layers(0, 4), embedding: true, head: true };
        let own = Own { host: &host, holds, upstream: Some(&cloud), positions_max: 100 };
        accept(own, &Open { class, ..open(stages) }, &device(), CLASS)
    };
    let cloud = |class, stages| {
        let host = Host { role: Role::Cloud, holds: layers(0, 6), ..host("cloud") };
        let holds = StageSpec::whole(6);
        let own = Own { host: &host, holds, upstream: None, positions_max: 100 };
        accept(own, &Open { class, ..open(stages) }, &device(), CLASS)
    };
    let whole = || vec![stage("cloud", 0, 6, "eh", F32)];
    let last = || vec![stage("cloud", 2, 6, "h", F32)];
    let middle = || vec![stage("cloud", 2, 6, "", F32), stage("car", 6, 6, "h", F32)];
    let through =
        |flags: &str| vec![stage("gateway", 0, 3, "e", F32), stage("cloud", 3, 6, flags, F32)];
    let ring = || [through(""), vec![stage("gateway", 6, 6, "h", F32)]].concat();
    let why = |refused: Result<Accepted, Box<Fault>>| refused.unwrap_err().detail;
    for stages in [whole(), last(), middle()] {
        assert!(cloud(Privacy::Anywhere, stages.clone()).is_ok());
        let detail = why(cloud(Privacy::Device, stages));
        assert_eq!(detail, "a text of class device may not be read by cloud");
    }
    for stages in [whole(), last()] {
        let detail = why(cloud(Privacy::Site, stages));
        assert_eq!(detail, "a text of class site may not be read by cloud");
    }
    assert!(cloud(Privacy::Site, middle()).is_ok());
    let from_the_first = vec![stage("cloud", 0, 6, "", F32), stage("car", 6, 6, "h", F32)];
    let detail = why(cloud(Privacy::Site, from_the_first));
    assert_eq!(
        detail, "a text of class site may not be read by cloud",
        "rows of the embedding are its text"
    );
    assert!(gateway(Privacy::Anywhere, through("h")).is_ok());
    let detail = why(gateway(Privacy::Site, through("h")));
    assert_eq!(detail, "a text of class site may not be read by cloud");
    assert!(gateway(Privacy::Site, ring()).is_ok());
    assert!(gateway(Privacy::Device, ring()).is_err());
}
