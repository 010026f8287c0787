//! The search beside a naive one that shares nothing with it but the cost of a plan.

use super::measure::{MEASURES_MAX, Score};
use super::tables::{Ground, Place, Tables};
use crate::cost::chain::Tally;
use crate::cost::style::Style;
use crate::testing::{Dice, MIB, model, name, random, random_objective, range, three_tiers};
use crate::{
    Candidate, Choice, Costs, Criteria, LocalChoice, Objective, RequestedStage, Situation,
    Speculation,
};
use base::{ByteCount, DraftLength, LayerRange, NodeName, Privacy, Role, WireCodec};

/// Small worlds, by seed.
const WORLDS: u64 = 10_000;

/// Goal: no plan is better than the one found. Method: every plan there is, judged one by one, in small
/// worlds in which memory, layers held, links, codecs, privacy, admission and limits are all scarce.
#[test]
fn the_best_plan_is_the_best_of_all_plans() {
    let (mut splits, mut none, mut helped, mut homes, mut private) = (0, 0, 0, [0; 2], 0);
    for seed in 0..WORLDS {
        let mut dice = Dice(seed);
        let situation = random(&mut dice);
        let costs = Costs::new(&situation).unwrap();
        let near = costs.best(&Objective::FASTEST).map(|choice| choice.prediction.criteria());
        let objective = random_objective(&mut dice, near);
        let found = costs.best(&objective);
        let all = Naive::new(&situation).all();
        let mut judged: Vec<Choice> =
            all.iter().filter_map(|candidate| costs.judge(candidate, &objective).ok()).collect();
        judged.sort_by(|a, b| a.score.total_cmp(&b.score));
        check(seed, found.as_ref(), &judged);
        none += u32::from(found.is_none());
        let Some(Choice { candidate, .. }) = found else { continue };
        let Candidate::Split { stages, .. } = &candidate else { continue };
        splits += 1;
        helped += u32::from(costs.route(&candidate).unwrap().brought.is_some());
        let is_far = |node: &NodeName| role_of(&situation, node) == Role::Cloud;
        let far = candidate.crosses(&situation.device).into_iter().any(is_far);
        private += u32::from(far && situation.demand.privacy == Privacy::Site);
        let (last, before) = stages.split_last().unwrap();
        if last.node == situation.device {
            homes[0] += 1;
        } else if before.iter().any(|stage| stage.node == last.node) {
            homes[1] += 1;
        }
    }
    let worlds = u32::try_from(WORLDS).unwrap();
    assert!(splits > worlds / 10 && none > worlds / 20, "{splits} splits, {none} without a plan");
    assert!(private > worlds / 400, "{private} with clouds for a site");
    assert!(helped > worlds / 200, "{helped} whose prompt is read with help");
    assert!(homes.iter().all(|homes| *homes > worlds / 200), "with the head at home: {homes:?}");
}

fn role_of(situation: &Situation, name: &NodeName) -> Role {
    let mut nodes = situation.nodes.iter();
    nodes.find(|node| node.profile.node == *name).unwrap().profile.role
}

fn check(seed: u64, found: Option<&Choice>, judged: &[Choice]) {
    let (Some(found), Some(best)) = (found, judged.first()) else {
        assert_eq!(found, judged.first(), "seed {seed}");
        return;
    };
    let slack = best.score.abs() * 1e-9 + 1e-12;
    assert!((found.score - best.score).abs() <= slack, "seed {seed}:\n{found:?}\n{best:?}");
    let is_unique = judged.get(1).is_none_or(|second| second.score > best.score + 2.0 * slack);
    assert!(!is_unique || found.candidate == best.candidate, "seed {seed}");
}

#[test]
fn the_best_plan_of_three_tiers_is_one_that_the_runtime_takes() {
    let situation = three_tiers();
    let costs = Costs::new(&situation).unwrap();
    let choice = costs.best(&Objective::FASTEST).unwrap();
    assert!(choice.candidate.plan(&situation.device, costs.layers()).is_ok());
    let again = costs.best(&Objective::FASTEST).unwrap();
    assert_eq!(choice, again);
}

