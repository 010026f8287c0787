//! Segments by name: what a device is given of what its sessions had computed.

use super::device::{Device, open};
use super::world::{
    MODEL, World, alone, cloud_peer, eventually, first, gateway_peer, layers, reference_after,
    stage, whole,
};
use crate::segments::CHANNELS_MAX;
use crate::{SegmentOptions, Server};
use base::{Allowed, LayerRange, Position, Role, Sampling, TokenId};
use protocol::{
    Arrived, Fault, FaultKind, Fetch, Message, PlannedStage, SegmentRequest, TenantSecret,
    TextName, Wanted,
};
use runtime::{
    Arrival, Input, KvOptions, KvPool, PrefixScope, Segment, SegmentFormat, Span, SpanOutput,
    Stage, StageSpec, sampler,
};
use std::time::Duration;
use transport::SessionChannel;

/// Longer than anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Three blocks, and a few tokens.
fn text() -> Vec<TokenId> {
    (0..101).map(|i| TokenId(300 + i * 11 % 900)).collect()
}

fn all() -> LayerRange {
    LayerRange::all(MODEL.config().layers)
}

/// How the sessions of a tenant keep their KV, on whichever node.
pub(super) fn options(secret: u8, accepts: SegmentFormat) -> KvOptions {
    let scope = PrefixScope::tenant(&[secret; 32], MODEL.tokenizer().unwrap().fingerprint());
    KvOptions { scope, accepts, ..KvOptions::default() }
}

/// The target, at the device.
fn target() -> Stage {
    MODEL.load_stage(StageSpec::whole(MODEL.config().layers), &alone()).unwrap()
}

fn segments(stage: &Stage, secret: u8, layers: LayerRange, format: SegmentFormat) -> Vec<Segment> {
    let all = stage.segments(&options(secret, format), &text()).unwrap();
    (0..all.blocks()).map(|block| all.at(block, layers, format).unwrap()).collect()
}

/// Has a session of the tenant compute [`text`].
pub(super) async fn compute(device: &Device, id: u8, secret: u8) {
    compute_over(device, id, secret, whole()).await;
}

async fn compute_over(device: &Device, id: u8, secret: u8, stages: Vec<PlannedStage>) {
    let mut session = device.session(id, Sampling::GREEDY, stages, None).await;
    session.open.tenant = Some(TenantSecret([secret; 32]));
    session.opened().await;
    session.pass(&text(), 0, 0, 0).await;
    session.verdict().await;
}

/// What `channel` gives of `wanted`.
async fn fetch(channel: &mut SessionChannel, wanted: &[Segment]) -> Vec<Option<Vec<u8>>> {
    let of = |segment: &Segment| Wanted {
        text: TextName(segment.text().0),
        len_max: u32::try_from(*segment.sizes().end()).unwrap(),
    };
    let (layers, format) = (wanted[0].layers(), wanted[0].format().code());
    let mut fetch = Fetch::new(layers, format, wanted.iter().map(of).collect());
    let mut came = Vec::new();
    while !fetch.is_done() {
        while let Some(message) = fetch.poll_transmit() {
            channel.send(message).await.unwrap();
        }
        let frame = tokio::time::timeout(PATIENCE, channel.recv()).await.unwrap().unwrap();
        let Message::SegmentPart(part) = frame.message else { panic!("{:?}", frame.message) };
        fetch.handle_part(part, &frame.payload).unwrap();
        while let Some(Arrived { bytes, .. }) = fetch.poll_arrived() {
            came.push(bytes);
        }
    }
    came
}

pub(super) async fn fetch_from(device: &Device, wanted: &[Segment]) -> Vec<Option<Vec<u8>>> {
    fetch(&mut device.link.open_session().await.unwrap(), wanted).await
}

/// What the target says after [`text`] in `pool`, and how many rows of it were found there.
fn next(stage: &Stage, pool: &mut KvPool, options: &KvOptions) -> (TokenId, u64) {
    let (text, sequence) = (text(), pool.open(options));
    let (input, logits) = (Input::Tokens(&text), text.len() - 1..text.len());
    let span = Span { sequence, base: Position(0), input, logits };
    let output = stage.forward(stage.spec(), &[span], pool).unwrap().remove(0);
    let SpanOutput::Logits(logits) = output else { panic!("no logits") };
    let at = Position::after(text.len());
    (sampler::choose(&logits, &Allowed::Any, &Sampling::GREEDY, at).unwrap(), pool.counts().adopted)
}

