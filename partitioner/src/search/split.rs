//! The best split in one style: every chain of nodes, every place of every boundary.
//!
//! Labels go from node to node in the order in which links lead. At a node, hidden states arrive behind
//! some number of layers, and a stage takes them on by some more; at each place only labels stay that no
//! other dominates. What a label can become is bounded from below by what it is and what is left at
//! least; where that is no better than the best plan so far, or breaks a limit, it goes.
//!
//! Exact, for all that a plan is judged by grows with every piece and keeps its order when the same
//! piece is added to two labels (see [`crate::cost::chain`]). The codec of a hop needs no search: the
//! leanest that is allowed there is no worse in anything.

use super::bounds::{Bounds, NOTHING};
use super::labels::{Arrivals, Label, Labels, arrive};
use super::measure::Score;
use super::tables::{Ground, Place, Tables};
use crate::{Candidate, Costs, RequestedStage, Speculation};
use base::{DraftLength, LayerRange, WireCodec};
use std::ops::Range;

/// A limit is held against sums that were added in another order than the plan's own.
const ROUNDING: f64 = 1.0 + 1e-9;

/// The search in one style.
#[derive(Debug)]
pub(super) struct SplitSearch<'s, 'a> {
    costs: &'s Costs<'a>,
    ground: &'s Ground<'a>,
    tables: Tables,
    bounds: Bounds,
    labels: Labels,
    measures: usize,
}

/// The best chain so far: what it scores, its last node, and the label before that.
type Complete = (f64, Option<(usize, usize)>);

impl<'s, 'a> SplitSearch<'s, 'a> {
    pub(super) fn new(costs: &'s Costs<'a>, ground: &'s Ground<'a>, tables: Tables) -> Self {
        let bounds = Bounds::new(costs, ground, &tables);
        let measures = tables.measures.count();
        let labels = Labels::new(ground.nodes.len(), ground.layers, measures);
        Self { costs, ground, tables, bounds, labels, measures }
    }

    /// No split in this style scores less.
    pub(super) fn bound(&self) -> f64 {
        self.starts().map(|(_, bound)| bound).fold(f64::INFINITY, f64::min)
    }

    /// The labels of every first stage, each with what a chain that begins so scores at least.
    fn starts(&self) -> impl Iterator<Item = (Label, f64)> {
        let device = self.ends(0, 0, Place::First).map(|done| {
            let score = *self.tables.device(done);
            Label { score, node: 0, done, before: None }
        });
        let links = self.costs.graph.up(0).iter().enumerate();
        let bare = links.flat_map(move |(link, (node, _))| {
            let arrived = self.tables.bare.and(self.tables.hop(0, link, None), self.measures);
            self.ends(*node, 0, Place::First).map(move |done| {
                let stage = self.tables.stage(*node, Place::First, done);
                let score = arrived.and(stage, self.measures);
                Label { score, node: *node, done, before: None }
            })
        });
        device.chain(bare).map(move |label| {
            let left = self.bounds.run(label.node, label.done);
            (label, self.tables.measures.value(&label.score, left, 0))
        })
    }

    /// The best split that scores less than `best`.
    pub(super) fn run(mut self, best: f64) -> Option<Candidate> {
        let mut found: Complete = (self.greedy().min(best), None);
        let starts: Vec<(Label, f64)> = self.starts().collect();
        for (label, _) in starts {
            if self.may_win(&label.score, self.bounds.run(label.node, label.done), found.0) {
                self.labels.add(label);
            }
        }
        for node in 1..self.ground.nodes.len() {
            if self.ground.nodes[node].is_some() {
                for done in 0..=self.ground.layers {
                    let arrivals = self.arrivals(node, done, found.0);
                    self.go_on_at(node, done, &arrivals, &mut found);
                }
            }
        }
        found.1.map(|(last, before)| self.candidate(last, before))
    }

    /// A little more than a chain scores that always goes where most is promised; infinite where it ends
    /// nowhere, or breaks a limit.
    fn greedy(&self) -> f64 {
        let measures = &self.tables.measures;
        let start = self.starts().min_by(|a, b| a.1.total_cmp(&b.1));
        let mut at = start.map(|(label, _)| (label.score, label.node, label.done));
        while let Some((score, node, done)) = at {
            let next = self.costs.graph.up(node).iter().enumerate().flat_map(|(link, (to, _))| {
                let hop = self.tables.hop(node, link, Some(self.ground.codecs[done].1));
                let arrived = score.and(hop, self.measures);
                self.steps(*to, done).map(move |(place, end)| {
                    let stage = self.tables.stage(*to, place, end - done);
                    let left = self.left(*to, place, end);
                    let score = arrived.and(stage, self.measures);
                    (measures.value(&score, left, 0), score, *to, place, end)
                })
            });
            let Some((value, score, to, place, end)) = next.min_by(|a, b| a.0.total_cmp(&b.0))
            else {
                break;
            };
            if place == Place::Last {
                let keeps = self.may_win(&score, &NOTHING, f64::INFINITY);
                return if keeps { (value * ROUNDING).next_up() } else { f64::INFINITY };
            }
            at = value.is_finite().then_some((score, to, end));
        }
        f64::INFINITY
    }

