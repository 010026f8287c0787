//! Whatever stands between the device and the target, the text is the target's own.
//!
//! Draft model, draft length, mode, split, loss and duplication decide what it costs, never what it
//! says. The reference is computed in this process without any node.

use crate::world::{
    Answer, Device, Kv, Mode, Node, NodeConfig, Oracle, PATIENCE_MS, Relay, Sampling, Stage,
    Weather, World, demo_target, endless_pair, random_weights, shorten, side_by_side,
};
use base::KvFormat;
use std::path::PathBuf;

const PROMPT: &str = "I would like to book a table for";
const TOKENS: usize = 24;

const SAMPLINGS: [Sampling; 2] = [Sampling::GREEDY, Sampling { temperature: 0.8, seed: 11 }];

/// Datagrams get lost, doubled and overtaken, more than on any link that is worth using.
const BAD: Weather = Weather { loss_permille: 30, duplication_permille: 50, delay_us_max: 2_000 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Draft {
    Demo,
    Random,
    None,
}

/// One run.
#[derive(Debug, Clone, Copy)]
struct Case {
    mode: Mode,
    /// Tiers of a split; the device and the cloud, or all three.
    tiers: usize,
    /// Who has the head, where the chain comes back for it.
    head: Option<&'static str>,
    draft: Draft,
    draft_length: u32,
    sampling: Sampling,
    kv: Kv,
    lossy: bool,
}

impl Case {
    fn plain(mode: Mode, tiers: usize, sampling: Sampling) -> Self {
        let kv = Kv::DEFAULT;
        let (head, draft, draft_length) = (None, Draft::None, 0);
        Self { mode, tiers, head, draft, draft_length, sampling, kv, lossy: false }
    }

    /// How drafts and verdicts follow each other: all three ways, over draft lengths.
    fn speculation(&self) -> &'static str {
        ["rounds", "streaming", "work-conserving"][self.draft_length as usize % 3]
    }

    /// Where the layers are cut: somewhere else for each draft length.
    fn stages(&self, layers: u32) -> Vec<Stage> {
        let (near, far) = (self.draft_length % 3, layers - 1 - self.draft_length % 2);
        let mut stages = match (self.mode, self.tiers) {
            (Mode::Split, 2) => Stage::chain(&["device", "cloud"], &[near + 1], layers),
            (Mode::Split, _) => Stage::chain(&["device", "gateway", "cloud"], &[near, far], layers),
            _ => Vec::new(),
        };
        stages.extend(self.head.map(|node| Stage::head(node, layers)));
        stages
    }
}

/// Every case without loss, and those with it that cover each mode, draft and tier count.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for sampling in SAMPLINGS {
        let plain = |mode, tiers| Case::plain(mode, tiers, sampling);
        cases.push(plain(Mode::Local, 1));
        for (mode, tiers) in [(Mode::Remote, 1), (Mode::Split, 2), (Mode::Split, 3)] {
            cases.push(plain(mode, tiers));
            cases.push(Case { lossy: true, ..plain(mode, tiers) });
        }
        for (tiers, head) in [(2, "device"), (3, "device"), (3, "gateway")] {
            let comes_back = Case { head: Some(head), ..plain(Mode::Split, tiers) };
            let drafted = Case { draft: Draft::Demo, draft_length: 4, ..comes_back };
            cases.extend([comes_back, drafted, Case { lossy: true, ..drafted }]);
        }
        // Drafts are wanted and there is nobody to make them.
        cases.extend([2, 3].map(|tiers| Case { draft_length: 4, ..plain(Mode::Split, tiers) }));
        for (mode, tiers) in [(Mode::Speculative, 1), (Mode::Split, 2), (Mode::Split, 3)] {
            for draft in [Draft::Demo, Draft::Random] {
                for draft_length in 1..=8 {
                    let case = Case { draft, draft_length, ..plain(mode, tiers) };
                    cases.push(case);
                    if draft_length as usize % 4 == tiers % 4 {
                        cases.push(Case { lossy: true, ..case });
                    }
                }
            }
        }
    }
    cases
}

/// The other KV formats, in each mode once, with drafts where it can have some.
fn cases_of(kv: Kv) -> Vec<Case> {
    let plain = |mode, tiers| Case { kv, ..Case::plain(mode, tiers, SAMPLINGS[1]) };
    let drafted = |case| Case { draft: Draft::Demo, draft_length: 4, ..case };
    vec![
        plain(Mode::Local, 1),
        plain(Mode::Remote, 1),
        drafted(plain(Mode::Speculative, 1)),
        drafted(plain(Mode::Split, 2)),
        plain(Mode::Split, 3),
        drafted(Case { head: Some("device"), ..plain(Mode::Split, 3) }),
    ]
}

