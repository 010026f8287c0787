//! Real weights with a published text: stories260K says it alone, and over three processes.
//!
//! Needs `stories260K/` in the data folder, and says so where it is missing.

use crate::world::{
    Device, Mode, Node, NodeConfig, Oracle, Sampling, Stage, World, data, side_by_side,
};
use std::path::Path;

/// How many tokens the reference program ran for.
const STEPS: usize = 256;

/// The author's greedy text, from the model's own page.
fn published(folder: &Path) -> String {
    let page = std::fs::read_to_string(folder.join("stories260K.md")).unwrap();
    let (_, sample) = page.split_once("-t 0.0\n").unwrap();
    let (sample, _) = sample.split_once("\n```").unwrap();
    assert!(sample.starts_with("Once upon a time") && sample.len() > 500);
    sample.trim_end().to_owned()
}

fn device(model: &Path) -> Device {
    Device {
        target: Some(model.to_owned()),
        draft: Some(model.to_owned()),
        local: "target",
        tokens_max: STEPS,
        ..Device::demo()
    }
}

/// Goal: real weights give the published text, and every split of them gives the same ids. Method:
/// greedy, from the token that begins a text; alone, then over device, gateway and cloud at every
/// pair of split points, exact hops, with and without drafts. The model is its own draft.
#[test]
fn real_weights_say_their_published_text_alone_and_at_every_pair_of_split_points() {
    let Some(folder) = data("stories260K") else { return };
    let model = folder.join("stories260K-f32.gguf");
    let oracle = Oracle::open(&model);
    let world = World::new();
    let alone = device(&model).answer(&world, "alone", "");
    assert_eq!(alone.text.trim(), published(&folder).trim());
    assert_eq!(alone.tokens, oracle.answer("", Sampling::GREEDY, STEPS));

    let node = |config| Node::start(&world, &NodeConfig { model: model.clone(), ..config });
    let cloud = node(NodeConfig::cloud());
    let gateway = node(NodeConfig::gateway(cloud.address()));
    let layers = oracle.layers();
    let pairs = (0..=layers).flat_map(|a| (a..=layers).map(move |b| (a, b)));
    let cases: Vec<_> = pairs.flat_map(|(a, b)| [(a, b, 0), (a, b, 4)]).collect();
    assert_eq!(cases.len(), 42);
    side_by_side(&cases, |_, &(a, b, draft_length)| {
        let split = Device {
            mode: Mode::Split,
            stages: Stage::chain(&["device", "gateway", "cloud"], &[a, b], layers),
            draft_length,
            cloud: Some(cloud.address()),
            gateway: Some(gateway.address()),
            ..device(&model)
        };
        let label = format!("split-{a}-{b}-{draft_length}");
        let answer = split.answer(&world, &label, "");
        assert_eq!(answer.tokens, alone.tokens, "{label}");
        assert_eq!(answer.text, alone.text, "{label}");
        assert!(answer.verified.iter().all(|verified| *verified), "{label}");
        assert_eq!(answer.count("drafted") > 0, draft_length > 0, "{label}");
    });
}

/// Goal: a prompt goes into the model as a text goes out of it. Method: the first words of the
/// published text as a prompt give the rest of it, in every mode.
#[test]
fn the_first_words_of_the_published_text_are_answered_with_the_rest_of_it() {
    let Some(folder) = data("stories260K") else { return };
    let model = folder.join("stories260K-f32.gguf");
    let world = World::new();
    let cloud = NodeConfig { model: model.clone(), ..NodeConfig::cloud() };
    let cloud = Node::start(&world, &cloud);
    let text = published(&folder);
    let rest = text.strip_prefix("Once upon a time").unwrap();
    for mode in [Mode::Local, Mode::Remote, Mode::Speculative] {
        let device = Device { mode, cloud: Some(cloud.address()), ..device(&model) };
        let answer = device.answer(&world, mode.as_str(), "Once upon a time");
        // The prompt takes some of the reference's steps: the answer says a little more.
        assert!(answer.text.starts_with(rest), "{mode:?}: {:?}", answer.text);
    }
}