    /// Where a stage on `node` may end that starts behind `done` layers.
    fn ends(&self, node: usize, done: usize, place: Place) -> Range<usize> {
        let room = self.ground.nodes[node].as_ref();
        room.map_or(0..0, |room| room.ends(done, place, self.ground.layers))
    }

    /// The stages that may follow on `node`, the last ones first.
    fn steps(
        &self,
        node: usize,
        done: usize,
    ) -> impl Iterator<Item = (Place, usize)> + use<'s, 'a> {
        let step = |place| self.ends(node, done, place).map(move |end| (place, end));
        step(Place::Last).chain(step(Place::Middle))
    }

    /// What is left behind such a stage.
    fn left(&self, node: usize, place: Place, end: usize) -> &Score {
        match place {
            Place::Last => &NOTHING,
            Place::First | Place::Middle => self.bounds.run(node, end),
        }
    }

    /// Whether a label with so much left at least can be better than `best` and keep all limits.
    fn may_win(&self, score: &Score, left: &Score, best: f64) -> bool {
        let measures = &self.tables.measures;
        measures.value(score, left, 0) < best
            && (1..self.measures)
                .all(|at| measures.value(score, left, at) <= measures.limit(at) * ROUNDING)
    }

    /// What reaches `node` behind `done` layers.
    fn arrivals(&self, node: usize, done: usize, best: f64) -> Arrivals {
        let (mut arrivals, width) = (Arrivals::new(), self.ground.codecs[done].1);
        let left = self.bounds.arrived(node, done);
        for from in 0..node {
            let links = self.costs.graph.up(from).iter();
            let Some(link) = links.into_iter().position(|(to, _)| *to == node) else { continue };
            let hop = self.tables.hop(from, link, Some(width));
            for (at, label) in self.labels.at(from, done) {
                let score = label.score.and(hop, self.measures);
                if self.may_win(&score, left, best) {
                    arrive(&mut arrivals, score, at, self.measures);
                }
            }
        }
        arrivals
    }

    /// Stages on `node` behind `done` layers.
    fn go_on_at(&mut self, node: usize, done: usize, arrivals: &Arrivals, found: &mut Complete) {
        if arrivals.is_empty() {
            return;
        }
        for (place, end) in self.steps(node, done) {
            let stage = self.tables.stage(node, place, end - done);
            for (arrived, before) in arrivals {
                let score = arrived.and(stage, self.measures);
                if !self.may_win(&score, self.left(node, place, end), found.0) {
                    continue;
                }
                if place == Place::Last {
                    let value = self.tables.measures.value(&score, &NOTHING, 0);
                    *found = (value, Some((node, *before)));
                } else {
                    self.labels.add(Label { score, node, done: end, before: Some(*before) });
                }
            }
        }
    }

    /// The chain that ends on `last` behind the label `before`.
    fn candidate(&self, last: usize, before: usize) -> Candidate {
        let mut ends = vec![(last, self.ground.layers)];
        let mut at = Some(before);
        while let Some(label) = at.map(|at| self.labels.label(at)) {
            ends.push((label.node, label.done));
            at = label.before;
        }
        ends.reverse();
        self.chain(&ends)
    }

    /// The candidate of stages that end on these nodes behind so many layers.
    fn chain(&self, ends: &[(usize, usize)]) -> Candidate {
        let mut start = 0;
        let stages = ends.iter().enumerate().map(|(index, (node, end))| {
            let layers = LayerRange::new(small(start), small(*end)).expect("a chain goes on");
            let codec = if index == 0 { WireCodec::F32 } else { self.ground.codecs[start].0 };
            start = *end;
            let node = self.costs.graph.nodes()[*node].profile.node.clone();
            RequestedStage { node, layers, codec }
        });
        let stages = stages.collect();
        let drafts = self.tables.style.drafts;
        let speculation = match drafts {
            0 => Speculation::Streaming,
            _ => self.tables.style.speculation,
        };
        Candidate::Split { stages, speculation, draft_length: DraftLength::Fixed(drafts) }
    }
}

fn small(layers: usize) -> u32 {
    u32::try_from(layers).expect("a model has few layers")
}
