//! Every cell, every repetition, in order; and what came of them.

use super::cell::{Cell, Seeds};
use super::design::Experiment;
use super::outcome::Outcome;
use super::runner::{Run, RunCell};
use super::statistics::Statistics;

/// Follows a sweep.
pub(super) trait Follow {
    /// A run begins.
    fn begins(&mut self, cell: &Cell);
    /// A run is over.
    ///
    /// # Errors
    ///
    /// Where it cannot be noted; that ends the sweep.
    fn ended(&mut self, cell: &Cell, run: &FinishedRun) -> anyhow::Result<()>;
}

/// A cell with all its runs.
#[derive(Debug)]
pub(super) struct FinishedCell {
    pub(super) cell: Cell,
    pub(super) runs: Vec<FinishedRun>,
}

/// A run that was tried.
#[derive(Debug)]
pub(super) struct FinishedRun {
    pub(super) repetition: u32,
    pub(super) seeds: Seeds,
    /// Or why there is none, with its causes.
    pub(super) result: Result<Measured, String>,
}

/// A run that succeeded.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) outcome: Outcome,
    pub(super) statistics: Statistics,
}

impl FinishedCell {
    /// Its runs that succeeded.
    pub(super) fn measured(&self) -> impl Iterator<Item = &Measured> {
        self.runs.iter().filter_map(|run| run.result.as_ref().ok())
    }
}

/// Runs all of `experiment`. A run that fails is noted, and the sweep goes on.
///
/// # Errors
///
/// Those of `follow`.
pub(super) fn sweep(
    experiment: &Experiment,
    runner: &mut impl RunCell,
    follow: &mut impl Follow,
) -> anyhow::Result<Vec<FinishedCell>> {
    let mut finished = Vec::new();
    for cell in experiment.cells() {
        let mut runs = Vec::new();
        for repetition in 0..experiment.repetitions {
            follow.begins(&cell);
            let seeds = cell.seeds(experiment.seed, repetition);
            let outcome = runner.run(&Run { experiment, cell: &cell, repetition, seeds });
            let result = outcome.map_err(|error| format!("{error:#}")).map(|outcome| Measured {
                statistics: Statistics::of(&outcome, experiment.prices.as_ref()),
                outcome,
            });
            let run = FinishedRun { repetition, seeds, result };
            follow.ended(&cell, &run)?;
            runs.push(run);
        }
        finished.push(FinishedCell { cell, runs });
    }
    Ok(finished)
}