/// The nodes of the sweep: over good links and over bad ones.
struct Tiers {
    world: World,
    target: PathBuf,
    demo: PathBuf,
    random: PathBuf,
    layers: u32,
    cloud: Node,
    gateway: Node,
    cloud_relay: Relay,
    gateway_relay: Relay,
    /// Between the two far tiers of a bad chain.
    _between: (Relay, Node),
}

impl Tiers {
    fn start() -> Self {
        let world = World::new();
        let (target, demo) = endless_pair(&world);
        let random = world.path("random.gguf");
        random_weights(&demo, &random, 5);
        let cloud = NodeConfig { model: target.clone(), ..NodeConfig::cloud() };
        let cloud = Node::start(&world, &cloud);
        let gateway = |upstream, silence_ms| {
            let model = target.clone();
            let config = NodeConfig { model, silence_ms, ..NodeConfig::gateway(upstream) };
            Node::start(&world, &config)
        };
        let good = gateway(cloud.address(), PATIENCE_MS);
        let between = Relay::start(cloud.address(), BAD, 1);
        let bad = gateway(between.address(), PATIENCE_MS);
        Self {
            layers: Oracle::open(&target).layers(),
            cloud_relay: Relay::start(cloud.address(), BAD, 2),
            gateway_relay: Relay::start(bad.address(), BAD, 3),
            _between: (between, bad),
            gateway: good,
            world,
            target,
            demo,
            random,
            cloud,
        }
    }

    fn run(&self, label: &str, case: &Case) -> Answer {
        let (cloud, gateway) = match case.lossy {
            true => (self.cloud_relay.address(), self.gateway_relay.address()),
            false => (self.cloud.address(), self.gateway.address()),
        };
        let draft = match case.draft {
            Draft::Demo => Some(self.demo.clone()),
            Draft::Random => Some(self.random.clone()),
            Draft::None => None,
        };
        let device = Device {
            target: Some(self.target.clone()),
            draft,
            cloud: Some(cloud),
            gateway: Some(gateway),
            mode: case.mode,
            local: "target",
            draft_length: case.draft_length,
            speculation: case.speculation(),
            stages: case.stages(self.layers),
            tokens_max: TOKENS,
            sampling: case.sampling,
            kv: case.kv,
            silence_ms: PATIENCE_MS,
            ..Device::demo()
        };
        device.answer(&self.world, label, PROMPT)
    }
}

/// Goal: mode, split, draft model, draft length, way of speculating, loss and duplication do not
/// change a token.
/// Method: every mode, two and three tiers cut at many places, the demo's draft, a draft of random
/// weights and none, draft lengths 1 to 8, greedy and at temperature 0.8, each as a device's
/// process; a part of them once more over links that lose, double and reorder datagrams. Each text
/// is held against the target's, computed here.
#[test]
fn every_mode_draft_length_and_bad_link_gives_the_target_s_own_text() {
    let tiers = Tiers::start();
    let oracle = Oracle::open(&tiers.target);
    let references = SAMPLINGS.map(|sampling| oracle.answer(PROMPT, sampling, TOKENS));
    assert!(references.iter().all(|reference| reference.len() == TOKENS));
    assert_ne!(references[0], references[1]);

    let cases = cases();
    let answers = side_by_side(&cases, |number, case| {
        let answer = tiers.run(&format!("case-{number}"), case);
        let at = usize::from(case.sampling != Sampling::GREEDY);
        check(case, &answer, &references[at], &oracle);
        answer
    });
    check_that_drafts_were_used(&cases, &answers);
}

/// Goal: the format of KV is the session's, at every stage of it. Method: each format in each mode,
/// against the target's text computed here with that format.
#[test]
fn every_kv_format_gives_one_text_in_every_mode() {
    let tiers = Tiers::start();
    for format in [KvFormat::F32, KvFormat::Q8, KvFormat::Q4] {
        let kv = Kv { format, ..Kv::DEFAULT };
        let oracle = Oracle::with(&tiers.target, &kv);
        let reference = oracle.answer(PROMPT, SAMPLINGS[1], TOKENS);
        side_by_side(&cases_of(kv), |number, case| {
            let answer = tiers.run(&format!("{format:?}-{number}"), case);
            check(case, &answer, &reference, &oracle);
        });
    }
}

