//! The best split in one style, with its head on the device or not: every chain of nodes, every place of
//! every boundary.
//!
//! Labels go from node to node in the order in which links lead. At a node, hidden states arrive behind
//! some number of layers, and a stage takes them on by some more; at each place only labels stay that no
//! other dominates. What a label can become is bounded from below by what it is and what is left at
//! least; where that is no better than the best plan so far, or breaks a limit, it goes.
//!
//! A chain ends in one of three ways: its last stage has the head; or it turns, and rows come home to the
//! node below the last stage; or to the device. The last of these changes every hop, and what the device
//! needs, so it is a search of its own.
//!
//! Exact, for all that a plan is judged by grows with every piece and keeps its order when the same
//! piece is added to two labels (see [`crate::cost::chain`]). The codec of a hop needs no search: the
//! leanest that is allowed there is no worse in anything.

use super::bounds::{Bounds, NOTHING};
use super::helped::{self, Helped};
use super::labels::{Arrivals, Label, Labels, arrive};
use super::measure::Score;
use super::tables::{Ground, Head, Place, Tables};
use crate::{Candidate, Costs, RequestedStage, Speculation};
use base::{DraftLength, LayerRange, NodeName, WireCodec};
use std::ops::Range;

/// A limit is held against sums that were added in another order than the plan's own.
const ROUNDING: f64 = 1.0 + 1e-9;

/// The search in one style.
#[derive(Debug)]
pub(super) struct SplitSearch<'s, 'a> {
    costs: &'s Costs<'a>,
    ground: &'s Ground<'a>,
    tables: &'s Tables,
    head: Head,
    bounds: Bounds,
    /// What no label leads to: for a prompt is then read otherwise.
    helped: Vec<Helped>,
    labels: Labels,
    measures: usize,
}

/// The best chain so far, and what it scores.
#[derive(Debug)]
struct Complete {
    value: f64,
    end: Option<End>,
}

/// How a chain ends.
#[derive(Debug, Clone, Copy)]
struct End {
    /// The label before the stages here; `None` where they are the first.
    before: Option<usize>,
    /// The stage before the last, where that is no label: its node, and layers done behind it.
    below: Option<(usize, usize)>,
    /// The node of the last stage.
    last: usize,
    /// The node to which rows come home.
    home: Option<usize>,
    /// Hidden states reach the last stage as they are.
    is_exact: bool,
}

impl<'s, 'a> SplitSearch<'s, 'a> {
    /// That looks at the first so many measures: at all of them, or for its bound at the objective alone.
    pub(super) fn new(
        costs: &'s Costs<'a>,
        ground: &'s Ground<'a>,
        tables: &'s Tables,
        head: Head,
        measures: usize,
    ) -> Self {
        let bounds = Bounds::new(costs, ground, tables, head, measures);
        let labels = Labels::new(ground.nodes.len(), ground.layers, measures);
        let helped = helped::all(costs, ground, tables, head);
        Self { costs, ground, tables, head, bounds, helped, labels, measures }
    }

    /// No split in this search scores less.
    pub(super) fn bound(&self) -> f64 {
        let least = |score: &Score, left: &Score| self.tables.measures.value(score, left, 0);
        let labels = self.starts().map(|(_, bound)| bound);
        let bare = self.bare().flat_map(|(node, arrived)| {
            let whole = self.whole(node, &arrived).map(|score| least(&score, &NOTHING));
            let homes = self.homes(node, 0, Place::FirstHome, arrived);
            let homes = homes.map(move |(end, score)| least(&score, self.bounds.home(node, end)));
            whole.into_iter().chain(homes)
        });
        let helped = self.helped.iter().map(|helped| least(&helped.score, &NOTHING));
        labels.chain(bare).chain(helped).fold(f64::INFINITY, f64::min)
    }

    /// The labels of every first stage, each with what a chain that begins so scores at least.
    fn starts(&self) -> impl Iterator<Item = (Label, f64)> {
        let device = self.ground.ends(0, 0, self.head.on_device()).map(|done| {
            let score = self.tables.device(self.head, done);
            Label { score, node: 0, done, before: None }
        });
        let bare = self.bare().flat_map(move |(node, arrived)| {
            self.ground.ends(node, 0, Place::First).map(move |done| {
                let stage = self.tables.stage(node, Place::First, done);
                let score = arrived.and(&stage, self.measures);
                Label { score, node, done, before: None }
            })
        });
        device.chain(bare).map(move |label| {
            let left = self.bounds.run(label.node, label.done);
            (label, self.tables.measures.value(&label.score, left, 0))
        })
    }

    /// Where tokens arrive from a device without layers.
    fn bare(&self) -> impl Iterator<Item = (usize, Score)> {
        self.tables.bare(self.head).into_iter().flat_map(move |bare| {
            let links = self.costs.graph.up(0).iter().enumerate();
            links.map(move |(link, (node, _))| {
                (*node, bare.and(self.tables.hop(self.head, 0, link, None), self.measures))
            })
        })
    }