/// Goal: a device goes on from KV that a node has computed. Method: it fetches all blocks in each format,
/// in one piece and by halves of the layers, and says the next token without running what came.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_goes_on_from_what_a_session_of_its_has_computed() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    compute(&device, 1, 7).await;
    let (stage, expected) = (target(), reference_after(&text(), 1)[0]);
    let mut channel = device.link.open_session().await.unwrap();
    for format in SegmentFormat::ALL {
        let mut pool = stage.new_pool(256).unwrap();
        let wanted = segments(&stage, 7, all(), format);
        // One request after another on a channel are numbered by whoever asks; here each has its own.
        for (segment, bytes) in wanted.iter().zip(fetch_from(&device, &wanted).await) {
            let bytes = bytes.expect("it was computed");
            assert_eq!(pool.import(segment, &bytes), Ok(Arrival::Taken), "{format}");
        }
        let found = next(&stage, &mut pool, &options(7, format));
        assert_eq!(found.1, 96, "{format}");
        // What loses more may make a token that is close to another this other one.
        let is_near = matches!(format, SegmentFormat::Exact | SegmentFormat::Q8);
        assert!(found.0 == expected || !is_near, "{format}");
    }
    let exact = SegmentFormat::Exact;
    let whole = fetch(&mut channel, &segments(&stage, 7, all(), exact)).await;
    let lower = fetch_from(&device, &segments(&stage, 7, layers(0, 3), exact)).await;
    let upper = fetch_from(&device, &segments(&stage, 7, layers(3, all().end()), exact)).await;
    for ((whole, lower), upper) in whole.into_iter().zip(lower).zip(upper) {
        assert_eq!(whole.unwrap(), [lower.unwrap(), upper.unwrap()].concat());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_know_the_tenant_is_given_nothing() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let other = Device::dial(&mut world, "other", &cloud_peer(), cloud.local_addr()).await;
    compute(&device, 1, 7).await;
    let stage = target();
    let ask = |secret| segments(&stage, secret, all(), SegmentFormat::Exact);
    assert_eq!(fetch_from(&other, &ask(8)).await, [None, None, None]);
    assert!(fetch_from(&other, &ask(7)).await.iter().all(Option::is_some), "who knows it is of it");
    let mut unnamed = device.session(2, Sampling::GREEDY, whole(), None).await;
    unnamed.opened().await;
    unnamed.pass(&text(), 0, 0, 0).await;
    unnamed.verdict().await;
    // A session without a tenant: its peer's name is no secret, so its text is not named by that.
    let scope = PrefixScope::of(&device.link.peer().to_string());
    let guessed = KvOptions { scope, ..KvOptions::default() };
    let guessed = stage.segments(&guessed, &text()).unwrap();
    let guessed = guessed.at(0, all(), SegmentFormat::Exact).unwrap();
    assert_eq!(fetch_from(&other, &[guessed]).await, [None]);
}

