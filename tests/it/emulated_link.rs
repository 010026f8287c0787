//! Devices behind emulated links, over real sockets.

use crate::world::{
    Device, Kv, Mode, Node, NodeConfig, Oracle, PATIENCE_MS, Sampling, Stage, World, endless_pair,
    side_by_side,
};
use base::KvFormat;
use std::time::{Duration, Instant};

const PROMPT: &str = "I would like to book a table for";
const TOKENS: usize = 24;

/// Goal: `[link] emulate` makes the link bad and changes no token, and the answer says that it was
/// emulated. Method: each mode over two ladder profiles; what a round trip takes is known.
#[test]
fn an_emulated_link_takes_its_time_and_says_one_text() {
    let world = World::new();
    let (target, draft) = endless_pair(&world);
    let cloud = Node::start(&world, &NodeConfig { model: target.clone(), ..NodeConfig::cloud() });
    let oracle = Oracle::open(&target);
    let reference = oracle.answer(PROMPT, Sampling::GREEDY, TOKENS);
    let modes = [Mode::Remote, Mode::Speculative, Mode::Split];
    let cases = modes.map(|mode| ["5g-static", "geo-satellite"].map(|link| (mode, link)));
    side_by_side(cases.as_flattened(), |number, (mode, link)| {
        let device = Device {
            target: Some(target.clone()),
            draft: Some(draft.clone()),
            cloud: Some(cloud.address()),
            mode: *mode,
            stages: Stage::chain(&["device", "cloud"], &[2], oracle.layers()),
            tokens_max: TOKENS,
            silence_ms: PATIENCE_MS,
            emulate: Some(link),
            ..Device::demo()
        };
        let answer = device.answer(&world, &format!("case-{number}"), PROMPT);
        assert_eq!(answer.tokens, reference, "{mode:?} over {link}");
        assert!(answer.verified.iter().all(|verified| *verified), "{mode:?} over {link}");
        // A handshake, the opening and the first pass: three round trips at least.
        let (about, trip_ms) = match *link {
            "geo-satellite" => ("geostationary satellite", 600),
            _ => ("5G and LTE, standing still", 66),
        };
        assert_eq!(answer.emulated_link.as_deref(), Some(about));
        assert!(answer.took >= Duration::from_millis(3 * trip_ms), "{mode:?}: {:?}", answer.took);
    });
}

/// Goal: a device whose address changes in mid-sentence is answered on, on the same link, and nobody
/// notices. Method: the cloud takes 40 ms a pass, and the address changes twice a second; with
/// `SLOW_TESTS=1` every three seconds, for a minute.
#[test]
fn an_address_that_changes_in_mid_sentence_costs_no_token_and_no_link() {
    let slow = std::env::var("SLOW_TESTS").is_ok_and(|value| value == "1");
    let (every_s, tokens) = if slow { ("3", 1_200) } else { ("0.5", 60) };
    let world = World::new();
    let (target, draft) = endless_pair(&world);
    let cloud = NodeConfig { model: target.clone(), pace_ms: 40.0, ..NodeConfig::cloud() };
    let cloud = Node::start(&world, &cloud);
    let profile = format!(
        "about = 'restless'\nup = {{ delay_ms = 10 }}\ndown = {{ delay_ms = 10 }}\n\
         moves = {{ every_s = {every_s} }}\n"
    );
    world.write("restless.toml", &profile);
    let kv = Kv { format: KvFormat::F16, window: Some((4, 64)) };
    let device = Device {
        target: Some(target.clone()),
        draft: Some(draft),
        cloud: Some(cloud.address()),
        mode: Mode::Remote,
        tokens_max: tokens,
        kv,
        // A third of the first is when the device asks whether the cloud is still there, from its new
        // address: a cloud that speaks into the void cannot know better.
        silence_ms: [600, 2_000],
        emulate: Some("restless.toml"),
        ..Device::demo()
    };
    // The same text at the same pace, from one address: some tokens have no text.
    world.write("calm.toml", &profile.replace("moves = ", "# moves = "));
    let settled = Device { emulate: Some("calm.toml"), ..device.clone() };
    let [streaming, settled] = [("streaming", &device), ("settled", &settled)]
        .map(|(label, device)| device.start(&world, label, PROMPT, false));
    let answer = device.answer(&world, "answered", PROMPT);
    let [gap, usual] = [streaming, settled].map(|run| longest_pause(&run.text().1));

    assert_eq!(answer.tokens, Oracle::with(&target, &kv).answer(PROMPT, Sampling::GREEDY, tokens));
    assert!(answer.verified.iter().all(|verified| *verified));
    assert_eq!(answer.count("failovers"), 0);
    assert_eq!(answer.emulated_link.as_deref(), Some("restless"));
    println!("an address for {every_s} s: {tokens} tokens, longest pause {gap:?}, else {usual:?}");
    assert!(gap < usual + Duration::from_millis(300), "{gap:?}, else {usual:?}");
}

fn longest_pause(said_at: &[Instant]) -> Duration {
    said_at.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
}
