//! What is left at least, from any place to the end.
//!
//! Of what adds up the least sum over all ways to the end, by measure; of what peaks the least peak. Each
//! by itself: one way has hardly the least of all. No way is better than that.

use super::line::{Line, count};
use super::measure::{MEASURES_MAX, Score};
use super::tables::{Ground, Head, Place, Tables};
use super::window::Window;
use crate::Costs;
use std::ops::Range;

/// Behind the last stage.
pub(super) const NOTHING: Score =
    Score { sums: [0.0; MEASURES_MAX], cycle_s: 0.0, peak_s: 0.0, tail_s: 0.0 };

/// Where no way leads to the end.
const NO_WAY: Score = Score {
    sums: [f64::INFINITY; MEASURES_MAX],
    cycle_s: f64::INFINITY,
    peak_s: f64::INFINITY,
    tail_s: f64::INFINITY,
};

/// The least that is left.
#[derive(Debug)]
pub(super) struct Bounds {
    layers: usize,
    measures: usize,
    head: Head,
    /// Before a stage on the node, hidden states having arrived: by node and layers done.
    arrived: Vec<Score>,
    /// Behind a stage on the node: by node and layers done.
    run: Vec<Score>,
    /// The same, where the rest of the layers are on the next node, and rows come home from there.
    home: Vec<Score>,
}

/// Where middle stages on a node may end, and what is left there.
#[derive(Debug, Default)]
struct Windows {
    sums: [Window; MEASURES_MAX],
    cycle: Window,
    peak: Window,
    tail: Window,
}

impl Bounds {
    /// From the last node back, in the first so many measures.
    pub(super) fn new(
        costs: &Costs<'_>,
        ground: &Ground<'_>,
        tables: &Tables,
        head: Head,
        measures: usize,
    ) -> Self {
        let nodes = ground.nodes.len();
        let places = nodes * (ground.layers + 1);
        let mut bounds = Self {
            layers: ground.layers,
            measures,
            head,
            arrived: vec![NO_WAY; places],
            run: vec![NO_WAY; places],
            home: vec![NO_WAY; places],
        };
        for node in (1..nodes).rev() {
            for done in 0..=ground.layers {
                bounds.leave(costs, ground, tables, node, done);
            }
            bounds.enter(ground, tables, node);
        }
        for done in ground.ends(0, 0, head.on_device()) {
            bounds.leave(costs, ground, tables, 0, done);
        }
        bounds
    }

    fn leave(
        &mut self,
        costs: &Costs<'_>,
        ground: &Ground<'_>,
        tables: &Tables,
        node: usize,
        done: usize,
    ) {
        let (mut least, mut home, cargo) = (NO_WAY, NO_WAY, ground.codecs[done].1);
        for (link, (to, _)) in costs.graph.up(node).iter().enumerate() {
            let hop = tables.hop(self.head, node, link, Some(cargo));
            let left = self.arrived(*to, done);
            if left.cycle_s.is_finite() {
                least.lower(hop, left, self.measures);
            }
            if self.head == Head::Above && ground.turns(*to, done) {
                let rest = tables.stage(*to, Place::Middle, self.layers - done);
                home.lower(tables.hop_home(node, link, cargo), &rest, self.measures);
            }
        }
        let at = self.at(node, done);
        (self.run[at], self.home[at]) = (least, home);
    }

    fn enter(&mut self, ground: &Ground<'_>, tables: &Tables, node: usize) {
        let mut windows = Windows::default();
        for done in (0..=self.layers).rev() {
            let mut least = NO_WAY;
            let ends = ground.ends(node, done, Place::Middle);
            if !ends.is_empty() {
                // A head on the node as well would only add to it.
                let mut either = *self.run(node, done);
                either.lower(&NOTHING, self.home(node, done), self.measures);
                let line = tables.line(node, Place::Middle);
                least = windows.slide(&ends, &either, line, self.measures);
            }
            if let Some(place) = ground.last(node, done, self.head) {
                let stage = tables.stage(node, place, self.layers - done);
                least.lower(&stage, &NOTHING, self.measures);
            }
            let at = self.at(node, done);
            self.arrived[at] = least;
        }
    }

    const fn at(&self, node: usize, done: usize) -> usize {
        node * (self.layers + 1) + done
    }

    /// What is left once hidden states have arrived at `node`.
    pub(super) fn arrived(&self, node: usize, done: usize) -> &Score {
        &self.arrived[self.at(node, done)]
    }

    /// What is left behind a stage on `node`.
    pub(super) fn run(&self, node: usize, done: usize) -> &Score {
        &self.run[self.at(node, done)]
    }

    /// What is left behind a stage on `node` that has the head, apart.
    pub(super) fn home(&self, node: usize, done: usize) -> &Score {
        &self.home[self.at(node, done)]
    }
}

impl Windows {
    /// What is left before a stage that ends at one of `ends`: at the first of them `left`, at the others
    /// what was said before. What `line` says of a stage grows by the same from end to end.
    fn slide(&mut self, ends: &Range<usize>, left: &Score, line: &Line, measures: usize) -> Score {
        let (none, before) = (line.none(), line.further(ends.start));
        let sum = |window: &mut Window, none: f64, before: f64, left: f64| {
            window.slide(ends, before + left);
            none + (window.least() - before)
        };
        let peak = |window: &mut Window, none: f64, more: f64, left: f64| {
            window.slide(ends, left);
            window.least_peak(|end| none + more * count(end - ends.start))
        };
        let mut least = NO_WAY;
        for (at, window) in self.sums[..measures].iter_mut().enumerate() {
            least.sums[at] = sum(window, none.sums[at], before.sums[at], left.sums[at]);
        }
        least.cycle_s = sum(&mut self.cycle, none.cycle_s, before.cycle_s, left.cycle_s);
        least.peak_s = peak(&mut self.peak, none.peak_s, line.more().peak_s, left.peak_s);
        least.tail_s = peak(&mut self.tail, none.tail_s, line.more().tail_s, left.tail_s);
        least
    }
}

impl Score {
    /// No more than what a way has that begins with `piece` and has `left` after it.
    fn lower(&mut self, piece: &Self, left: &Self, measures: usize) {
        for at in 0..measures {
            self.sums[at] = self.sums[at].min(piece.sums[at] + left.sums[at]);
        }
        self.cycle_s = self.cycle_s.min(piece.cycle_s + left.cycle_s);
        self.peak_s = self.peak_s.min(piece.peak_s.max(left.peak_s));
        self.tail_s = self.tail_s.min(piece.tail_s.max(left.tail_s));
    }
}
