//! What is refused, and what is found again.

use super::device::Device;
use super::world::{
    MODEL, POSITIONS, World, cloud_peer, eventually, layers, prompt, reference, stage, whole,
};
use crate::{Config, Server};
use base::{LayerRange, Position, Role, Sampling};
use protocol::{Close, Epoch, FaultKind, Message, Ping, PrefixHash};
use std::time::{Duration, Instant};

/// A cloud with room for two sessions, one a peer.
async fn small_cloud(world: &mut World) -> Server {
    let mut config = world.config(Role::Cloud);
    config.limits.sessions_max = 2;
    config.limits.sessions_per_peer_max = 1;
    config.limits.retry_after = Duration::from_millis(123);
    Server::start(config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_too_many_is_refused_with_a_time_and_admitted_when_there_is_room() {
    let mut world = World::new();
    let cloud = small_cloud(&mut world).await;
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let mut one = device.session(1, Sampling::GREEDY, whole(), None).await;
    one.opened().await;
    let mut two = device.session(2, Sampling::GREEDY, whole(), None).await;
    let fault = two.refused().await;
    assert_eq!((fault.kind, fault.retry_after_ms), (FaultKind::Overloaded, Some(123)));
    one.channel.send(Message::Close(Close {})).await.unwrap();
    eventually(|| cloud.sessions() == 0).await;
    two.opened().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_does_not_fit_is_refused_and_the_link_lives() {
    let mut world = World::new();
    let config =
        Config { layers: Some(LayerRange::new(1, 3).unwrap()), ..world.config(Role::Cloud) };
    let cloud = Server::start(config).await.unwrap();
    let mut device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let mut session = device.session(1, Sampling::GREEDY, whole(), None).await;
    let fault = session.refused().await;
    assert_eq!(fault.kind, FaultKind::PeerIncompatible);
    assert!(fault.detail.contains("1..3"), "{fault:?}");
    session.open.stages = vec![stage("other", LayerRange::new(1, 3).unwrap())];
    let fault = session.refused().await;
    assert_eq!(fault.kind, FaultKind::Rejected, "{fault:?}");
    device.control.send(Message::Ping(Ping { nonce: 5 })).await.unwrap();
    assert!(matches!(device.control.recv().await.unwrap(), Message::Pong(pong) if pong.nonce == 5));
}

/// Goal: a lost link costs no prefill, and nobody else gets at what waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_waits_for_its_device_and_for_nobody_else() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let address = cloud.local_addr();
    let expected = reference(&Sampling::GREEDY, 1);
    let device = Device::dial(&mut world, "device", &cloud_peer(), address).await;
    let mut session = device.session(1, Sampling::GREEDY, whole(), None).await;
    session.opened().await;
    session.pass(&prompt(), 0, 0, 0).await;
    session.verdict().await;
    drop((session, device));
    eventually(|| cloud.sessions() == 0).await;

    let thief = Device::dial(&mut world, "thief", &cloud_peer(), address).await;
    let mut session = thief.session(1, Sampling::GREEDY, whole(), None).await;
    session.open.have = Position(POSITIONS);
    assert_eq!(session.opened().await.held, Position(0));

    let device = Device::dial(&mut world, "device", &cloud_peer(), address).await;
    let mut session = device.session(1, Sampling::GREEDY, whole(), None).await;
    session.open.have = Position(POSITIONS);
    session.open.epoch = Epoch(1);
    let opened = session.opened().await;
    assert_eq!(opened.held, Position::after(prompt().len()));
    assert_eq!(opened.prefix, PrefixHash::EMPTY.extend(&prompt()));
    session.pass(&prompt(), prompt().len() - 1, 0, 0).await;
    assert_eq!(session.verdict().await.tokens, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_a_session_again_ends_its_older_channel_and_keeps_its_text() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let address = cloud.local_addr();
    let device = Device::dial(&mut world, "device", &cloud_peer(), address).await;
    let mut old = device.session(1, Sampling::GREEDY, whole(), None).await;
    old.opened().await;
    old.pass(&prompt(), 0, 0, 0).await;
    old.verdict().await;
    let again = Device::dial(&mut world, "device", &cloud_peer(), address).await;
    let mut new = again.session(1, Sampling::GREEDY, whole(), None).await;
    (new.open.have, new.open.epoch) = (Position(10), Epoch(1));
    assert_eq!(new.opened().await.held, Position(10));
    assert!(old.channel.recv().await.is_err());
    assert_eq!(cloud.sessions(), 1);
    // The same, on one channel.
    new.open.epoch = Epoch(2);
    assert_eq!(new.opened().await.held, Position(10));
}

/// KV of other layers, or of hidden states that came another way, is not the plan's KV.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_with_another_plan_starts_afresh() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let mut session = device.session(1, Sampling::GREEDY, whole(), None).await;
    session.opened().await;
    let expected = session.say(3).await;
    let last = MODEL.config().layers;
    let stages = vec![stage("cloud", layers(2, last))];
    let mut split = device.session(1, Sampling::GREEDY, stages, Some(layers(0, 2))).await;
    (split.open.epoch, split.open.have) = (Epoch(1), Position(10));
    assert_eq!(split.opened().await.held, Position(0));
    assert_eq!(split.say(3).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_breaks_the_rules_loses_its_link_and_others_do_not() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let address = cloud.local_addr();
    let bad = Device::dial(&mut world, "bad", &cloud_peer(), address).await;
    let good = Device::dial(&mut world, "good", &cloud_peer(), address).await;
    let mut session = good.session(1, Sampling::GREEDY, whole(), None).await;
    session.opened().await;
    let mut rude = bad.session(1, Sampling::GREEDY, whole(), None).await;
    rude.opened().await;
    let long = vec![prompt()[0]; POSITIONS as usize + 1];
    rude.pass(&long, 0, 0, 0).await;
    let end = tokio::time::timeout(Duration::from_secs(10), bad.link.closed()).await;
    assert!(end.unwrap().to_string().contains("misbehaved"));
    session.pass(&prompt(), 0, 0, 0).await;
    session.verdict().await;
}

/// Goal: compute never delays a sign of life. Method: pings while a long prefill runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_ping_is_answered_while_the_engine_is_busy() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let mut device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let mut session = device.session(1, Sampling::GREEDY, whole(), None).await;
    session.opened().await;
    session.pass(&[&prompt()[..], &prompt(), &prompt()].concat(), 0, 0, 0).await;
    let started = Instant::now();
    device.control.send(Message::Ping(Ping { nonce: 0 })).await.unwrap();
    assert!(matches!(device.control.recv().await.unwrap(), Message::Pong(_)));
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    session.verdict().await;
}