/// Formats and layers that there are not are given as what is not there.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_given_is_not_there() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    compute(&device, 1, 7).await;
    let text = TextName(segments(&target(), 7, all(), SegmentFormat::Exact)[0].text().0);
    let mut channel = device.link.open_session().await.unwrap();
    let past = layers(0, all().end() + 1);
    for (request, layers, format) in [(1, all(), 200), (2, past, 0), (3, layers(2, 2), 0)] {
        let texts = vec![text];
        let request = SegmentRequest { request, layers, format, have: 0, texts };
        channel.send(Message::SegmentRequest(request)).await.unwrap();
        let Message::SegmentPart(part) = channel.recv().await.unwrap().message else { panic!() };
        assert_eq!(part.total, 0, "{part:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_and_sessions_do_not_share_a_channel() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let (layers, texts) = (all(), vec![TextName([1; 32])]);
    let request = SegmentRequest { request: 1, layers, format: 0, have: 0, texts };
    let open = open(1, Sampling::GREEDY, whole());
    for (first, second) in [
        (Message::SegmentRequest(request.clone()), Message::Open(open.clone())),
        (Message::Open(open), Message::SegmentRequest(request.clone())),
        // Its number is not above the first one's.
        (Message::SegmentRequest(request.clone()), Message::SegmentRequest(request)),
    ] {
        let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
        let mut channel = device.link.open_session().await.unwrap();
        let kind = second.kind();
        channel.send(first).await.unwrap();
        channel.recv().await.unwrap();
        channel.send(second).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, channel.recv()).await.unwrap();
        let blamed = |message: &Message| {
            matches!(message, Message::Fault(Fault { kind: FaultKind::PeerMisbehaved, .. }))
        };
        // The link is closed right behind the fault, which it may overtake.
        assert!(answer.is_err() || answer.is_ok_and(|frame| blamed(&frame.message)), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_has_few_channels_of_segments_at_once() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
    let (layers, texts) = (all(), vec![TextName([1; 32])]);
    let request = SegmentRequest { request: 1, layers, format: 0, have: 0, texts };
    let ask = async || {
        let mut channel = device.link.open_session().await.unwrap();
        channel.send(Message::SegmentRequest(request.clone())).await.unwrap();
        let answer = channel.recv().await.unwrap().message;
        (channel, answer)
    };
    let mut open = Vec::new();
    for _ in 0..CHANNELS_MAX {
        let (channel, answer) = ask().await;
        assert!(matches!(answer, Message::SegmentPart(_)), "{answer:?}");
        open.push(channel);
    }
    let (_, answer) = ask().await;
    let Message::Fault(fault) = answer else { panic!("{answer:?}") };
    assert_eq!(fault.kind, FaultKind::Overloaded);
    assert!(fault.retry_after_ms.is_some());
    drop(open.pop());
    // That it has ended takes a moment to be seen.
    for _ in 0..1_000 {
        if matches!(ask().await.1, Message::SegmentPart(_)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("its place is not free");
}

/// Goal: who can reach a gateway alone gets what its cloud has. Method: a session over both computes; the
/// gateway has the lower layers and is asked for the upper ones too, from the middle of the text on as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_gives_what_its_cloud_has() {
    let mut world = World::new();
    let cloud = world.cloud().await;
    let gateway = world.gateway(cloud.local_addr()).await;
    let device = Device::dial(&mut world, "device", &gateway_peer(), gateway.local_addr()).await;
    let last = all().end();
    let chain = vec![first(stage("gateway", layers(0, 3))), stage("cloud", layers(3, last))];
    compute_over(&device, 1, 7, chain).await;
    let stage = target();
    let ask = |secret, layers| segments(&stage, secret, layers, SegmentFormat::Exact);
    let lower = fetch_from(&device, &ask(7, layers(0, 3))).await;
    let upper = fetch_from(&device, &ask(7, layers(3, last))).await;
    let tail = fetch_from(&device, &ask(7, layers(3, last))[1..]).await;
    assert_eq!(tail, upper[1..]);
    assert_eq!(fetch_from(&device, &ask(8, layers(3, last))).await, [None, None, None]);
    let mut pool = stage.new_pool(256).unwrap();
    let parts = ask(7, all()).into_iter().zip(lower.into_iter().zip(upper));
    for (whole, (lower, upper)) in parts {
        let bytes = [lower.expect("the gateway's"), upper.expect("the cloud's")].concat();
        assert_eq!(pool.import(&whole, &bytes), Ok(Arrival::Taken));
    }
    let found = next(&stage, &mut pool, &options(7, SegmentFormat::Exact));
    assert_eq!(found, (reference_after(&text(), 1)[0], 96));
}

/// Goal: what a node computed before it was restarted is given as well, in each format.
#[tokio::test(flavor = "multi_thread")]
async fn segments_come_out_of_the_store_too() {
    let (mut world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let mut start = async || {
        let segments = SegmentOptions { store: Some(folder.path().to_owned()), store_mib: 64 };
        let config = crate::Config { segments, ..world.config(Role::Cloud) };
        let cloud = Server::start(config).await.unwrap();
        let device = Device::dial(&mut world, "device", &cloud_peer(), cloud.local_addr()).await;
        (cloud, device)
    };
    let (cloud, device) = start().await;
    compute(&device, 1, 7).await;
    let stage = target();
    let wanted = SegmentFormat::ALL.map(|format| segments(&stage, 7, layers(1, 3), format));
    let mut expected = Vec::new();
    for wanted in &wanted {
        expected.push(fetch_from(&device, wanted).await);
    }
    assert!(expected.iter().flatten().all(Option::is_some));
    eventually(|| std::fs::read_dir(folder.path()).unwrap().count() == 4).await;
    cloud.drain().await;
    let (_cloud, device) = start().await;
    for (wanted, expected) in wanted.iter().zip(expected) {
        assert_eq!(fetch_from(&device, wanted).await, expected);
    }
}
