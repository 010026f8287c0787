//! Who gets in, and what the others get.

use super::*;
use crate::ca::{Authority, Validity};
use crate::tls;
use crate::{Blame, CloseCode, DialError, RefusedBy, Tally};
use quinn::crypto::rustls::QuicClientConfig;
use std::sync::Arc;
use time::OffsetDateTime;

/// Goal: a peer that must not get in reaches nobody and hears nothing but a close.
/// Method: it dials, sends and listens as a good one would; then a good one is served.
async fn gets_nothing(world: &mut World, who: &Identity, trust: &Trust) -> LinkEnd {
    let dialer = Dialer::bind(loopback(), who, trust, &world.options).unwrap();
    let end = match dialer.dial(world.listener.local_addr(), &cloud()).await {
        Err(DialError::Handshake { source, .. }) => source,
        Err(other) => panic!("{other}"),
        Ok(link) => {
            let mut control = link.control().await.unwrap();
            let _ = control.send(Message::Ping(Ping { nonce: 1 })).await;
            end_of(soon(control.recv()).await.expect_err("it was answered"))
        }
    };
    let links = world.listener.tally().links;
    assert!(nothing(world.listener.accept()).await, "it was let in");
    world.serves().await;
    assert_eq!(world.listener.tally().links, links + 1);
    end
}

fn refused_with(end: &LinkEnd, word: &str) {
    let LinkEnd::Handshake { by: RefusedBy::Peer, alert } = end else { panic!("{end:?}") };
    assert!(alert.contains(word), "{alert}");
    assert_eq!(end.blame(), Blame::Us);
}

#[tokio::test]
async fn a_peer_of_another_ca_gets_nothing() {
    let mut world = World::new();
    let mut other = EphemeralAuthority::new().unwrap();
    let stranger = other.identity(Role::Device, &name("car")).unwrap();
    let trust = world.trust.clone();
    refused_with(&gets_nothing(&mut world, &stranger, &trust).await, "unknown CA");
    assert_eq!(world.listener.tally().handshakes_failed, 1);
}

#[tokio::test]
async fn a_revoked_peer_gets_nothing_and_the_others_are_served() {
    let mut world = World::new();
    let thief = world.authority.identity(Role::Device, &name("stolen")).unwrap();
    let other = world.authority.identity(Role::Gateway, &name("other")).unwrap();
    world.authority.revoke(&name("stolen"));
    world.trust = world.authority.trust().unwrap();
    let identity = world.authority.identity(Role::Cloud, &name("cloud")).unwrap();
    world.listener = listen(&identity, &world.trust, &world.options);
    let trust = world.trust.clone();
    refused_with(&gets_nothing(&mut world, &thief, &trust).await, "certificate revoked");
    assert!(world.dialer(&other).dial(world.listener.local_addr(), &cloud()).await.is_ok());
}

#[tokio::test]
async fn an_expired_peer_and_one_not_yet_valid_get_nothing() {
    let mut world = World::new();
    let (now, day) = (OffsetDateTime::now_utc(), time::Duration::days(1));
    let past = Validity { from: now - 2 * day, until: now - day };
    let future = Validity { from: now + day, until: now + 2 * day };
    for (validity, word) in [(past, "certificate expired"), (future, "certificate")] {
        let car = Peer::new(Role::Device, name("car"));
        let identity = world.authority.identity_for(car, validity).unwrap();
        let trust = world.trust.clone();
        refused_with(&gets_nothing(&mut world, &identity, &trust).await, word);
    }
}

#[tokio::test]
async fn a_peer_of_the_wrong_role_gets_a_close_that_says_so() {
    let mut world = World::new();
    let wrong = world.authority.identity(Role::Cloud, &name("cloud-2")).unwrap();
    let trust = world.trust.clone();
    let end = gets_nothing(&mut world, &wrong, &trust).await;
    let LinkEnd::Theirs { code, reason } = &end else { panic!("{end:?}") };
    assert_eq!(*code, Ok(CloseCode::WrongPeer));
    assert_eq!(reason, "cloud cloud-2 has no business here; allowed: device, gateway");
    assert_eq!(end.blame(), Blame::Us);
    assert_eq!(world.listener.tally().peers_refused, 1);
}

#[tokio::test]
async fn a_listener_that_reads_the_list_anew_refuses_who_was_served_before() {
    let mut world = World::new();
    let thief = world.authority.identity(Role::Device, &name("stolen")).unwrap();
    let before = world.dialer(&thief).dial(world.listener.local_addr(), &cloud()).await.unwrap();
    let served = soon(world.listener.accept()).await.unwrap();
    world.authority.revoke(&name("stolen"));
    let (identity, trust) = (
        world.authority.identity(Role::Cloud, &name("cloud")).unwrap(),
        world.authority.trust().unwrap(),
    );
    world.listener.renew(&identity, &trust).unwrap();
    refused_with(&gets_nothing(&mut world, &thief, &trust).await, "certificate revoked");
    assert!(nothing(served.closed()).await, "a link that is there goes on");
    drop(before);
}

