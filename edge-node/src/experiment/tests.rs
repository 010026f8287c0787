//! Files as people write them, and the whole command with a runner that makes outcomes up.

mod cells;
mod command;
mod file;
mod report;
mod statistics;
mod traces;
mod wire;

use super::cell::Cell;
use super::outcome::{Bytes, Counts, Emulated, LinkOutage, Outcome, Predicted, TokenTime, Voucher};
use super::record::Versions;
use super::runner::{Run, RunCell};
use super::sweep::{FinishedCell, FinishedRun, Follow, sweep};
use super::{CellMode, Experiment, ExperimentArguments};
use settings::ConfigError;
use std::path::Path;

/// The least that a file needs in virtual time.
const MINIMAL: &str = "name = 'n'\ntokens = 8\nlinks = ['wifi']\nmodes = ['sync']\n\
                       paces = [{ draft = { decode_ms = 8 }, target = { decode_ms = 40 } }]\n";

/// The experiment that `text` says.
fn load(text: &str) -> Result<Experiment, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("experiment.toml");
    std::fs::write(&path, text).unwrap();
    Experiment::load(&path)
}

/// [`MINIMAL`] with other values for some keys.
fn with(lines: &[&str]) -> String {
    let key = |line: &str| line.split_once(" =").map(|(key, _)| key.to_owned());
    let replaced: Vec<_> = lines.iter().map(|line| key(line)).collect();
    let kept = MINIMAL.lines().filter(|line| !replaced.contains(&key(line)));
    kept.chain(lines.iter().copied()).map(|line| format!("{line}\n")).collect()
}

/// Makes outcomes up, from the seed alone. Fails where it is told to.
#[derive(Debug, Default)]
struct MadeUp {
    failing: Option<CellMode>,
}

impl RunCell for MadeUp {
    fn run(&mut self, run: &Run<'_>) -> anyhow::Result<Outcome> {
        use anyhow::Context as _;
        if Some(run.cell.mode) == self.failing {
            return Err(std::io::Error::other("no <route>")).context("cannot reach the cloud");
        }
        let jitter = |i: u32| f64::from(u8::try_from((run.seeds.own >> (i % 40)) & 31).unwrap());
        let mut at_ms = 100.0;
        let mut tokens = Vec::new();
        for i in 0..run.experiment.tokens {
            at_ms += 40.0 + jitter(i);
            let (voucher, verified_ms) = match i % 8 {
                5 => (Voucher::Device, Some(at_ms + 500.0)),
                6 => (Voucher::Device, None),
                _ => (Voucher::Target, Some(at_ms)),
            };
            tokens.push(TokenTime { at_ms, verified_ms, voucher });
        }
        let cuts = run.experiment.outages.iter().map(|cut| (cut.at_ms as f64, cut.for_ms as f64));
        let outages = cuts.map(|(at, length)| LinkOutage { from_ms: at, to_ms: Some(at + length) });
        Ok(Outcome {
            outages: outages.collect(),
            tokens,
            counts: Counts { drafted: 20, accepted: 15, target_passes: 6, ..Counts::default() },
            application: Bytes { up: 100, down: 200 },
            udp: Bytes { up: 1_000, down: 3_000 },
            device_joules: None,
            emulated: Emulated { link: Some("made up".to_owned()), pace: None },
            predicted: (run.cell.mode == CellMode::Remote)
                .then_some(Predicted { ttft_ms: 90.0, itl_ms: 41.5 }),
        })
    }
}

/// Follows nothing.
struct Unfollowed;

impl Follow for Unfollowed {
    fn begins(&mut self, _: &Cell) {}

    fn ended(&mut self, _: &Cell, _: &FinishedRun) -> anyhow::Result<()> {
        Ok(())
    }
}

/// What a sweep of the experiment `text` gives.
fn swept(text: &str) -> (Experiment, Vec<FinishedCell>) {
    let experiment = load(text).unwrap();
    let cells = sweep(&experiment, &mut MadeUp::default(), &mut Unfollowed).unwrap();
    (experiment, cells)
}

/// The report of such a sweep.
fn page(text: &str) -> String {
    let (experiment, cells) = swept(text);
    super::report::page(&experiment, Versions::ours(), &cells).unwrap()
}

fn arguments(file: &Path, out: &Path) -> ExperimentArguments {
    ExperimentArguments { file: file.to_owned(), out: out.to_owned() }
}
