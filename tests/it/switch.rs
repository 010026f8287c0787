//! Other modes in mid-sentence, between real processes: the text is the target's own all along.

use crate::world::{
    Answer, Device, Mode, Node, NodeConfig, Oracle, PATIENCE_MS, Relay, Sampling, Stage, Weather,
    World, endless_pair,
};
use std::path::PathBuf;

const PROMPT: &str = "I would like to book a table for";
const TOKENS: usize = 60;
const SAMPLING: Sampling = Sampling { temperature: 0.8, seed: 11 };

/// Datagrams get lost, doubled and overtaken.
const BAD: Weather = Weather { loss_permille: 20, duplication_permille: 30, delay_us_max: 2_000 };

/// All models, and the cloud.
struct Scene {
    world: World,
    target: PathBuf,
    draft: PathBuf,
    cloud: Node,
}

impl Scene {
    fn start() -> Self {
        Self::paced(0.0)
    }

    /// With a cloud that takes so long for a pass.
    fn paced(pace_ms: f64) -> Self {
        let world = World::new();
        let (target, draft) = endless_pair(&world);
        let model = target.clone();
        let cloud = Node::start(&world, &NodeConfig { model, pace_ms, ..NodeConfig::cloud() });
        Self { world, target, draft, cloud }
    }

    fn gateway(&self) -> NodeConfig {
        let model = self.target.clone();
        NodeConfig { model, silence_ms: PATIENCE_MS, ..NodeConfig::gateway(self.cloud.address()) }
    }

    /// A device that can be run in every mode. It takes so long for a token of its own that all links
    /// stand before it has said five.
    fn device(&self, gateway: &Node, mode: Mode, switches: &[(usize, Mode)]) -> Device {
        Device {
            target: Some(self.target.clone()),
            draft: Some(self.draft.clone()),
            cloud: Some(self.cloud.address()),
            gateway: Some(gateway.address()),
            mode,
            switches: switches.iter().map(|(after, mode)| (*after, *mode, Vec::new())).collect(),
            local: "target",
            stages: Stage::chain(&["device", "gateway", "cloud"], &[2, 4], 6),
            tokens_max: TOKENS,
            sampling: SAMPLING,
            silence_ms: PATIENCE_MS,
            pace_ms: 15.0,
            ..Device::demo()
        }
    }

    fn reference(&self) -> Vec<u32> {
        Oracle::open(&self.target).answer(PROMPT, SAMPLING, TOKENS)
    }
}

/// Goal: a reply may go through all modes, in any order, and no token is lost, doubled or other than the
/// target's. Method: two tours, over good links and over bad ones.
#[test]
fn a_reply_through_all_modes_is_the_target_s_own_text() {
    let scene = Scene::start();
    let gateway = Node::start(&scene.world, &scene.gateway());
    let reference = scene.reference();
    let tours = [
        [Mode::Speculative, Mode::Split, Mode::Local, Mode::Remote, Mode::Speculative],
        [Mode::Split, Mode::Remote, Mode::Speculative, Mode::Local, Mode::Split],
    ];
    let relays = [(scene.cloud.address(), 1), (gateway.address(), 2)]
        .map(|(node, seed)| Relay::start(node, BAD, seed));
    for (number, [first, later @ ..]) in tours.into_iter().enumerate() {
        let switches: Vec<_> = [10, 20, 32, 44].into_iter().zip(later).collect();
        let device = scene.device(&gateway, first, &switches);
        let [cloud, gateway] = relays.each_ref().map(|relay| Some(relay.address()));
        for (weather, device) in
            [("good", device.clone()), ("bad", Device { cloud, gateway, ..device })]
        {
            let answer = device.answer(&scene.world, &format!("tour-{number}-{weather}"), PROMPT);
            assert_eq!(answer.tokens, reference, "{first:?} {weather}");
            assert!(answer.verified.iter().all(|verified| *verified), "{first:?} {weather}");
            check_tour(&answer, &later);
        }
    }
}

/// The plans were those of the tour, in its order, to its end. One whose link does not stand yet on a busy
/// machine waits for it, and is overtaken by the next.
fn check_tour(answer: &Answer, modes: &[Mode]) {
    let mut rest = modes.iter();
    for (_, plan) in &answer.switches {
        assert!(rest.any(|mode| plan.starts_with(mode.as_str())), "{:?}", answer.switches);
    }
    assert!(rest.next().is_none() && answer.switches.len() >= 2, "{:?}", answer.switches);
}

