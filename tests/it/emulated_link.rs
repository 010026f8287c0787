//! Devices behind emulated links, over real sockets.

use crate::world::{
    Device, Mode, Node, NodeConfig, Oracle, PATIENCE_MS, Sampling, Stage, World, demo_draft,
    demo_target, endless, side_by_side,
};
use std::path::PathBuf;
use std::time::Duration;

const PROMPT: &str = "I would like to book a table for";
const TOKENS: usize = 24;

/// The demo's target and draft, without an end.
fn endless_pair(world: &World) -> (PathBuf, PathBuf) {
    let (target, draft) = (world.path("target.gguf"), world.path("draft.gguf"));
    endless(&demo_target(), &target);
    endless(&demo_draft(), &draft);
    (target, draft)
}

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

/// Goal: a device whose address changes in mid-sentence is answered on, on the same link. Method: the
/// cloud takes 40 ms a pass and the address changes twice a second.
#[test]
fn an_address_that_changes_in_mid_sentence_costs_no_token_and_no_link() {
    let world = World::new();
    let (target, draft) = endless_pair(&world);
    let cloud = NodeConfig { model: target.clone(), pace_ms: 40.0, ..NodeConfig::cloud() };
    let cloud = Node::start(&world, &cloud);
    let direction = "delay_ms = 10\n";
    let profile =
        format!("about = 'restless'\n[up]\n{direction}[down]\n{direction}[moves]\nevery_s = 0.5\n");
    world.write("restless.toml", &profile);
    let tokens = 60;
    let reference = Oracle::open(&target).answer(PROMPT, Sampling::GREEDY, tokens);
    let device = Device {
        target: Some(target),
        draft: Some(draft),
        cloud: Some(cloud.address()),
        mode: Mode::Remote,
        tokens_max: tokens,
        silence_ms: PATIENCE_MS,
        emulate: Some("restless.toml"),
        ..Device::demo()
    };
    let answer = device.answer(&world, "moving", PROMPT);
    assert_eq!(answer.tokens, reference);
    assert!(answer.verified.iter().all(|verified| *verified));
    assert_eq!(answer.count("failovers"), 0);
    assert_eq!(answer.emulated_link.as_deref(), Some("restless"));
}
