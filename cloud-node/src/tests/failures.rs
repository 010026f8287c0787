//! What a device is told when a node further up dies, stops or comes back.

use super::device::Device;
use super::world::{
    MODEL, World, cloud_peer, eventually, first, gateway_peer, layers, prompt, reference, stage,
    whole,
};
use crate::{Config, Server};
use base::{LayerRange, Position, Role, Sampling};
use protocol::{Close, Epoch, FaultKind, Message, PlannedStage};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Half on the gateway, half in the cloud.
fn halves() -> Vec<PlannedStage> {
    let last = MODEL.config().layers;
    let half = last / 2;
    vec![first(stage("gateway", layers(0, half))), stage("cloud", layers(half, last))]
}

/// A server that can be ended abruptly.
fn apart(config: Config) -> (Runtime, Server) {
    let runtime = Runtime::new().unwrap();
    let server = std::thread::scope(|scope| {
        let start = || runtime.block_on(Server::start(config)).unwrap();
        scope.spawn(start).join().unwrap()
    });
    (runtime, server)
}

/// Goal: a dead cloud is named within two seconds, and the session goes on once it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_names_its_dead_cloud_and_serves_again_when_it_is_back() {
    loses_its_cloud(halves()).await;
}

/// The same where the chain turns in the cloud, and the head is the gateway's.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_with_the_head_names_its_dead_cloud_and_serves_again_when_it_is_back() {
    let [first, cloud] = &halves()[..] else { unreachable!("they are two") };
    let (last, cloud) = (cloud.layers.end(), PlannedStage { head: false, ..cloud.clone() });
    let head = PlannedStage { head: true, ..stage("gateway", layers(last, last)) };
    loses_its_cloud(vec![first.clone(), cloud, head]).await;
}

async fn loses_its_cloud(stages: Vec<PlannedStage>) {
    let mut world = World::new();
    let config = world.config(Role::Cloud);
    let (runtime, cloud) = apart(config.clone());
    let address = cloud.local_addr();
    let gateway = world.gateway(address).await;
    let device = Device::dial(&mut world, "device", &gateway_peer(), gateway.local_addr()).await;
    let expected = reference(&Sampling::GREEDY, 1);
    let mut session = device.session(1, Sampling::GREEDY, stages, None).await;
    session.opened().await;

    let started = Instant::now();
    runtime.shutdown_background();
    let Message::Fault(fault) = session.recv().await else { panic!("no fault") };
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(fault.kind, FaultKind::Unavailable);
    assert!(fault.detail.contains("cloud cloud"), "{fault:?}");
    assert!(fault.retry_after_ms.is_some());
    session.open.epoch = Epoch(1);
    let started = Instant::now();
    assert_eq!(session.refused().await.kind, FaultKind::Unavailable);
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());

    let (runtime, _cloud) = apart(Config { listen: address, ..config });
    eventually(|| gateway.upstream_is_up()).await;
    session.open.epoch = Epoch(2);
    session.opened().await;
    session.pass(&prompt(), 0, 0, 0).await;
    assert_eq!(session.verdict().await.tokens, expected);
    runtime.shutdown_background();
}

/// Goal: a device that lost its link finds its KV in every stage, and a gateway's own link to the
/// cloud need not have suffered.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_over_a_gateway_is_found_again_in_every_stage() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let gateway = world.gateway(cloud.local_addr()).await;
    let address = gateway.local_addr();
    let device = Device::dial(&mut world, "device", &gateway_peer(), address).await;
    let mut session = device.session(1, Sampling::GREEDY, halves(), None).await;
    session.opened().await;
    session.pass(&prompt(), 0, 0, 0).await;
    session.verdict().await;
    drop((session, device));
    eventually(|| (gateway.sessions(), cloud.sessions()) == (0, 0)).await;
    let device = Device::dial(&mut world, "device", &gateway_peer(), address).await;
    let mut session = device.session(1, Sampling::GREEDY, halves(), None).await;
    (session.open.epoch, session.open.have) = (Epoch(1), Position(100));
    assert_eq!(session.opened().await.held, Position::after(prompt().len()));
    session.channel.send(Message::Close(Close {})).await.unwrap();
    eventually(|| (gateway.sessions(), cloud.sessions()) == (0, 0)).await;
    session.open.epoch = Epoch(2);
    assert_eq!(session.opened().await.held, Position(0), "a closed session is forgotten");
}

/// Goal: nobody loses what runs when a node is told to stop, and nobody waits for long.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_drains_refuses_the_new_and_lets_the_running_end() {
    let mut world = World::new();
    let cloud = std::sync::Arc::new(world.cloud().await);
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let mut session = device.session(1, Sampling::GREEDY, whole(), None).await;
    session.opened().await;
    let draining = tokio::spawn({
        let cloud = cloud.clone();
        async move { cloud.drain().await }
    });
    eventually(|| cloud.is_draining()).await;
    let mut late = device.session(2, Sampling::GREEDY, whole(), None).await;
    let fault = late.refused().await;
    assert_eq!(fault.kind, FaultKind::Overloaded);
    assert!(fault.retry_after_ms.is_some() && fault.detail.contains("stopped"), "{fault:?}");
    session.pass(&prompt(), 0, 0, 0).await;
    session.verdict().await;
    assert!(!draining.is_finished());
    session.channel.send(Message::Close(Close {})).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), draining).await.unwrap().unwrap();
    assert!(device.link.closed().await.to_string().contains("draining"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_does_not_wait_longer_than_it_may() {
    let mut world = World::new();
    let mut config = world.config(Role::Cloud);
    config.limits.drain = Duration::from_millis(100);
    let cloud = Server::start(config).await.unwrap();
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let all = LayerRange::all(MODEL.config().layers);
    let stages = vec![first(stage("cloud", all))];
    let mut session = device.session(1, Sampling::GREEDY, stages, None).await;
    session.opened().await;
    tokio::time::timeout(Duration::from_secs(5), cloud.drain()).await.unwrap();
    assert!(session.channel.recv().await.is_err());
}
