//! Passes that are told: their rows are known, and nothing runs.

use super::device::{Device, Session};
use super::world::{
    MODEL, World, cloud_peer, first, gateway_peer, layers, reference_after, stage, whole,
};
use base::{Position, Sampling, TokenId, WireCodec};
use protocol::{Epoch, PlannedStage, TenantSecret};

const COUNT: usize = 6;

/// Three blocks, and a few tokens.
fn text() -> Vec<TokenId> {
    (0..101).map(|i| TokenId(300 + i * 11 % 900)).collect()
}

/// What the target says after [`text`].
fn expected() -> Vec<TokenId> {
    reference_after(&text(), COUNT)
}

/// Runs all of [`text`] but its first `told` tokens and says what the target says then.
async fn say_after(session: &mut Session, told: usize) -> Vec<TokenId> {
    let (mut text, mut base) = (text(), told);
    let start = text.len();
    while text.len() < start + COUNT {
        session.pass(&text, base, 0, 0).await;
        base = text.len();
        text.extend(session.verdict().await.tokens);
    }
    text.split_off(start)
}

fn tail(codec: WireCodec) -> Vec<PlannedStage> {
    let last = MODEL.config().layers;
    vec![PlannedStage { codec, ..stage("cloud", layers(2, last)) }]
}

fn of_tenant(mut session: Session, secret: u8) -> Session {
    session.open.tenant = Some(TenantSecret([secret; 32]));
    session
}

/// Goal: a told pass runs no row, and the text is the same. Method: one session computes, another of
/// the same device is told, over each kind of chain.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_another_session_computed_are_told_and_not_run() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let gateway = world.gateway(cloud.local_addr()).await;
    let direct = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let through = Device::dial(&mut world, "device", &gateway_peer(), gateway.local_addr()).await;
    let last = MODEL.config().layers;
    let own = Some(layers(0, 2));
    let middle = |range| stage("gateway", range);
    let rest = || stage("cloud", layers(4, last));
    let chains = [
        (&direct, whole(), None),
        (&direct, tail(WireCodec::F32), own),
        (&through, vec![middle(layers(2, 4)), rest()], own),
        (&through, vec![first(middle(layers(0, 4))), rest()], None),
    ];
    for (id, (device, stages, own)) in (1..).step_by(2).zip(chains) {
        let session = |id| device.session(id, Sampling::GREEDY, stages.clone(), own);
        let mut computing = of_tenant(session(id).await, id);
        computing.opened().await;
        assert_eq!(say_after(&mut computing, 0).await, expected(), "{stages:?}");
        let mut told = of_tenant(session(id + 1).await, id);
        told.opened().await;
        let busy = (cloud.busy(), gateway.busy());
        told.tell(&text()[..96], 0).await;
        let known = told.verdict().await;
        assert_eq!((known.from, known.tokens), (Position(96), vec![]), "{stages:?}");
        assert_eq!((cloud.busy(), gateway.busy()), busy, "{stages:?}");
        assert_eq!(say_after(&mut told, 96).await, expected(), "{stages:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_nobody_computed_is_a_gap_and_is_then_run() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let own = Some(layers(0, 2));
    for (id, stages, own) in [(1, whole(), None), (3, tail(WireCodec::F32), own)] {
        let session = device.session(id, Sampling::GREEDY, stages.clone(), own).await;
        let mut session = of_tenant(session, id);
        session.opened().await;
        session.tell(&text()[..64], 0).await;
        assert_eq!(session.gap().await, 0);
        session.open.epoch = Epoch(1);
        session.pass(&text()[..70], 0, 0, 0).await;
        session.verdict().await;
        // Of three blocks two are known now.
        let second = device.session(id + 1, Sampling::GREEDY, stages, own).await;
        let mut second = of_tenant(second, id);
        second.opened().await;
        second.tell(&text()[..96], 0).await;
        assert_eq!(second.gap().await, 64);
        second.open.epoch = Epoch(1);
        assert_eq!(say_after(&mut second, 64).await, expected());
    }
}

/// Goal: KV is found by those alone whose it is. Method: a session is told what another one computed
/// that had another tenant, another codec of the hop, or another peer.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_computed_or_what_came_over_another_hop_is_not_known() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let other = Device::dial(&mut world, "other", &cloud_peer(), cloud.local_addr()).await;
    let own = Some(layers(0, 2));
    let session = async |device: &Device, id, codec, secret| {
        let session = device.session(id, Sampling::GREEDY, tail(codec), own).await;
        let mut session = match secret {
            Some(secret) => of_tenant(session, secret),
            None => session,
        };
        session.opened().await;
        session
    };
    let mut computing = session(&device, 1, WireCodec::F16, Some(1)).await;
    say_after(&mut computing, 0).await;
    for (id, device, codec, secret, known) in [
        (2, &other, WireCodec::F16, Some(1), true),
        (3, &device, WireCodec::F32, Some(1), false),
        (4, &device, WireCodec::F16, Some(2), false),
        (5, &device, WireCodec::F16, None, false),
    ] {
        let mut told = session(device, id, codec, secret).await;
        told.tell(&text()[..96], 0).await;
        match known {
            true => assert_eq!(told.verdict().await.from, Position(96), "session {id}"),
            false => assert_eq!(told.gap().await, 0, "session {id}"),
        }
    }
}

/// The same where the lossy hop is not the last one: a gateway says what it had.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_over_another_hop_further_down_is_not_known() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let gateway = world.gateway(cloud.local_addr()).await;
    let device = Device::dial(&mut world, "device", &gateway_peer(), gateway.local_addr()).await;
    for (id, codec, known) in [
        (1, WireCodec::F16, None),
        (2, WireCodec::F32, Some(false)),
        (3, WireCodec::F16, Some(true)),
    ] {
        let relay = PlannedStage { codec, ..stage("gateway", layers(2, 2)) };
        let stages = [vec![relay], tail(WireCodec::F32)].concat();
        let session = device.session(id, Sampling::GREEDY, stages, Some(layers(0, 2))).await;
        let mut session = of_tenant(session, 1);
        session.opened().await;
        if known.is_some() {
            session.tell(&text()[..96], 0).await;
        }
        match known {
            None => drop(say_after(&mut session, 0).await),
            Some(true) => assert_eq!(session.verdict().await.from, Position(96), "session {id}"),
            Some(false) => assert_eq!(session.gap().await, 0, "session {id}"),
        }
    }
}