/// A plan of the long tour: its mode; the layers that end on device and gateway of a split, and who has its
/// head.
type Way = (Mode, Option<([u32; 2], &'static str)>);

/// Every mode, splits with much, little and nothing on the device and on the gateway, and chains that come back
/// for the head.
const WAYS: [Way; 10] = [
    (Mode::Local, None),
    (Mode::Remote, None),
    (Mode::Speculative, None),
    (Mode::Split, Some(([2, 4], "cloud"))),
    (Mode::Split, Some(([1, 5], "cloud"))),
    (Mode::Split, Some(([4, 5], "cloud"))),
    (Mode::Split, Some(([0, 3], "cloud"))),
    (Mode::Split, Some(([3, 3], "cloud"))),
    (Mode::Split, Some(([2, 4], "device"))),
    (Mode::Split, Some(([0, 3], "gateway"))),
];

/// Tokens between two plans.
const STEP: usize = 20;

/// A pass of every node.
const PACE_MS: f64 = 15.0;

/// Goal: each plan after each other, in mid-reply, and the text is the target's own. Method: a tour that
/// takes each ordered pair of ways once, in four replies; by default its first quarter. Nodes are so slow
/// that the next stages have read the text before it is over. Prints the pause at each.
#[test]
fn a_reply_by_every_plan_after_every_other_is_the_same_text() {
    let scene = Scene::paced(PACE_MS);
    let gateway = NodeConfig { pace_ms: PACE_MS, ..scene.gateway() };
    let gateway = Node::start(&scene.world, &gateway);
    let tour = tour_of_all_pairs(WAYS.len());
    let quarters = if std::env::var_os("SLOW_TESTS").is_some() { 4 } else { 1 };
    let count = (tour.len() - 1) / 4;
    let tokens_max = (count + 1) * STEP;
    let reference = Oracle::open(&scene.target).answer(PROMPT, SAMPLING, tokens_max);
    let mut taken = 0;
    for quarter in 0..quarters {
        let ways: Vec<Way> =
            tour[quarter * count..][..=count].iter().map(|way| WAYS[*way]).collect();
        let numbered = ways[1..].iter().zip(1..);
        let switches = numbered.map(|(way, number)| (number * STEP, way.0, stages(way)));
        let device = scene.device(&gateway, ways[0].0, &[]);
        let device = match stages(&ways[0]) {
            begins if begins.is_empty() => device,
            begins => Device { stages: begins, ..device },
        };
        let device = Device { switches: switches.collect(), tokens_max, ..device };
        let answer = device.answer(&scene.world, &format!("quarter-{quarter}"), PROMPT);
        assert_eq!(answer.tokens, reference);
        assert!(answer.verified.iter().all(|verified| *verified), "{answer:?}");
        for ((after, plan), pause_ms) in answer.switches.iter().zip(&answer.pauses_ms) {
            println!("{after:4}  {pause_ms:6.1} ms  {plan}");
        }
        taken += answer.switches.len();
    }
    println!("{taken} of {} plans were taken up", quarters * count);
    // One that is not ready in time is overtaken by the next.
    assert!(taken * 2 >= quarters * count);
}

fn stages(way: &Way) -> Vec<Stage> {
    let Some((cuts, head)) = way.1 else { return Vec::new() };
    let chain = match cuts {
        [0, end] => Stage::chain(&["gateway", "cloud"], &[end], 6),
        cuts => Stage::chain(&["device", "gateway", "cloud"], &cuts, 6),
    };
    let comes_back = (head != "cloud").then(|| Stage::head(head, 6));
    chain.into_iter().chain(comes_back).collect()
}

/// Numbers below `count`, such that each is followed by each other exactly once.
fn tour_of_all_pairs(count: usize) -> Vec<usize> {
    let mut left: Vec<Vec<usize>> =
        (0..count).map(|from| (0..count).rev().filter(|to| *to != from).collect()).collect();
    // A circuit through a graph whose nodes all have as many arrows in as out (Hierholzer 1873).
    let (mut path, mut tour) = (vec![0], Vec::new());
    while let Some(&at) = path.last() {
        match left[at].pop() {
            Some(next) => path.push(next),
            None => tour.extend(path.pop()),
        }
    }
    tour.reverse();
    tour
}

/// Goal: where the next plan's nodes refuse, the one before goes on, and the user is told. Method: a
/// gateway that has no room for the conversation.
#[test]
fn a_plan_that_is_refused_leaves_the_one_before() {
    let scene = Scene::start();
    let small = scene.gateway().toml(&scene.world);
    let small = small.replace("positions_per_session_max = 512", "positions_per_session_max = 32");
    let path = scene.world.write("small.toml", &small);
    let gateway = Node::serve(&scene.world, "small", &path.display().to_string());
    let device = scene.device(&gateway, Mode::Remote, &[(10, Mode::Split)]);
    let (answer, log) = device.start(&scene.world, "refused", PROMPT, true).answer_and_log();
    assert_eq!(answer.tokens, scene.reference());
    assert!(answer.verified.iter().all(|verified| *verified), "{answer:?}");
    assert!(log.contains("[goes on as before: "), "{log}");
    assert!(answer.switches.is_empty(), "{:?}", answer.switches);
}

/// Goal: a device that has the draft alone, and starts before its cloud, is not alone for the whole
/// request: the plan is made when the cloud is there to say how many layers the target has.
#[test]
fn a_cloud_that_comes_in_mid_sentence_is_asked_from_there_on() {
    let mut scene = Scene::start();
    let at = scene.cloud.address();
    scene.cloud.kill();
    let gateway = Device { target: None, gateway: None, ..Device::demo() };
    let device = Device {
        draft: Some(scene.draft.clone()),
        cloud: Some(at),
        mode: Mode::Remote,
        tokens_max: 100,
        sampling: SAMPLING,
        pace_ms: 50.0,
        ..gateway
    };
    let mut run = device.start(&scene.world, "early", PROMPT, false);
    run.wait_for_pieces(3);
    let config = NodeConfig { model: scene.target.clone(), listen: at, ..NodeConfig::cloud() };
    scene.cloud = Node::start(&scene.world, &config);
    let (_, log) = run.text_and_log();
    assert!(log.contains("[from here on remote: cloud 0..6]"), "{log}");
    assert!(log.contains("[the target agrees with "), "{log}");
}