/// Goal: what would be the best beginning makes no other superfluous where it may not go on alike. Method: a
/// prompt that a cloud reads for a device that it is linked with, at a price; behind a site the device reads
/// it alone.
#[test]
fn a_prompt_that_is_read_with_help_is_not_read_without() {
    let mut situation = three_tiers();
    situation.demand.prompt_tokens = 900;
    let [car, site, cloud] = &mut situation.nodes[..] else { panic!("three") };
    (car.profile.draft, car.profile.memory) = (None, ByteCount(90 * MIB));
    car.profile.target = Some(model(24, 40_000.0));
    site.profile.memory = ByteCount(MIB);
    cloud.profile.memory = ByteCount(1_000 * MIB);
    situation.links[1].estimate.price_per_gigabyte = None;
    let weights = Criteria { money: 1.0, ..Criteria::default() };
    let objective = Objective { weights, ..Objective::default() };
    let costs = Costs::new(&situation).unwrap();
    let direct = Candidate::Split {
        stages: [("car", 0, 4), ("cloud", 4, 24)].map(stage).to_vec(),
        speculation: Speculation::Streaming,
        draft_length: DraftLength::NONE,
    };
    assert!(costs.route(&direct).unwrap().brought.is_some());
    let all = Naive::new(&situation).all();
    let judged = all.iter().filter_map(|candidate| costs.judge(candidate, &objective).ok());
    let mut judged: Vec<Choice> = judged.collect();
    judged.sort_by(|a, b| a.score.total_cmp(&b.score));
    let found = costs.best(&objective);
    check(0, found.as_ref(), &judged);
    assert!(found.unwrap().candidate.crosses(&situation.device).contains(&&name("site")));
}

/// Goal: what the tables make of few layers is what any number of them adds. Method: every place, beside the
/// cost of a plan's stage.
#[test]
fn stages_of_any_number_of_layers_add_what_they_add_to_a_plan() {
    let situation = three_tiers();
    let costs = Costs::new(&situation).unwrap();
    let (ground, mut looked) = (Ground::new(&costs), 0);
    for style in Style::all(0.7, true).into_iter().step_by(7) {
        let tables = Tables::new(&costs, &ground, &Objective::FASTEST, style);
        for (node, room) in ground.nodes.iter().enumerate().skip(1) {
            let room = room.as_ref().unwrap();
            let stage = |part| costs.stage((node, room.model), part, &costs.prompt, &style);
            for (place, layers) in Place::ALL
                .into_iter()
                .flat_map(|place| room.sizes(place).map(move |at| (place, at)))
            {
                let tally = Tally::default().run(&place.cost(layers, stage));
                let (direct, line) =
                    (tables.measures.score(&tally), tables.stage(node, place, layers));
                let numbers =
                    |score: &Score| [score.sums[0], score.cycle_s, score.peak_s, score.tail_s];
                for (ours, theirs) in numbers(&line).into_iter().zip(numbers(&direct)) {
                    let slack = 1e-12 * theirs.abs();
                    assert!((ours - theirs).abs() <= slack, "{node} {place:?} {layers}");
                }
                looked += usize::from(layers > 2);
            }
        }
    }
    assert!(looked > 100, "{looked}");
}

fn stage((node, start, end): (&str, u32, u32)) -> RequestedStage {
    RequestedStage { node: name(node), layers: range(start, end), codec: WireCodec::F32 }
}

#[test]
fn a_beginning_that_is_larger_in_anything_makes_none_superfluous() {
    let score = Score { sums: [1.0; MEASURES_MAX], cycle_s: 1.0, peak_s: 1.0, tail_s: 1.0 };
    let mut summed = score;
    summed.sums[1] = 2.0;
    let others = [
        Score { cycle_s: 2.0, ..score },
        Score { peak_s: 2.0, ..score },
        Score { tail_s: 2.0, ..score },
        summed,
    ];
    assert!(score.dominates(&score, 2));
    for other in others {
        assert!(score.dominates(&other, 2) && !other.dominates(&score, 2), "{other:?}");
    }
    assert!(summed.dominates(&score, 1));
}