/// Dials with a TLS configuration of its own, and sends as soon as it may.
async fn dial_by_hand(world: &World, mut config: rustls::ClientConfig, alpn: &[u8]) -> LinkEnd {
    config.alpn_protocols = vec![alpn.to_vec()];
    let config = QuicClientConfig::try_from(config).unwrap();
    let endpoint = quinn::Endpoint::client(loopback()).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(config));
    let address = world.listener.local_addr();
    let error = match endpoint.connect_with(config, address, "cloud").unwrap().await {
        Err(error) => error,
        Ok(quic) => soon(quic.closed()).await,
    };
    LinkEnd::from_quic(&error)
}

fn by_hand(
    world: &World,
) -> rustls::ConfigBuilder<rustls::ClientConfig, rustls::client::WantsClientCert> {
    rustls::ClientConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(Arc::clone(&world.trust.roots))
}

#[tokio::test]
async fn a_peer_without_a_certificate_gets_nothing() {
    let mut world = World::new();
    let config = by_hand(&world).with_no_client_auth();
    let end = dial_by_hand(&world, config, tls::ALPN).await;
    refused_with(&end, "certificate required");
    assert!(nothing(world.listener.accept()).await);
    world.serves().await;
    let tally = Tally { links: 1, handshakes_failed: 1, ..Tally::default() };
    assert_eq!(world.listener.tally(), tally);
}

#[tokio::test]
async fn a_peer_of_another_protocol_gets_nothing() {
    let mut world = World::new();
    let device = world.device();
    let config = by_hand(&world).with_client_cert_resolver(device.resolver());
    refused_with(&dial_by_hand(&world, config, b"h3").await, "no causeway protocol");
    world.serves().await;
}

#[tokio::test]
async fn a_listener_of_another_name_role_or_ca_is_not_spoken_to() {
    let mut world = World::new();
    let (address, device) = (world.listener.local_addr(), world.device());
    let dialer = world.dialer(&device);

    let named = Peer::new(Role::Cloud, name("cloud-2"));
    let wrong_name = dialer.dial(address, &named).await.unwrap_err();
    let DialError::Handshake { source: end, .. } = &wrong_name else { panic!("{wrong_name}") };
    assert!(matches!(end, LinkEnd::Handshake { by: RefusedBy::Us, .. }), "{end}");
    assert_eq!(end.blame(), Blame::Peer);

    let gateway = Peer::new(Role::Gateway, name("cloud"));
    let wrong_role = dialer.dial(address, &gateway).await.unwrap_err();
    assert_eq!(
        wrong_role.to_string(),
        format!("cloud cloud answered at {address}, not gateway cloud; the link was closed")
    );

    let refused = soon(world.listener.accept()).await.expect("the listener had no objection");
    let end = soon(refused.closed()).await;
    assert!(matches!(end, LinkEnd::Theirs { code: Ok(CloseCode::WrongPeer), .. }), "{end}");

    let mut other = EphemeralAuthority::new().unwrap();
    let trust = other.trust().unwrap();
    let dialer = Dialer::bind(loopback(), &device, &trust, &world.options).unwrap();
    let wrong_ca = dialer.dial(address, &cloud()).await.unwrap_err();
    assert!(matches!(wrong_ca, DialError::Handshake { .. }), "{wrong_ca}");
    world.serves().await;
}

#[tokio::test]
async fn a_revoked_listener_and_a_device_that_listens_are_not_spoken_to() {
    let mut world = World::new();
    let device = world.device();
    world.authority.revoke(&name("cloud"));
    let trust = world.authority.trust().unwrap();
    let dialer = Dialer::bind(loopback(), &device, &trust, &world.options).unwrap();
    let revoked = dialer.dial(world.listener.local_addr(), &cloud()).await.unwrap_err();
    let DialError::Handshake { source, .. } = revoked else { panic!("{revoked}") };
    assert!(source.to_string().contains("revoked"), "{source}");

    let listener = listen(&device, &trust, &world.options);
    let car = Peer::new(Role::Device, name("car"));
    let serving = dialer.dial(listener.local_addr(), &car).await.unwrap_err();
    assert!(matches!(serving, DialError::Handshake { .. }), "a device cannot serve: {serving}");
}

#[tokio::test]
async fn certificates_from_files_are_believed_until_they_are_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::create(&dir.path().join("ca")).unwrap();
    let identity = |role, node: &str| {
        let paths = authority.issue(role, &name(node), &dir.path().join(node)).unwrap();
        Identity::read(&paths.certificate, &paths.key).unwrap()
    };
    let (device, cloud_identity) = (identity(Role::Device, "car"), identity(Role::Cloud, "cloud"));
    let options = LinkOptions::default();
    for revoked in [false, true] {
        let trust =
            Trust::read(&authority.certificate_path(), Some(&authority.crl_path())).unwrap();
        let listener = listen(&cloud_identity, &trust, &options);
        let dialer = Dialer::bind(loopback(), &device, &trust, &options).unwrap();
        let link = dialer.dial(listener.local_addr(), &cloud()).await;
        if revoked {
            assert!(nothing(listener.accept()).await);
            assert_eq!(listener.tally().handshakes_failed, 1);
        } else {
            assert!(soon(listener.accept()).await.is_some());
            authority.revoke(&name("car")).unwrap();
        }
        drop(link);
    }
}

#[tokio::test]
async fn no_provider_of_cryptography_is_installed_for_the_process() {
    World::new().serves().await;
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}
