//! The seam between a sweep and what runs one cell of it.

use super::cell::{Cell, Seeds};
use super::design::Experiment;
use super::outcome::Outcome;

/// One repetition of one cell.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// What all runs have in common: clock, models, tokens, outages.
    pub experiment: &'a Experiment,
    /// What this one has for its own.
    pub cell: &'a Cell,
    /// From 0.
    pub repetition: u32,
    /// Where its randomness comes from.
    pub seeds: Seeds,
}

/// Runs cells, one at a time. Each run is on its own: its outcome does not depend on those before.
///
/// Not async: a runner in virtual time gives each run a runtime, and a clock, of its own.
pub trait RunCell {
    /// Runs `run` to its end.
    ///
    /// # Errors
    ///
    /// Why there is no outcome; the sweep notes it and goes on.
    fn run(&mut self, run: &Run<'_>) -> anyhow::Result<Outcome>;
}
