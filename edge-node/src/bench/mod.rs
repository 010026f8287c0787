//! `edge-node bench engine`: how fast this machine runs a model, and how near its limits that is.
//!
//! ```text
//!   Plan ─▶ Engine: passes over sequences of known length ─┐
//!      └──▶ Yardsticks: read bandwidth, int8 and float rate ┴▶ samples ─▶ Report ─▶ table or JSON
//! ```
//!
//! # Invariants
//!
//! - **No figure is measured by itself.** Every repeat takes all figures and all yardsticks once, so
//!   that a noisy neighbour does not hit one of them alone.
//! - **Nothing but passes is in a figure's time**: no cutting back, no choosing of tokens.

mod engine;
mod figures;
mod memory;
mod plan;
mod report;
mod samples;
mod table;
mod yardsticks;

use anyhow::Context as _;
use base::KvFormat;
use engine::Engine;
use figures::Series;
use memory::Memory;
use plan::{Kind, Plan};
use report::{Report, Run, WeightCounts};
use runtime::{KvOptions, ModelFile, Pool, StageSpec};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use yardsticks::Yardsticks;

/// The formats of `--kv`, by the names that a device's configuration has for them.
const KV_FORMATS: [(&str, KvFormat); 4] =
    [("f32", KvFormat::F32), ("f16", KvFormat::F16), ("q8", KvFormat::Q8), ("q4", KvFormat::Q4)];

/// The command line of `edge-node bench`.
#[derive(Debug, clap::Args)]
pub struct BenchArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// One model on this machine's processor, beside the machine's own limits.
    Engine(EngineArguments),
}

#[derive(Debug, clap::Args)]
struct EngineArguments {
    /// GGUF file or Hugging Face folder.
    #[arg(long)]
    model: PathBuf,
    /// Compute threads. Default: as many as there are cores.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// How often each figure is taken; its median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    repeat: u16,
    /// Figures of these kinds alone, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "KINDS")]
    only: Option<Vec<Kind>>,
    /// f16, f32, q8 or q4: how keys and values are kept.
    #[arg(long, default_value = "f16", value_parser = parse_kv)]
    kv: KvFormat,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
}

/// What is measured.
#[derive(Debug)]
struct Setup {
    model: PathBuf,
    threads: usize,
    kv: KvFormat,
}

/// Runs the command.
///
/// # Errors
///
/// Where the model cannot be loaded or memory is short.
pub fn bench(arguments: BenchArguments) -> anyhow::Result<()> {
    let What::Engine(EngineArguments { model, threads, repeat, only, kv, json }) = arguments.what;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let setup = Setup { model, threads: threads.map_or_else(cores, usize::from), kv };
    let plan = Plan::full(repeat.into());
    let plan = match only {
        Some(kinds) => plan.only(&kinds),
        None => plan,
    };
    let report = measure(&setup, &plan)?;
    let mut out = std::io::stdout();
    match json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        false => write!(out, "{}", table::of(&report))?,
    }
    Ok(())
}

/// Takes all figures of `plan` that the model's context has room for.
fn measure(setup: &Setup, plan: &Plan) -> anyhow::Result<Report> {
    let Setup { model: path, threads, kv } = setup;
    let pool = Pool::new(*threads).map(Arc::new);
    let pool = pool.with_context(|| format!("cannot start {threads} compute threads"))?;

    let started = Instant::now();
    let model = ModelFile::open(path).context("cannot open the model")?;
    let stage = model.load_stage(StageSpec::whole(model.config().layers), &pool)?;
    let load = started.elapsed();
    let mut memory = Memory::after_load();

    let (figures, skipped) = plan.figures(model.config().context_length);
    let mut series: Vec<Series> = figures.into_iter().map(Series::new).collect();
    let options = KvOptions { format: *kv, ..KvOptions::default() };
    let mut engine = Engine::new(stage.clone(), &options, &series)?;
    let mut yardsticks = Yardsticks::new(&pool, plan);
    for repeat in 1..=plan.repeats {
        tracing::info!(repeat, of = plan.repeats, "measuring");
        yardsticks.take()?;
        for round in 0..plan.rounds {
            // Long figures once a repeat, single passes every round.
            for series in series.iter_mut().filter(|s| round == 0 || s.figure.is_one_pass()) {
                series.times.push(engine.time(series.figure)?);
            }
        }
    }
    memory.at_end();
    let weights = WeightCounts::of(&model, &stage, &pool)?;
    let run = Run { load, memory, kv_bytes: engine.kv_used(), weights, skipped };
    Ok(Report::new(setup, plan, run, &yardsticks, &series))
}

fn parse_kv(text: &str) -> Result<KvFormat, String> {
    let found = KV_FORMATS.iter().find(|(name, _)| *name == text);
    found.map(|(_, format)| *format).ok_or_else(|| {
        let known = KV_FORMATS.map(|(name, _)| name);
        format!("KV formats are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests;
