//! What is left at least, by measure, from any place to the end: peaks left out, the rest exact.

use super::tables::{Ground, Place, Tables};
use crate::Costs;

/// The least that is left, by node, layers done and measure.
#[derive(Debug)]
pub(super) struct Bounds {
    layers: usize,
    measures: usize,
    /// Before a stage on the node, hidden states having arrived.
    arrived: Vec<f64>,
    /// Before a first stage on the node, tokens having arrived: by node and measure.
    tokens: Vec<f64>,
    /// Behind a stage on the node.
    run: Vec<f64>,
}

impl Bounds {
    /// From the last node back.
    pub(super) fn new(costs: &Costs<'_>, ground: &Ground<'_>, tables: &Tables) -> Self {
        let (nodes, measures) = (ground.nodes.len(), tables.measures.count());
        let places = nodes * (ground.layers + 1) * measures;
        let mut bounds = Self {
            layers: ground.layers,
            measures,
            arrived: vec![f64::INFINITY; places],
            tokens: vec![f64::INFINITY; nodes * measures],
            run: vec![f64::INFINITY; places],
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
        let (at, width) = (self.at(node, done), ground.codecs[done].1);
        for (link, (to, _)) in costs.graph.up(node).iter().enumerate() {
            let (next, hop) = (self.at(*to, done), tables.hop(node, link, Some(width)));
            for measure in 0..self.measures {
                let left = hop.sums[measure] + self.arrived[next + measure];
                self.run[at + measure] = self.run[at + measure].min(left);
            }
        }
    }

    fn enter(&mut self, ground: &Ground<'_>, tables: &Tables, node: usize) {
        let Some(room) = &ground.nodes[node] else { return };
        for done in 0..=self.layers {
            let at = self.at(node, done);
            for place in [Place::Middle, Place::Last] {
                for end in room.ends(done, place, self.layers) {
                    let stage = tables.stage(node, place, end - done);
                    let behind = self.at(node, end);
                    for measure in 0..self.measures {
                        let rest = match place {
                            Place::Last => 0.0,
                            Place::First | Place::Middle => self.run[behind + measure],
                        };
                        let left = stage.sums[measure] + rest;
                        self.arrived[at + measure] = self.arrived[at + measure].min(left);
                    }
                }
            }
        }
        for end in room.ends(0, Place::First, self.layers) {
            let (stage, behind) = (tables.stage(node, Place::First, end), self.at(node, end));
            for measure in 0..self.measures {
                let left = stage.sums[measure] + self.run[behind + measure];
                let least = &mut self.tokens[node * self.measures + measure];
                *least = least.min(left);
            }
        }
    }

    const fn at(&self, node: usize, done: usize) -> usize {
        (node * (self.layers + 1) + done) * self.measures
    }

    /// What is left, by measure, once hidden states have arrived at `node`.
    pub(super) fn arrived(&self, node: usize, done: usize) -> &[f64] {
        let at = self.at(node, done);
        &self.arrived[at..at + self.measures]
    }

    /// What is left, by measure, once tokens have arrived at `node`.
    pub(super) fn tokens(&self, node: usize) -> &[f64] {
        &self.tokens[node * self.measures..(node + 1) * self.measures]
    }

    /// What is left, by measure, behind a stage on `node`.
    pub(super) fn run(&self, node: usize, done: usize) -> &[f64] {
        let at = self.at(node, done);
        &self.run[at..at + self.measures]
    }
}