    /// All layers on `node`, where tokens have `arrived` and rows go home to the device.
    fn whole(&self, node: usize, arrived: &Score) -> Option<Score> {
        let layers = self.ground.layers;
        let fits = self.ground.ends(node, 0, Place::First).contains(&layers);
        let turns = self.head == Head::Device && layers > 0 && fits;
        turns.then(|| arrived.and(&self.tables.stage(node, Place::First, layers), self.measures))
    }

    /// Stages on `node` behind `done` layers to which rows come home from the next node: where each ends.
    fn homes(
        &self,
        node: usize,
        done: usize,
        place: Place,
        arrived: Score,
    ) -> impl Iterator<Item = (usize, Score)> + use<'s, 'a> {
        let ends = match self.head {
            Head::Above => self.ground.ends(node, done, place),
            Head::Device => 0..0,
        };
        let (tables, measures) = (self.tables, self.measures);
        ends.map(move |end| (end, arrived.and(&tables.stage(node, place, end - done), measures)))
    }

    /// The best split that scores less than `best`.
    pub(super) fn run(mut self, best: f64) -> Option<Candidate> {
        let mut found = Complete { value: self.greedy().min(best), end: None };
        let starts: Vec<(Label, f64)> = self.starts().collect();
        for (label, _) in starts {
            if self.may_win(&label.score, self.bounds.run(label.node, label.done), found.value) {
                self.labels.add(label);
            }
        }
        for Helped { score, layers, node } in &self.helped {
            let end = End { below: Some((0, *layers)), is_exact: true, ..self.end(None, *node) };
            self.complete(score, end, &mut found);
        }
        for (node, arrived) in self.bare() {
            if let Some(score) = self.whole(node, &arrived) {
                self.complete(&score, self.end(None, node), &mut found);
            }
            self.turn_above(node, 0, Place::FirstHome, (arrived, None), &mut found);
        }
        for node in 1..self.ground.nodes.len() {
            if self.ground.nodes[node].is_some() {
                for done in 0..=self.ground.layers {
                    // What comes from the device may not end here, so that it makes no other superfluous.
                    for from in [0..1, 1..node] {
                        let arrivals = self.arrivals(from.clone(), node, done, found.value);
                        let may_end = from.start > 0 || !self.is_helped(node, done);
                        self.go_on_at(node, done, (&arrivals, may_end), &mut found);
                    }
                }
            }
        }
        found.end.map(|end| self.candidate(end))
    }

    /// A little more than a chain scores that always goes where most is promised; infinite where it ends
    /// nowhere, or breaks a limit.
    fn greedy(&self) -> f64 {
        let measures = &self.tables.measures;
        let start = self.starts().min_by(|a, b| a.1.total_cmp(&b.1));
        let mut at = start.map(|(label, _)| (label.score, label.node, label.done));
        while let Some((score, node, done)) = at {
            let next = self.costs.graph.up(node).iter().enumerate().flat_map(|(link, (to, _))| {
                let cargo = Some(self.ground.codecs[done].1);
                let arrived =
                    score.and(self.tables.hop(self.head, node, link, cargo), self.measures);
                let may_end = node > 0 || !self.ground.is_helped(link, done);
                let steps = self.steps(*to, done).filter(move |step| may_end || !step.2);
                steps.map(move |(place, end, is_last)| {
                    let stage = self.tables.stage(*to, place, end - done);
                    let left = if is_last { &NOTHING } else { self.bounds.run(*to, end) };
                    let score = arrived.and(&stage, self.measures);
                    (measures.value(&score, left, 0), score, *to, end, is_last)
                })
            });
            let Some((value, score, to, end, is_last)) = next.min_by(|a, b| a.0.total_cmp(&b.0))
            else {
                break;
            };
            if is_last {
                let keeps = self.may_win(&score, &NOTHING, f64::INFINITY);
                return if keeps { (value * ROUNDING).next_up() } else { f64::INFINITY };
            }
            at = value.is_finite().then_some((score, to, end));
        }
        f64::INFINITY
    }

    /// The stages that may follow on `node`: what they are, where they end, and whether they are the last,
    /// which comes first.
    fn steps(
        &self,
        node: usize,
        done: usize,
    ) -> impl Iterator<Item = (Place, usize, bool)> + use<'s, 'a> {
        let last = self.ground.last(node, done, self.head);
        let layers = self.ground.layers;
        let last = last.into_iter().map(move |place| (place, layers, true));
        let middle = self.ground.ends(node, done, Place::Middle);
        last.chain(middle.map(|end| (Place::Middle, end, false)))
    }

    /// Whether a label with so much left at least can be better than `best` and keep all limits.
    fn may_win(&self, score: &Score, left: &Score, best: f64) -> bool {
        let measures = &self.tables.measures;
        measures.value(score, left, 0) < best
            && (1..self.measures)
                .all(|at| measures.value(score, left, at) <= measures.limit(at) * ROUNDING)
    }