/// Every plan of a situation, without a thought.
struct Naive<'a> {
    situation: &'a Situation,
    codecs: Vec<WireCodec>,
    layers: u32,
    chains: Vec<Vec<RequestedStage>>,
}

impl<'a> Naive<'a> {
    fn new(situation: &'a Situation) -> Self {
        let targets = situation.nodes.iter().filter_map(|node| node.profile.target.as_ref());
        let layers = targets.map(|target| target.layers).max().unwrap_or(0);
        let codecs = situation.certificates.codecs();
        Self { situation, codecs, layers, chains: Vec::new() }
    }

    fn all(mut self) -> Vec<Candidate> {
        let alone = [LocalChoice::Target, LocalChoice::Draft];
        let mut all: Vec<_> = alone.map(|model| Candidate::Local { model }).into();
        let lengths = if self.situation.nodes[0].profile.draft.is_some() { 0..=16 } else { 0..=0 };
        for node in &self.situation.nodes[1..] {
            let target = node.profile.node.clone();
            all.push(Candidate::Remote { target: target.clone() });
            let speculative = |speculation, draft_length| Candidate::Speculative {
                target: target.clone(),
                speculation,
                draft_length,
            };
            all.push(speculative(Speculation::Streaming, DraftLength::Auto));
            all.push(speculative(Speculation::WorkConserving, DraftLength::Auto));
            let rounds = lengths.clone().skip(1).map(DraftLength::Fixed);
            all.extend(rounds.map(|length| speculative(Speculation::Rounds, length)));
        }
        self.extend(&[], &self.situation.device.clone(), 0);
        self.stage_on_device();
        for stages in &self.chains {
            for length in lengths.clone() {
                for speculation in [Speculation::Rounds, Speculation::Streaming] {
                    if length == 0 && speculation == Speculation::Rounds {
                        continue;
                    }
                    let (stages, draft_length) = (stages.clone(), DraftLength::Fixed(length));
                    all.push(Candidate::Split { stages, speculation, draft_length });
                }
            }
        }
        all
    }

    fn stage_on_device(&mut self) {
        let device = self.situation.device.clone();
        for end in 0..=self.layers {
            let layers = LayerRange::new(0, end).unwrap();
            let first = RequestedStage { node: device.clone(), layers, codec: WireCodec::F32 };
            self.extend(&[first], &device, end);
        }
    }

    /// Every chain that begins with `stages` and goes on from `node`.
    fn extend(&mut self, stages: &[RequestedStage], node: &NodeName, done: u32) {
        let next: Vec<NodeName> = self
            .situation
            .links
            .iter()
            .filter(|link| link.from == *node)
            .map(|link| link.to.clone())
            .collect();
        for to in next {
            let codecs = if stages.is_empty() { vec![WireCodec::F32] } else { self.codecs.clone() };
            for end in done..=self.layers {
                for codec in codecs.clone() {
                    let layers = LayerRange::new(done, end).unwrap();
                    let mut stages = stages.to_vec();
                    stages.push(RequestedStage { node: to.clone(), layers, codec });
                    if end == self.layers && stages.len() > 1 {
                        self.chains.push(stages.clone());
                    }
                    self.homes(&stages);
                    self.extend(&stages, &to, end);
                }
            }
        }
    }

    /// With the head alone on the device, or below the last stage.
    fn homes(&mut self, stages: &[RequestedStage]) {
        let layers = LayerRange::new(self.layers, self.layers).unwrap();
        let Some((last, below)) = stages.split_last() else { return };
        if last.layers.is_empty() || last.layers.end() != self.layers {
            return;
        }
        let device = &self.situation.device;
        let below = below.last().map(|stage| &stage.node).filter(|node| *node != device);
        for node in std::iter::once(device).chain(below) {
            for codec in &self.codecs {
                let home = RequestedStage { node: node.clone(), layers, codec: *codec };
                self.chains.push(stages.iter().cloned().chain([home]).collect());
            }
        }
    }
}
