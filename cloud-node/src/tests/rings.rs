//! Chains that come back for the head: to the device, and to the gateway.

use super::device::{Device, Session};
use super::head::Head;
use super::world::{
    MODEL, World, cloud_peer, eventually, first, gateway_peer, layers, prompt, reference, stage,
};
use base::{LayerRange, Position, Sampling, WireCodec};
use protocol::{Close, Epoch, Message, PlannedStage, Verdict};

const COUNT: usize = 24;

fn warm() -> Sampling {
    Sampling::new(0.8, 40, 0.95, 7).unwrap()
}

/// The head alone, on `node`.
fn head(node: &str, codec: WireCodec) -> PlannedStage {
    let last = MODEL.config().layers;
    PlannedStage { head: true, codec, ..stage(node, layers(last, last)) }
}

/// Layers of the cloud, whose head is elsewhere.
fn cloud(range: LayerRange) -> PlannedStage {
    PlannedStage { head: false, ..stage("cloud", range) }
}

/// A session over `stages`, of which the last is the device's head where that is at home.
async fn session(
    device: &Device,
    id: u8,
    stages: Vec<PlannedStage>,
    own: Option<LayerRange>,
) -> Session {
    let head = stages.last().filter(|last| last.node.as_str() == "device").cloned();
    let mut session = device.session(id, warm(), stages, own).await;
    session.head = head.map(|head| Head::new(head.codec));
    session
}

async fn close(mut session: Session) {
    session.channel.send(Message::Close(Close {})).await.unwrap();
}

/// Goal: wherever the chain turns and comes back to, no token changes. Method: every split point over device,
/// gateway and cloud, with the head on the device and on the gateway, and drafts that miss.
#[tokio::test(flavor = "multi_thread")]
async fn every_ring_gives_the_same_text() {
    let mut world = World::new();
    let server = world.cloud().await;
    let gateway = world.gateway(server.local_addr()).await;
    let direct = Device::dial(&mut world, "device", &cloud_peer(), server.local_addr()).await;
    let through = Device::dial(&mut world, "device", &gateway_peer(), gateway.local_addr()).await;
    let expected = reference(&warm(), COUNT);
    let last = MODEL.config().layers;
    let at_home = || head("device", WireCodec::F32);
    let at_gateway = || head("gateway", WireCodec::F32);
    let mut id = 0;
    for a in 0..last {
        let own = Some(layers(0, a));
        let mut chains = vec![
            (&direct, vec![cloud(layers(a, last)), at_home()], own),
            (&through, vec![stage("gateway", layers(a, last)), at_home()], own),
        ];
        for b in a..last {
            let middle = || stage("gateway", layers(a, b));
            let rest = || cloud(layers(b, last));
            chains.push((&through, vec![middle(), rest(), at_gateway()], own));
            chains.push((&through, vec![middle(), rest(), at_home()], own));
            if a == 0 {
                chains.push((&through, vec![first(middle()), rest(), at_gateway()], None));
                chains.push((&through, vec![first(middle()), rest(), at_home()], None));
            }
        }
        for (device, stages, own) in chains {
            id += 1;
            let what = format!("device {own:?}, {stages:?}");
            let mut session = session(device, id, stages, own).await;
            assert_eq!(session.opened().await.held.0, 0, "{what}");
            session.speculate(&expected).await;
            close(session).await;
        }
    }
    eventually(|| (gateway.sessions(), server.sessions()) == (0, 0)).await;
}

/// Goal: of a prompt of 37 rows one comes back, and of each round the rows of its drafts and one more.
#[tokio::test(flavor = "multi_thread")]
async fn only_rows_that_are_chosen_from_come_back() {
    let mut world = World::new();
    let server = world.cloud().await;
    let device = Device::dial(&mut world, "device", &cloud_peer(), server.local_addr()).await;
    let stages = vec![cloud(layers(2, MODEL.config().layers)), head("device", WireCodec::F16)];
    let mut session = session(&device, 1, stages, Some(layers(0, 2))).await;
    session.opened().await;
    let row = 2 * MODEL.config().width;
    session.pass(&prompt(), 0, 0, 0).await;
    session.verdict().await;
    assert_eq!(session.head.as_ref().unwrap().came, row);
    session.pass(&prompt(), prompt().len() - 5, 3, 0).await;
    assert_eq!(session.verdict().await.from, Position::after(prompt().len() - 3));
    assert_eq!(session.head.as_ref().unwrap().came, 5 * row);
}

/// Goal: a device that lost its link finds all of the text held, the head's part of it as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_ring_is_found_again() {
    let mut world = World::new();
    let server = world.cloud().await;
    let gateway = world.gateway(server.local_addr()).await;
    let last = MODEL.config().layers;
    let expected = reference(&warm(), 1);
    for (id, at) in [(1, "device"), (2, "gateway")] {
        let chain = || {
            let gateway = first(stage("gateway", layers(0, 3)));
            vec![gateway, cloud(layers(3, last)), head(at, WireCodec::F32)]
        };
        let address = gateway.local_addr();
        let device = Device::dial(&mut world, "device", &gateway_peer(), address).await;
        let mut before = session(&device, id, chain(), None).await;
        before.opened().await;
        before.pass(&prompt(), 0, 0, 0).await;
        assert_eq!(before.verdict().await.tokens, expected);
        drop((before, device));
        eventually(|| (gateway.sessions(), server.sessions()) == (0, 0)).await;
        let device = Device::dial(&mut world, "device", &gateway_peer(), address).await;
        let mut after = session(&device, id, chain(), None).await;
        (after.open.epoch, after.open.have) = (Epoch(1), Position(100));
        if let Some(head) = &mut after.head {
            head.text = prompt();
        }
        assert_eq!(after.opened().await.held, Position::after(prompt().len()), "{at}");
        after.pass(&prompt(), prompt().len() - 1, 0, 0).await;
        assert_eq!(after.verdict().await.tokens, expected, "{at}");
        close(after).await;
    }
}

/// Goal: whoever says what belongs to a ring where there is none is to blame, and nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_where_the_head_is_not_below_is_out_of_turn() {
    let mut world = World::new();
    let server = world.cloud().await;
    let gateway = world.gateway(server.local_addr()).await;
    let last = MODEL.config().layers;
    let verdict = || Verdict {
        epoch: Epoch(0),
        from: Position(1),
        agreed: Vec::new(),
        accepted: 0,
        tokens: Vec::new(),
        likelihoods: Vec::new(),
        passes: 0,
        cost: None,
    };
    let whole = first(stage("cloud", layers(0, last)));
    let split = vec![first(stage("gateway", layers(0, 3))), stage("cloud", layers(3, last))];
    for (to, address, stages) in [
        (cloud_peer(), server.local_addr(), vec![whole]),
        (gateway_peer(), gateway.local_addr(), split),
    ] {
        let device = Device::dial(&mut world, "device", &to, address).await;
        let mut session = device.session(1, warm(), stages, None).await;
        session.opened().await;
        session.channel.send(Message::Verdict(verdict())).await.unwrap();
        let end = device.link.closed().await.to_string();
        assert!(end.contains("Verdict out of turn"), "{end}");
    }
    assert!(gateway.upstream_is_up(), "the gateway's own link has not suffered");
}
