//! Whatever stands between device and target, the target says the same.

use super::device::Device;
use super::world::{
    MODEL, World, cloud_peer, first, gateway_peer, layers, prompt, reference, stage, whole,
};
use base::{LayerRange, Sampling, WireCodec};
use protocol::PlannedStage;

const COUNT: usize = 24;

fn warm() -> Sampling {
    Sampling::new(0.8, 40, 0.95, 7).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_over_the_cloud_alone_give_the_text_of_a_direct_computation() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    assert_eq!(device.welcome.holds, LayerRange::all(MODEL.config().layers));
    for (id, sampling) in [(1, Sampling::GREEDY), (2, warm())] {
        let expected = reference(&sampling, COUNT);
        let mut session = device.session(id, sampling, whole(), None).await;
        assert_eq!(session.opened().await.held.0, 0);
        session.speculate(&expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_alone_says_the_text_of_a_direct_computation() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let expected = reference(&warm(), COUNT);
    let mut session = device.session(1, warm(), whole(), None).await;
    session.opened().await;
    let extend = u32::try_from(COUNT).unwrap();
    session.pass(&prompt(), 0, 0, extend).await;
    let mut said = Vec::new();
    while said.len() < COUNT {
        said.extend(session.verdict().await.tokens);
    }
    assert_eq!(said, expected);
}

/// Goal: no split changes a token. Method: every pair of split points `a <= b`, where the device
/// runs `0..a` (or nothing, and then the gateway has the embedding), the gateway `a..b` and the
/// cloud the rest; and each `a` over the cloud alone.
#[tokio::test(flavor = "multi_thread")]
async fn every_split_over_device_gateway_and_cloud_gives_the_same_text() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let gateway = world.gateway(cloud.local_addr()).await;
    let direct = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let through = Device::dial(&mut world, "device", &gateway_peer(), gateway.local_addr()).await;
    let expected = reference(&warm(), COUNT);
    let last = MODEL.config().layers;
    let mut id = 0;
    for a in 0..=last {
        let own = Some(layers(0, a));
        let mut chains = vec![(&direct, vec![stage("cloud", layers(a, last))], own)];
        for b in a..=last {
            let rest = || stage("cloud", layers(b, last));
            chains.push((&through, vec![stage("gateway", layers(a, b)), rest()], own));
            if a == 0 {
                let gateway = first(stage("gateway", layers(a, b)));
                chains.push((&through, vec![gateway, rest()], None));
            }
        }
        for (device, stages, own) in chains {
            id += 1;
            let what = format!("device {own:?}, {stages:?}");
            let mut session = device.session(id, warm(), stages, own).await;
            assert_eq!(session.opened().await.held.0, 0, "{what}");
            session.speculate(&expected).await;
            session.channel.send(protocol::Message::Close(protocol::Close {})).await.unwrap();
        }
    }
}

/// Goal: a quantized hop costs what its codec costs and nothing more. Method: a gateway that only
/// relays sends on the very bytes that it got, or values that it decoded to an exact hop.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_of_quantized_hidden_states_changes_nothing() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let gateway = world.gateway(cloud.local_addr()).await;
    let direct = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let through = Device::dial(&mut world, "device", &gateway_peer(), gateway.local_addr()).await;
    let last = MODEL.config().layers;
    let coded = |stage: PlannedStage, codec| PlannedStage { codec, ..stage };
    for (id, codec) in [(1, WireCodec::F16), (2, WireCodec::Int8)] {
        let own = Some(layers(0, 2));
        let tail = |codec| coded(stage("cloud", layers(2, last)), codec);
        let mut session = direct.session(id, warm(), vec![tail(codec)], own).await;
        session.opened().await;
        let expected = session.say(8).await;
        for (id, onward) in [(id, codec), (id + 10, WireCodec::F32)] {
            let relay = coded(stage("gateway", layers(2, 2)), codec);
            let stages = vec![relay, tail(onward)];
            let mut session = through.session(id, warm(), stages, own).await;
            session.opened().await;
            assert_eq!(session.say(8).await, expected, "{codec:?}, then {onward:?}");
        }
    }
}

/// Two devices may choose the same id, by chance or on purpose.
#[tokio::test(flavor = "multi_thread")]
async fn two_devices_with_one_session_id_do_not_meet_behind_their_gateway() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let gateway = world.gateway(cloud.local_addr()).await;
    let last = MODEL.config().layers;
    let stages = || vec![first(stage("gateway", layers(0, 3))), stage("cloud", layers(3, last))];
    let one = Device::dial(&mut world, "one", &gateway_peer(), gateway.local_addr()).await;
    let two = Device::dial(&mut world, "two", &gateway_peer(), gateway.local_addr()).await;
    let mut first = one.session(1, Sampling::GREEDY, stages(), None).await;
    first.opened().await;
    let mut second = two.session(1, warm(), stages(), None).await;
    second.opened().await;
    assert_eq!(cloud.sessions(), 2);
    assert_eq!(second.say(8).await, reference(&warm(), 8));
    assert_eq!(first.say(8).await, reference(&Sampling::GREEDY, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sessions_at_once_do_not_touch_each_other() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let mut running = tokio::task::JoinSet::new();
    for id in 0..6 {
        let sampling = Sampling::new(1.0, 0, 1.0, id.into()).unwrap();
        let mut session = device.session(id, sampling, whole(), None).await;
        running.spawn(async move {
            let expected = reference(&sampling, COUNT);
            session.opened().await;
            session.speculate(&expected).await;
        });
    }
    assert_eq!(running.join_all().await.len(), 6);
}
