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

use super::bounds::Bounds;
use super::labels::{Arrivals, Label, Labels, arrive};
use super::measure::Score;
use super::tables::{Ground, Place, Tables};
use crate::{Candidate, Costs, RequestedStage, Speculation};
use base::{DraftLength, LayerRange, WireCodec};

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

/// A chain that is complete: what it scores, its last node, and the label before that.
type Complete = (f64, usize, usize);

impl<'s, 'a> SplitSearch<'s, 'a> {
    pub(super) fn new(costs: &'s Costs<'a>, ground: &'s Ground<'a>, tables: Tables) -> Self {
        let bounds = Bounds::new(costs, ground, &tables);
        let measures = tables.measures.count();
        let labels = Labels::new(ground.nodes.len(), ground.layers, measures);
        Self { costs, ground, tables, bounds, labels, measures }
    }

    /// No split in this style scores less.
    pub(super) fn bound(&self) -> f64 {
        let device = self.device_ends().map(|layers| {
            let (start, left) = (self.tables.device(layers), self.bounds.run(0, layers));
            self.tables.measures.value(start, 0) + left[0]
        });
        let links = self.costs.graph.up(0).iter().enumerate();
        let bare = links.map(|(link, (to, _))| {
            let start = self.tables.bare.and(self.tables.hop(0, link, None), self.measures);
            self.tables.measures.value(&start, 0) + self.bounds.tokens(*to)[0]
        });
        device.chain(bare).fold(f64::INFINITY, f64::min)
    }

    /// The best split that scores less than `best`.
    pub(super) fn run(mut self, best: f64) -> Option<Candidate> {
        let mut found: Complete = (best, usize::MAX, usize::MAX);
        for layers in self.device_ends() {
            let score = *self.tables.device(layers);
            if self.may_win(&score, self.bounds.run(0, layers), best) {
                self.labels.add(Label { score, node: 0, done: layers, before: None });
            }
        }
        for node in 1..self.ground.nodes.len() {
            if self.ground.nodes[node].is_some() {
                self.begin_at(node, found.0);
                for done in 0..=self.ground.layers {
                    let arrivals = self.arrivals(node, done, found.0);
                    self.go_on_at(node, done, &arrivals, &mut found);
                }
            }
        }
        let (_, last, before) = found;
        (last != usize::MAX).then(|| self.candidate(last, before))
    }

    fn device_ends(&self) -> std::ops::Range<usize> {
        let room = self.ground.nodes[0].as_ref();
        room.map_or(0..0, |room| room.ends(0, Place::First, self.ground.layers))
    }

    /// Whether a label with so much left at least can be better than `best` and keep all limits.
    fn may_win(&self, score: &Score, left: &[f64], best: f64) -> bool {
        let measures = &self.tables.measures;
        measures.value(score, 0) + left[0] < best
            && (1..self.measures)
                .all(|at| measures.value(score, at) + left[at] <= measures.limit(at) * ROUNDING)
    }

    /// A chain whose first stage is on `node`: tokens reach it from the device.
    fn begin_at(&mut self, node: usize, best: f64) {
        let links = self.costs.graph.up(0).iter();
        let Some(link) = links.into_iter().position(|(to, _)| *to == node) else { return };
        let arrived = self.tables.bare.and(self.tables.hop(0, link, None), self.measures);
        let room = self.ground.nodes[node].as_ref().expect("the caller looked");
        for done in room.ends(0, Place::First, self.ground.layers) {
            let score = arrived.and(self.tables.stage(node, Place::First, done), self.measures);
            if self.may_win(&score, self.bounds.run(node, done), best) {
                self.labels.add(Label { score, node, done, before: None });
            }
        }
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
                    arrive(&mut arrivals, score, Some(at), self.measures);
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
        let layers = self.ground.layers;
        let room = self.ground.nodes[node].as_ref().expect("the caller looked");
        for end in room.ends(done, Place::Last, layers) {
            let stage = self.tables.stage(node, Place::Last, end - done);
            for (arrived, before) in arrivals {
                let score = arrived.and(stage, self.measures);
                if self.may_win(&score, &NOTHING_LEFT, found.0) {
                    let before = before.expect("a last stage has one before it");
                    *found = (self.tables.measures.value(&score, 0), node, before);
                }
            }
        }
        for end in room.ends(done, Place::Middle, layers) {
            let stage = self.tables.stage(node, Place::Middle, end - done);
            let left = self.bounds.run(node, end);
            for (arrived, before) in arrivals {
                let score = arrived.and(stage, self.measures);
                if self.may_win(&score, left, found.0) {
                    self.labels.add(Label { score, node, done: end, before: *before });
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

const NOTHING_LEFT: [f64; super::measure::MEASURES_MAX] = [0.0; super::measure::MEASURES_MAX];

fn small(layers: usize) -> u32 {
    u32::try_from(layers).expect("a model has few layers")
}