    /// Whether a chain that goes on from the device to `node`, behind `done` layers, and ends there, is one of those
    /// that are helped.
    fn is_helped(&self, node: usize, done: usize) -> bool {
        let link = self.costs.graph.up(0).iter().position(|(to, _)| *to == node);
        link.is_some_and(|link| self.ground.is_helped(link, done))
    }

    /// What reaches `node` behind `done` layers `from` some nodes.
    fn arrivals(&self, from: Range<usize>, node: usize, done: usize, best: f64) -> Arrivals {
        let (mut arrivals, cargo) = (Arrivals::new(), self.ground.codecs[done].1);
        let left = self.bounds.arrived(node, done);
        for from in from {
            let links = self.costs.graph.up(from).iter();
            let Some(link) = links.into_iter().position(|(to, _)| *to == node) else { continue };
            let hop = self.tables.hop(self.head, from, link, Some(cargo));
            for (at, label) in self.labels.at(from, done) {
                let score = label.score.and(hop, self.measures);
                if self.may_win(&score, left, best) {
                    arrive(&mut arrivals, score, at, self.measures);
                }
            }
        }
        arrivals
    }

    /// Stages on `node` behind `done` layers, after what arrives and may end here or not.
    fn go_on_at(
        &mut self,
        node: usize,
        done: usize,
        (arrivals, may_end): (&Arrivals, bool),
        found: &mut Complete,
    ) {
        if arrivals.is_empty() {
            return;
        }
        let steps = self.steps(node, done).filter(|(_, _, is_last)| may_end || !is_last);
        for (place, end, is_last) in steps {
            let stage = self.tables.stage(node, place, end - done);
            for (arrived, before) in arrivals {
                let (score, before) = (arrived.and(&stage, self.measures), Some(*before));
                if is_last {
                    self.complete(&score, self.end(before, node), found);
                } else if self.may_win(&score, self.bounds.run(node, end), found.value) {
                    self.labels.add(Label { score, node, done: end, before });
                }
            }
        }
        for (arrived, before) in arrivals {
            let arrived = (*arrived, Some(*before));
            self.turn_above(node, done, Place::MiddleHome, arrived, found);
        }
    }

    /// Chains whose last layers are on the node above `node`, from where rows come home to it.
    fn turn_above(
        &self,
        node: usize,
        done: usize,
        place: Place,
        (arrived, before): (Score, Option<usize>),
        found: &mut Complete,
    ) {
        for (end, score) in self.homes(node, done, place, arrived) {
            if !self.may_win(&score, self.bounds.home(node, end), found.value) {
                continue;
            }
            let (cargo, rest) = (self.ground.codecs[end].1, self.ground.layers - end);
            for (link, (to, _)) in self.costs.graph.up(node).iter().enumerate() {
                if self.ground.turns(*to, end) {
                    let hop = self.tables.hop_home(node, link, cargo);
                    let stage = self.tables.stage(*to, Place::Middle, rest);
                    let score = score.and(hop, self.measures).and(&stage, self.measures);
                    let (below, home) = (Some((node, end)), Some(node));
                    let end = End { below, home, ..self.end(before, *to) };
                    self.complete(&score, end, found);
                }
            }
        }
    }

    /// An end on `last` behind a label.
    fn end(&self, before: Option<usize>, last: usize) -> End {
        let home = (self.head == Head::Device).then_some(0);
        End { before, below: None, last, home, is_exact: false }
    }

    /// A chain that ends so.
    fn complete(&self, score: &Score, end: End, found: &mut Complete) {
        if self.may_win(score, &NOTHING, found.value) {
            let value = self.tables.measures.value(score, &NOTHING, 0);
            *found = Complete { value, end: Some(end) };
        }
    }

    /// The candidate that ends so.
    fn candidate(&self, end: End) -> Candidate {
        let mut ends = vec![(end.last, self.ground.layers)];
        ends.extend(end.below);
        let mut at = end.before;
        while let Some(label) = at.map(|at| self.labels.label(at)) {
            ends.push((label.node, label.done));
            at = label.before;
        }
        ends.reverse();
        let mut start = 0;
        let mut stages: Vec<RequestedStage> = Vec::with_capacity(ends.len() + 1);
        for (node, done) in ends.into_iter().chain(end.home.map(|home| (home, self.ground.layers)))
        {
            let layers = LayerRange::new(small(start), small(done)).expect("a chain goes on");
            let as_it_is = stages.is_empty() || (end.is_exact && start < self.ground.layers);
            let codec = if as_it_is { WireCodec::F32 } else { self.ground.codecs[start].0 };
            stages.push(RequestedStage { node: self.name(node), layers, codec });
            start = done;
        }
        let drafts = self.tables.style.drafts;
        let speculation = match drafts {
            0 => Speculation::Streaming,
            _ => self.tables.style.speculation,
        };
        Candidate::Split { stages, speculation, draft_length: DraftLength::Fixed(drafts) }
    }

    fn name(&self, node: usize) -> NodeName {
        self.costs.graph.nodes()[node].profile.node.clone()
    }
}

fn small(layers: usize) -> u32 {
    u32::try_from(layers).expect("a model has few layers")
}
