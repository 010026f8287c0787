//! How a session's KV is kept is the session's own, and so is its text.

use super::device::Device;
use super::world::{POSITIONS, World, cloud_peer, prompt, reference_with, whole};
use crate::Server;
use base::{KvFormat, Position, Role, Sampling, StreamWindow};
use protocol::{Epoch, Fault, FaultKind, Message, PrefixHash};
use runtime::{KvOptions, ROLLBACK_MAX};

const COUNT: usize = 24;

const FORMATS: [KvFormat; 4] = [KvFormat::F32, KvFormat::F16, KvFormat::Q8, KvFormat::Q4];

fn stream() -> StreamWindow {
    StreamWindow::new(4, 64).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_format_says_what_a_direct_computation_with_it_says() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    for (id, format) in (1..).zip(FORMATS) {
        let options = KvOptions { format, ..KvOptions::default() };
        let expected = reference_with(&options, &Sampling::GREEDY, COUNT);
        let mut session = device.session(id, Sampling::GREEDY, whole(), None).await;
        session.open.kv = format;
        session.opened().await;
        session.speculate(&expected).await;
    }
}

/// KV of another format is not the session's KV.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_with_another_format_or_window_starts_afresh() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let mut session = device.session(1, Sampling::GREEDY, whole(), None).await;
    session.opened().await;
    session.say(3).await;
    session.open.have = Position(10);
    session.open.epoch = Epoch(1);
    assert_eq!(session.opened().await.held, Position(10));
    session.open.epoch = Epoch(2);
    session.open.kv = KvFormat::Q8;
    assert_eq!(session.opened().await.held, Position(0));
    session.say(3).await;
    session.open.epoch = Epoch(3);
    session.open.stream = Some(stream());
    assert_eq!(session.opened().await.held, Position(0));
}

/// Goal: a stream outlives the longest session, in less than that one's memory, and its text is that
/// of a direct computation; who goes back too far is told to send everything again.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_past_the_longest_session_and_back_only_so_far() {
    let mut world = World::new();
    let mut config = world.config(Role::Cloud);
    config.limits.kv_tokens_max = 512;
    let cloud = Server::start(config).await.unwrap();
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let count = 2 * ROLLBACK_MAX;
    let options = KvOptions { stream: Some(stream()), ..KvOptions::default() };
    let expected = reference_with(&options, &Sampling::GREEDY, count);
    let mut session = device.session(1, Sampling::GREEDY, whole(), None).await;
    (session.open.stream, session.open.positions_max) = (Some(stream()), 1 << 20);
    session.opened().await;
    assert!(count > POSITIONS as usize);
    let text = [&prompt()[..], &expected].concat();
    let last = text.len() - 1;
    for (base, end) in [(0, 300), (300, 600), (600, last)] {
        session.pass(&text[..end], base, 0, 0).await;
        assert_eq!(session.verdict().await.tokens, [text[end]], "after {end}");
    }
    session.open.epoch = Epoch(1);
    session.open.have = Position(50);
    assert_eq!(session.opened().await.held, Position(50));
    session.pass(&text[..60], 50, 0, 0).await;
    let gap = session.recv().await;
    let nothing = FaultKind::Gap { held: Position(0), prefix: PrefixHash::EMPTY };
    assert!(matches!(&gap, Message::Fault(Fault { kind, .. }) if *kind == nothing), "{gap:?}");
    session.pass(&text[..60], 0, 0, 0).await;
    assert_eq!(session.verdict().await.tokens, [text[60]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_fit_is_rejected_with_what_would() {
    let mut world = World::new();
    let mut config = world.config(Role::Cloud);
    config.limits.kv_tokens_max = POSITIONS as usize;
    let cloud = Server::start(config).await.unwrap();
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let mut session = device.session(1, Sampling::GREEDY, whole(), None).await;
    session.open.kv = KvFormat::F32;
    let fault = session.refused().await;
    assert_eq!((fault.kind, fault.retry_after_ms), (FaultKind::Rejected, None));
    assert!(fault.detail.contains("this node has"), "{fault:?}");
    session.open.kv = KvFormat::Q4;
    session.opened().await;
    // Half of what there is, so that the next one has to wait for it.
    let mut second = device.session(2, Sampling::GREEDY, whole(), None).await;
    let fault = second.refused().await;
    assert_eq!(fault.kind, FaultKind::Overloaded, "{fault:?}");
    assert!(fault.retry_after_ms.is_some() && fault.detail.contains("are free"), "{fault:?}");
}
