//! Segments beside words on a narrow link, in virtual time.

use super::busy::paced;
use super::device::{Device, Session};
use super::segments::{fetch_from, options};
use super::world::{MODEL, World, alone, cloud_peer, whole};
use crate::Server;
use base::{LayerRange, Role, Sampling, TokenId};
use protocol::TenantSecret;
use runtime::{Segment, SegmentFormat, StageSpec};
use serde::Deserialize;
use settings::Link;
use std::time::Duration;
use transport::{Network, clock};

/// Between one word and the next.
const PASS: Duration = Duration::from_millis(40);

/// What the link takes one way, and how much it carries.
const DELAY_MS: u32 = 20;
const MBPS: u32 = 4;

/// How much later a word may come because of segments: twice the pacer's target, and a packet.
const LATER_MAX: Duration = Duration::from_millis(60);

const TENANT: [u8; 32] = [7; 32];

fn text(count: u32) -> Vec<TokenId> {
    (0..count).map(|i| TokenId(300 + i * 11 % 900)).collect()
}

/// `network` over the narrow link.
fn narrow(network: &Network) -> Network {
    #[derive(Deserialize)]
    struct File {
        link: Link,
    }
    let folder = tempfile::tempdir().unwrap();
    let way = format!("delay_ms = {DELAY_MS}\nrate_mbps = {MBPS}\nqueue_bytes_max = 200000\n");
    let profile = format!("about = 'narrow'\n[up]\n{way}[down]\n{way}");
    std::fs::write(folder.path().join("narrow.toml"), profile).unwrap();
    let path = folder.path().join("node.toml");
    std::fs::write(&path, "[link]\nemulate = 'narrow.toml'\n").unwrap();
    let (File { link }, file) = settings::load(&path).unwrap();
    network.clone().emulating(link.emulation(&file).unwrap(), 1)
}

/// The longest that the device waited for the next of `count` words.
async fn longest_wait(session: &mut Session, count: usize) -> Duration {
    let (mut heard, mut last, mut longest) = (0, clock::now(), Duration::ZERO);
    while heard < count {
        heard += session.verdict().await.tokens.len();
        longest = longest.max(clock::now() - last);
        last = clock::now();
    }
    longest
}

/// Goal: who listens notices nothing of segments that come down beside the words, and they come.
#[tokio::test(start_paused = true)]
async fn words_come_in_time_while_segments_do() {
    let (mut world, network) = (World::new(), Network::memory());
    let mut config = paced(world.config(Role::Cloud), &network, PASS);
    (config.limits.positions_per_session_max, config.limits.kv_tokens_max) = (1024, 4096);
    let cloud = Server::start(config).await.unwrap();
    let at = cloud.local_addr();
    let device = Device::dial_over(narrow(&network), &mut world, "device", &cloud_peer(), at).await;
    let text = text(400);
    let mut session = device.session(1, Sampling::GREEDY, whole(), None).await;
    (session.open.tenant, session.open.positions_max) = (Some(TenantSecret(TENANT)), 1024);
    session.opened().await;
    session.pass(&text, 0, 0, 200).await;
    session.verdict().await;
    let without = longest_wait(&mut session, 20).await;

    let stage = MODEL.load_stage(StageSpec::whole(MODEL.config().layers), &alone()).unwrap();
    let all = stage.segments(&options(TENANT[0], SegmentFormat::Exact), &text).unwrap();
    let layers = LayerRange::all(MODEL.config().layers);
    let exact = |block| all.at(block, layers, SegmentFormat::Exact).unwrap();
    let wanted: Vec<Segment> = (0..all.blocks()).map(exact).collect();
    let bytes: usize = wanted.iter().map(|segment| *segment.sizes().end()).sum();
    let began = clock::now();
    let fetched = async {
        let segments = fetch_from(&device, &wanted).await;
        (segments.iter().all(Option::is_some), clock::now() - began)
    };
    let ((all_came, took), beside) = tokio::join!(fetched, longest_wait(&mut session, 100));
    assert!(all_came);
    #[expect(clippy::cast_precision_loss, reason = "few bytes")]
    let used = bytes as f64 * 8.0 / took.as_secs_f64() / (f64::from(MBPS) * 1e6);
    let what =
        format!("{bytes} bytes in {took:?}, {used:.2} of the link; words {without:?}, {beside:?}");
    assert!(beside <= without + LATER_MAX, "{what}");
    assert!(used > 0.5, "{what}");
}