/// Goal: a text with a stream window is longer than any context, and the same in every mode. Method:
/// the models' context is given out as 128 positions; the answer has 400.
#[test]
fn a_stream_outlives_the_context_and_says_one_text_in_every_mode() {
    let world = World::new();
    let (target, draft) = endless_pair(&world);
    for path in [&target, &draft] {
        shorten(path, 128);
    }
    let cloud = Node::start(&world, &NodeConfig { model: target.clone(), ..NodeConfig::cloud() });
    let kv = Kv { format: KvFormat::F16, window: Some((4, 64)) };
    let oracle = Oracle::with(&target, &kv);
    let count = 400;
    let reference = oracle.answer(PROMPT, SAMPLINGS[1], count);
    assert_eq!(reference.len(), count);
    let cases = [(Mode::Local, 0), (Mode::Remote, 0), (Mode::Speculative, 4), (Mode::Split, 4)];
    side_by_side(&cases, |_, (mode, draft_length)| {
        let device = Device {
            target: Some(target.clone()),
            draft: Some(draft.clone()),
            cloud: Some(cloud.address()),
            mode: *mode,
            local: "target",
            draft_length: *draft_length,
            stages: Stage::chain(&["device", "cloud"], &[2], oracle.layers()),
            tokens_max: count,
            sampling: SAMPLINGS[1],
            kv,
            silence_ms: PATIENCE_MS,
            ..Device::demo()
        };
        let answer = device.answer(&world, &format!("stream-{}", mode.as_str()), PROMPT);
        assert_eq!(answer.tokens, reference, "{mode:?}");
        assert_eq!(answer.finish_reason, "length", "{mode:?}");
    });
}

fn check(case: &Case, answer: &Answer, reference: &[u32], oracle: &Oracle) {
    assert_eq!(answer.tokens, reference, "{case:?}");
    assert_eq!(answer.text, oracle.text(PROMPT, reference), "{case:?}");
    assert_eq!(answer.finish_reason, "length", "{case:?}");
    assert!(answer.verified.iter().all(|verified| *verified), "{case:?}: {answer:?}");
    if case.mode != Mode::Local {
        assert!(answer.count("bytes_sent") > 0 && answer.count("bytes_received") > 0, "{case:?}");
    }
    assert_eq!(answer.count("failovers"), 0, "{case:?}");
    // A target that goes on by itself may be ahead of every draft.
    let leads = case.mode == Mode::Speculative && case.speculation() == "work-conserving";
    let drafts = case.draft != Draft::None;
    assert!((answer.count("drafted") > 0) == drafts || leads, "{case:?}: {answer:?}");
}

/// A sweep in which no draft was ever right, or none ever wrong, would show little.
fn check_that_drafts_were_used(cases: &[Case], answers: &[Answer]) {
    let sum = |draft: Draft, key: &str| -> u64 {
        let of = cases.iter().zip(answers).filter(|(case, _)| case.draft == draft);
        of.map(|(_, answer)| answer.count(key)).sum()
    };
    let (drafted, accepted) = (sum(Draft::Demo, "drafted"), sum(Draft::Demo, "accepted"));
    assert!(0 < accepted && accepted < drafted, "{accepted} of {drafted}");
    let (drafted, accepted) = (sum(Draft::Random, "drafted"), sum(Draft::Random, "accepted"));
    assert!(accepted * 10 < drafted, "random weights were right {accepted} times of {drafted}");
}

/// Goal: an end token ends the answer at the same place everywhere, and is not part of it; what
/// streams is what is printed at the end. Method: the demo's models as they are, and room for more
/// than they say.
#[test]
fn an_answer_that_ends_by_itself_ends_at_the_same_place_in_every_mode() {
    let world = World::new();
    let cloud = Node::start(&world, &NodeConfig::cloud());
    let gateway = Node::start(&world, &NodeConfig::gateway(cloud.address()));
    let oracle = Oracle::open(&demo_target());
    let room = 200;
    let reference = oracle.answer(PROMPT, Sampling::GREEDY, room);
    let expected = if reference.len() < room { "stop" } else { "length" };
    for (mode, draft_length) in [
        (Mode::Local, 0),
        (Mode::Remote, 0),
        (Mode::Speculative, 4),
        (Mode::Speculative, 7),
        (Mode::Split, 0),
        (Mode::Split, 4),
    ] {
        let device = Device {
            cloud: Some(cloud.address()),
            gateway: Some(gateway.address()),
            mode,
            local: "target",
            draft_length,
            stages: Stage::chain(&["device", "gateway", "cloud"], &[2, 4], oracle.layers()),
            tokens_max: room,
            ..Device::demo()
        };
        let label = format!("{}-{draft_length}", mode.as_str());
        let answer = device.answer(&world, &label, PROMPT);
        assert_eq!(answer.tokens, reference, "{label}");
        assert_eq!(answer.finish_reason, expected, "{label}");
        let label = format!("{label}-streaming");
        let (text, said_at) = device.start(&world, &label, PROMPT, false).text();
        assert_eq!(text.trim_end(), answer.text.trim_end(), "{label}");
        assert!(said_at.len() > 1, "{label} came at once");
    }
}
