//! Who computes a prompt's KV: real nodes in virtual time.

use crate::config::{Prefill, SegmentSettings, Switch};
use crate::demo::{models, nodes};
use crate::device::Device;
use crate::experiment::{World, WorldConfig, emulated, in_virtual_time};
use crate::{Notice, Reply, Request, Show};
use base::{ByteCount, Role, Sampling};
use link_emulator::Emulation;
use partitioner::{LocalChoice, Mode};
use runtime::SegmentFormat;
use settings::Pace;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const PROMPT: &str =
    "I would like to book a table for two tonight, and then a taxi to the station. ";
const TOKENS: u32 = 12;

struct Nothing;

impl Show for Nothing {
    fn piece(&mut self, _: &str, _: bool) {}

    fn notice(&mut self, _: &Notice) {}
}

/// A round trip of 50 ms, and so many megabits a second down.
fn link(mbps: f64, outages: &str) -> Emulation {
    emulated(&format!(
        "[up]\ndelay_ms = 25\nrate_mbps = 5.0\n[down]\ndelay_ms = 25\nrate_mbps = {mbps:?}\n{outages}"
    ))
}

/// A device that reads 50 tokens a second, and a cloud that reads 5,000.
fn config(mode: Mode, prefill: Prefill, mbps: f64) -> WorldConfig {
    let link = Some(link(mbps, ""));
    let mut config = WorldConfig::new(models::find(None).unwrap(), mode, link, 1);
    config.local = LocalChoice::Target;
    config.paces.device = Pace { decode_ms: 0.0, per_row_ms: 20.0 };
    config.paces.cloud = Pace { decode_ms: 5.0, per_row_ms: 0.2 };
    let from = (mode == Mode::Local).then(|| nodes::name(Role::Cloud));
    config.segments = SegmentSettings { prefill, from, ..SegmentSettings::default() };
    config
}

/// A reply to about 200 tokens, so hot that every token of it depends on the noise at its place.
fn ask(config: &WorldConfig) -> Reply {
    ask_and(config, |_| {}).0
}

/// The same, and what is to be seen of the device then.
fn ask_and<T>(config: &WorldConfig, look: impl FnOnce(&Device) -> T) -> (Reply, T) {
    let run = async {
        let mut world = World::start(config).await.unwrap();
        // Until all links stand.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let device = world.device();
        let request = Request {
            past_end: true,
            ..Request::new(
                device.raw_prompt(&PROMPT.repeat(10)),
                Sampling::new(1.5, 0, 1.0, 7).unwrap(),
                TOKENS,
            )
        };
        let reply = device.generate(&request, &mut Nothing, &CancellationToken::new()).await;
        let seen = look(device);
        world.end().await;
        (reply.unwrap(), seen)
    };
    in_virtual_time(run).unwrap()
}

fn ttft(reply: &Reply) -> f64 {
    reply.usage.ttft_ms.unwrap()
}

/// Goal: the whole target on the device begins sooner with a peer's help, soonest where both work, and says
/// the same. Method: a link over which a block takes about as long as to compute it.
#[test]
fn a_prompt_for_the_target_here_is_read_by_a_peer_from_the_back() {
    let [device, peer, both] = [Prefill::Device, Prefill::Peer, Prefill::Both]
        .map(|prefill| ask(&config(Mode::Local, prefill, 4.0)));
    println!("device {:.0} ms, peer {:.0}, both {:.0}", ttft(&device), ttft(&peer), ttft(&both));
    assert!(device.usage.prompt_tokens > 190, "{}", device.usage.prompt_tokens);
    for reply in [&peer, &both] {
        assert_eq!(reply.tokens, device.tokens);
        assert!(reply.verified.iter().all(|verified| *verified), "the target speaks here");
    }
    assert_eq!(device.usage.bytes_received, 0, "nobody is asked");
    assert!(ttft(&both) < 0.6 * ttft(&device), "{} of {}", ttft(&both), ttft(&device));
    assert!(ttft(&both) < ttft(&peer));
    let whole = peer.usage.prompt_tokens / 32 * 32;
    assert_eq!(peer.usage.prompt_tokens_brought, whole);
    let brought = both.usage.prompt_tokens_brought;
    assert!(brought >= 64 && brought < whole, "{brought}");
}

/// Goal: in a split neither the device's layers nor the hop carry what the cloud has read. Method: bytes that
/// go up, and time.
#[test]
fn a_split_sends_no_rows_that_the_cloud_knows() {
    let [alone, helped] =
        [Prefill::Device, Prefill::Both].map(|prefill| ask(&config(Mode::Split, prefill, 40.0)));
    assert_eq!(helped.tokens, alone.tokens);
    assert!(helped.verified.iter().all(|verified| *verified));
    println!("alone {:.0} ms, helped {:.0}", ttft(&alone), ttft(&helped));
    assert!(ttft(&helped) < 0.6 * ttft(&alone), "{} of {}", ttft(&helped), ttft(&alone));
    let (sent, without) = (helped.usage.frame_bytes_sent, alone.usage.frame_bytes_sent);
    assert!(sent < without / 3, "{sent} of {without} bytes");
}

