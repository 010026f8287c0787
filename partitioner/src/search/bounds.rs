//! What is left at least, from any place to the end.
//!
//! Of what adds up the least sum over all ways to the end, by measure; of what peaks the least peak. Each
//! by itself: one way has hardly the least of all. No way is better than that.

use super::measure::{MEASURES_MAX, Score};
use super::tables::{Ground, Head, Place, Tables};
use crate::Costs;

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

/// Whether rows may come home to the device over other nodes, which pass them on.
const COME_HOME_OVER_OTHERS: bool = true;

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

impl Bounds {
    /// From the last node back.
    pub(super) fn new(costs: &Costs<'_>, ground: &Ground<'_>, tables: &Tables, head: Head) -> Self {
        let (nodes, measures) = (ground.nodes.len(), tables.measures.count());
        let places = nodes * (ground.layers + 1);
        let mut bounds = Self {
            layers: ground.layers,
            measures,
            head,
            arrived: vec![NO_WAY; places],
            run: vec![NO_WAY; places],
            home: vec![NO_WAY; places],
        };
        for node in (0..nodes).rev() {
            for done in 0..=ground.layers {
                bounds.leave(costs, ground, tables, node, done);
            }
            if node > 0 {
                bounds.enter(ground, tables, node);
            }
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
        if self.head == Head::Device && node > 0 && !COME_HOME_OVER_OTHERS {
            return;
        }
        let (mut least, mut home, cargo) = (NO_WAY, NO_WAY, ground.codecs[done].1);
        for (link, (to, _)) in costs.graph.up(node).iter().enumerate() {
            let hop = tables.hop(self.head, node, link, Some(cargo));
            least.lower(hop, self.arrived(*to, done), self.measures);
            if self.head == Head::Above && ground.turns(*to, done) {
                let rest = tables.stage(*to, Place::Middle, self.layers - done);
                home.lower(tables.hop_home(node, link, cargo), rest, self.measures);
            }
        }
        let at = self.at(node, done);
        (self.run[at], self.home[at]) = (least, home);
    }

    fn enter(&mut self, ground: &Ground<'_>, tables: &Tables, node: usize) {
        // A head on the node as well would only add to it.
        let either = (0..=self.layers).map(|end| {
            let mut either = *self.run(node, end);
            either.lower(&NOTHING, self.home(node, end), self.measures);
            either
        });
        let either: Vec<Score> = either.collect();
        for done in 0..=self.layers {
            let mut least = NO_WAY;
            for end in ground.ends(node, done, Place::Middle) {
                let stage = tables.stage(node, Place::Middle, end - done);
                least.lower(stage, &either[end], self.measures);
            }
            if let Some(place) = ground.last(node, done, self.head) {
                let stage = tables.stage(node, place, self.layers - done);
                least.lower(stage, &NOTHING, self.measures);
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
