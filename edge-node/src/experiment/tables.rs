//! `results.csv`, a row a run, and `tokens.csv`, a row a token. Rows are written as runs end, so
//! that a sweep that is broken off leaves what it had.

use super::axes::CellMode;
use super::cell::Cell;
use super::outcome::{Outcome, Voucher};
use super::statistics::Statistics;
use super::sweep::FinishedRun;
use anyhow::Context as _;
use serde::Serialize;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// The two tables of a sweep under way.
#[derive(Debug)]
pub(super) struct Tables<W: Write> {
    results: csv::Writer<W>,
    tokens: csv::Writer<W>,
}

#[derive(Debug, Serialize)]
struct RunColumns<'a> {
    cell: &'a str,
    repetition: u32,
    link: Option<&'a str>,
    mode: CellMode,
    draft: Option<String>,
    source: Option<String>,
    temperature: f32,
    pace: Option<&'a str>,
    prompt: usize,
    seed: u64,
    weather_seed: u64,
    text_seed: u64,
    /// Why there is no outcome.
    error: Option<&'a str>,
}

/// An outcome apart from its statistics; empty where there is none.
#[derive(Debug, Default, Serialize)]
struct OutcomeColumns {
    drafted: Option<u64>,
    accepted: Option<u64>,
    target_passes: Option<u64>,
    target_busy_ms: Option<f64>,
    failovers: Option<u64>,
    judged: Option<u64>,
    agreed: Option<u64>,
    application_bytes_up: Option<u64>,
    application_bytes_down: Option<u64>,
    udp_bytes_up: Option<u64>,
    udp_bytes_down: Option<u64>,
    outages: Option<usize>,
    device_joules: Option<f64>,
    predicted_ttft_ms: Option<f64>,
    predicted_itl_ms: Option<f64>,
}

#[derive(Debug, Serialize)]
struct TokenRow<'a> {
    cell: &'a str,
    repetition: u32,
    /// In the reply, from 0.
    token: usize,
    at_ms: f64,
    verified_ms: Option<f64>,
    voucher: Voucher,
}

impl Tables<File> {
    /// In `folder`, where neither is yet.
    ///
    /// # Errors
    ///
    /// Where one is there, or cannot be made.
    pub(super) fn create(folder: &Path) -> anyhow::Result<Self> {
        let create = |name: &str| {
            let path = folder.join(name);
            File::create_new(&path).with_context(|| format!("cannot create {}", path.display()))
        };
        Ok(Self::new(create("results.csv")?, create("tokens.csv")?))
    }
}

impl<W: Write> Tables<W> {
    /// Into two writers.
    pub(super) fn new(results: W, tokens: W) -> Self {
        Self {
            results: csv::Writer::from_writer(results),
            tokens: csv::Writer::from_writer(tokens),
        }
    }

    /// Adds the rows of one run.
    ///
    /// # Errors
    ///
    /// Where they cannot be written.
    pub(super) fn add(&mut self, cell: &Cell, run: &FinishedRun) -> anyhow::Result<()> {
        let measured = run.result.as_ref().ok();
        let outcome = measured.map(|run| OutcomeColumns::of(&run.outcome)).unwrap_or_default();
        let statistics: Statistics = measured.map(|run| run.statistics).unwrap_or_default();
        let row = (RunColumns::of(cell, run), statistics, outcome);
        self.results.serialize(row).context("cannot write results.csv")?;
        let tokens = measured.map_or(&[][..], |run| &run.outcome.tokens);
        for (token, time) in tokens.iter().enumerate() {
            let row = TokenRow {
                cell: &cell.id,
                repetition: run.repetition,
                token,
                at_ms: time.at_ms,
                verified_ms: time.verified_ms,
                voucher: time.voucher,
            };
            self.tokens.serialize(row).context("cannot write tokens.csv")?;
        }
        self.results.flush().context("cannot write results.csv")?;
        self.tokens.flush().context("cannot write tokens.csv")
    }
}

impl<'a> RunColumns<'a> {
    fn of(cell: &'a Cell, run: &'a FinishedRun) -> Self {
        Self {
            cell: &cell.id,
            repetition: run.repetition,
            link: cell.link.as_ref().map(|link| link.key.as_str()),
            mode: cell.mode,
            draft: cell.draft.map(|draft| draft.to_string()),
            source: cell.source.map(|source| source.to_string()),
            temperature: cell.temperature,
            pace: cell.paces.as_ref().map(|paces| paces.label.as_str()),
            prompt: cell.prompt.number,
            seed: run.seeds.own,
            weather_seed: run.seeds.weather,
            text_seed: run.seeds.text,
            error: run.result.as_ref().err().map(String::as_str),
        }
    }
}

impl OutcomeColumns {
    fn of(outcome: &Outcome) -> Self {
        let Outcome { counts, application, udp, outages, device_joules, predicted, .. } = outcome;
        Self {
            drafted: Some(counts.drafted),
            accepted: Some(counts.accepted),
            target_passes: Some(counts.target_passes),
            target_busy_ms: Some(counts.target_busy_ms),
            failovers: Some(counts.failovers),
            judged: Some(counts.judged),
            agreed: Some(counts.agreed),
            application_bytes_up: Some(application.up),
            application_bytes_down: Some(application.down),
            udp_bytes_up: Some(udp.up),
            udp_bytes_down: Some(udp.down),
            outages: Some(outages.len()),
            device_joules: *device_joules,
            predicted_ttft_ms: predicted.map(|predicted| predicted.ttft_ms),
            predicted_itl_ms: predicted.map(|predicted| predicted.itl_ms),
        }
    }
}