/// Goal: a loss costs what it saved and nothing else. Method: the link is cut while blocks come, for longer than
/// they are waited for, and comes back or not.
#[test]
fn a_peer_that_is_lost_while_its_segments_come_changes_no_token() {
    let expected = ask(&config(Mode::Local, Prefill::Device, 4.0)).tokens;
    for (at_s, for_s) in [(0.6, 1.0), (1.5, 0.3), (1.5, 2.0), (1.5, 60.0), (2.0, 1.0)] {
        for prefill in [Prefill::Both, Prefill::Peer] {
            let mut config = config(Mode::Local, prefill, 4.0);
            let cut =
                format!("[outages]\nscheduled = [{{ at_s = {at_s:?}, for_s = {for_s:?} }}]\n");
            config.link = Some(link(4.0, &cut));
            let reply = ask(&config);
            assert_eq!(reply.tokens, expected, "{prefill:?}, cut at {at_s} for {for_s}");
            println!("{prefill:?}, cut at {at_s} s for {for_s}: {:.0} ms", ttft(&reply));
        }
    }
}

/// Goal: nobody is asked where it does not pay, or is not wanted.
#[test]
fn auto_asks_where_it_is_faster_and_allowed() {
    let slow = ask(&config(Mode::Local, Prefill::Auto, 40.0));
    assert!(slow.usage.prompt_tokens_brought > 0);
    let mut fast = config(Mode::Local, Prefill::Auto, 40.0);
    fast.paces.device = Pace { decode_ms: 1.0, per_row_ms: 0.1 };
    assert_eq!(ask(&fast).usage.prompt_tokens_brought, 0);
    let mut nobody = config(Mode::Local, Prefill::Auto, 40.0);
    nobody.segments.from = None;
    assert_eq!(ask(&nobody).usage.prompt_tokens_brought, 0);
}

/// Goal: formats that lose are asked for, come in fewer bytes, and the text goes on.
#[test]
fn narrower_segments_take_fewer_bytes() {
    let bytes = |format| {
        let mut config = config(Mode::Local, Prefill::Peer, 4.0);
        config.segments.format = format;
        let reply = ask(&config);
        assert!(reply.usage.prompt_tokens_brought > 160, "{format}");
        (reply.usage.bytes_received, ttft(&reply))
    };
    let (exact, q8) = (bytes(SegmentFormat::Exact), bytes(SegmentFormat::Q8));
    let coarse = bytes(SegmentFormat::CodedCoarse);
    assert!(q8.0 * 10 < exact.0 * 6 && coarse.0 * 5 < exact.0, "{exact:?} {q8:?} {coarse:?}");
    assert!(q8.1 < exact.1 && coarse.1 < q8.1, "{exact:?} {q8:?} {coarse:?}");
}

/// Goal: layers that move to the device in mid-reply bring their KV with them. Method: the same switch, with
/// and without; how much of the reply is over until it is made, and what goes up for it.
#[test]
fn layers_that_move_here_bring_their_kv_along() {
    for to in [Mode::Split, Mode::Local] {
        let run = |prefill| {
            let mut config = config(Mode::Remote, prefill, 40.0);
            config.switches = vec![Switch { after: 2, mode: to, stages: None }];
            config.paces.cloud = Pace { decode_ms: 200.0, per_row_ms: 0.2 };
            ask(&config)
        };
        let (computed, moved) = (run(Prefill::Device), run(Prefill::Auto));
        assert_eq!(moved.tokens, computed.tokens, "{to}");
        let [switch] = &moved.switches[..] else { panic!("{to}: {:?}", moved.switches) };
        println!("{to}: moved {switch:?}, computed {:?}", computed.switches);
        let before = computed.switches.first().map(|switch| (switch.after, switch.pause_ms));
        match before {
            // Read by the device, a row at a time, or not even read when the reply ends.
            None => assert!(switch.after < TOKENS as usize),
            Some((after, pause)) => assert!(switch.after < after || switch.pause_ms < pause),
        }
        assert!(switch.pause_ms.unwrap() < 1_000.0, "{to}: {switch:?}");
    }
}

/// Goal: a beginning that was computed once is there after a restart, for the same tenant alone. Method: two devices,
/// one after the other, that have a folder in common.
#[test]
fn what_a_device_keeps_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(Mode::Local, Prefill::Device, 4.0);
    config.segments.tenant = Some([7; 32]);
    let alone = ask(&config);
    config.segments.store = Some((folder.path().to_owned(), ByteCount(64 << 20)));
    let (cold, warm) = (ask(&config), ask(&config));
    assert_eq!((&cold.tokens, &warm.tokens), (&alone.tokens, &alone.tokens));
    assert_eq!(ttft(&cold), ttft(&alone));
    let left = alone.usage.prompt_tokens % 32;
    assert!(ttft(&warm) <= 20.0 * (left as f64 + 1.0), "{} ms for {left} rows", ttft(&warm));
    config.segments.tenant = Some([8; 32]);
    let other = ask(&config);
    assert_eq!((ttft(&other), &other.tokens), (ttft(&alone), &alone.tokens));
}

/// Goal: a device that has been brought segments knows what its link carries down.
#[test]
fn what_comes_tells_what_the_link_carries() {
    for mbps in [4.0, 12.0] {
        let (_, link) = ask_and(&config(Mode::Local, Prefill::Peer, mbps), |device| {
            device.uplinks.to(&nodes::name(Role::Cloud)).unwrap().estimate().down_mbps
        });
        assert!(link.mean > 0.6 * mbps && link.mean < 1.2 * mbps, "{link:?} of {mbps}");
    }
}

/// Goal: what a link carries up is known once hidden states have gone up. Method: the estimate of a link of
/// 5 Mbit/s, which nobody described, after a split's prompt.
#[test]
fn a_link_is_measured_by_the_hidden_states_that_go_up() {
    let (_, link) = ask_and(&config(Mode::Split, Prefill::Device, 40.0), |device| {
        device.uplinks.to(&nodes::name(Role::Cloud)).unwrap().estimate().up_mbps
    });
    println!("{link:?} of 5");
    assert!((4.0..5.3).contains(&link.mean), "{link:?}");
}
