//! `results.json`: the experiment and everything that came of it, in one object.

use super::cell::{Cell, Seeds};
use super::design::{Clock, Experiment, Prices};
use super::outcome::Outcome;
use super::statistics::Statistics;
use super::sweep::{FinishedCell, FinishedRun};
use serde::Serialize;

/// What produced the results, apart from the experiment itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Versions {
    program: &'static str,
    /// Whose arithmetic: results of the same class have the same bits.
    numerics: &'static str,
    wire: u16,
}

impl Versions {
    /// Of this program.
    pub(super) const fn ours() -> Self {
        Self {
            program: env!("CARGO_PKG_VERSION"),
            numerics: kernels::NUMERICS_CLASS,
            wire: protocol::VERSION,
        }
    }

    /// In a line.
    pub(super) fn in_words(self) -> String {
        let Self { program, numerics, wire } = self;
        format!("Causeway {program}, wire version {wire}, numerics {numerics}")
    }
}

/// The whole file.
#[derive(Debug, Serialize)]
pub(super) struct Record<'a> {
    name: &'a str,
    about: &'a str,
    versions: Versions,
    seed: u64,
    clock: Clock,
    prices: Option<&'a Prices>,
    /// The experiment's file, as it was read.
    file: &'a str,
    cells: Vec<CellRecord<'a>>,
}

#[derive(Debug, Serialize)]
struct CellRecord<'a> {
    #[serde(flatten)]
    cell: &'a Cell,
    runs: Vec<RunRecord<'a>>,
}

#[derive(Debug, Serialize)]
struct RunRecord<'a> {
    repetition: u32,
    seeds: Seeds,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statistics: Option<&'a Statistics>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a Outcome>,
}

impl<'a> Record<'a> {
    /// Of a sweep.
    pub(super) fn of(
        experiment: &'a Experiment,
        versions: Versions,
        cells: &'a [FinishedCell],
    ) -> Self {
        Self {
            name: &experiment.name,
            about: &experiment.about,
            versions,
            seed: experiment.seed,
            clock: experiment.clock,
            prices: experiment.prices.as_ref(),
            file: &experiment.text,
            cells: cells.iter().map(CellRecord::of).collect(),
        }
    }
}

impl<'a> CellRecord<'a> {
    fn of(FinishedCell { cell, runs }: &'a FinishedCell) -> Self {
        Self { cell, runs: runs.iter().map(RunRecord::of).collect() }
    }
}

impl<'a> RunRecord<'a> {
    fn of(FinishedRun { repetition, seeds, result }: &'a FinishedRun) -> Self {
        let measured = result.as_ref().ok();
        Self {
            repetition: *repetition,
            seeds: *seeds,
            error: result.as_ref().err().map(String::as_str),
            statistics: measured.map(|measured| &measured.statistics),
            outcome: measured.map(|measured| &measured.outcome),
        }
    }
}
