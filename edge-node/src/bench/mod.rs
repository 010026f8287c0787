//! `edge-node bench`: what a model takes here, and what it is worth.
//!
//! `perplexity` says how well it predicts a text, and has a folder of its own. `engine` says how fast
//! this machine runs it, and how near the machine's limits that is:
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
pub(crate) mod perplexity;
mod plan;
mod report;
mod samples;
mod setup;
mod table;
mod yardsticks;

use anyhow::Context as _;
use engine::Engine;
use figures::Series;
use memory::Memory;
use perplexity::{PerplexityArguments, perplexity};
use plan::{Kind, Plan};
use report::{Report, Run, WeightCounts};
use runtime::{ModelFile, StageSpec};
use serde::Serialize;
pub(crate) use setup::{Setup, SetupArguments, kv_name};
use std::io::Write as _;
use std::time::Instant;
use yardsticks::Yardsticks;

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
    /// How well a model predicts a text, and so what a format of weights or KV costs.
    Perplexity(PerplexityArguments),
}

#[derive(Debug, clap::Args)]
struct EngineArguments {
    #[command(flatten)]
    setup: SetupArguments,
    /// How often each figure is taken; its median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    repeat: u16,
    /// Figures of these kinds alone, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "KINDS")]
    only: Option<Vec<Kind>>,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
///
/// Where the model cannot be loaded, memory is short, or a text cannot be scored.
pub fn bench(arguments: BenchArguments) -> anyhow::Result<()> {
    match arguments.what {
        What::Engine(EngineArguments { setup, repeat, only, json }) => {
            let plan = Plan::full(repeat.into());
            let plan = match only {
                Some(kinds) => plan.only(&kinds),
                None => plan,
            };
            print(&measure(&setup.into(), &plan)?, json, table::of)
        }
        What::Perplexity(arguments) => {
            let json = arguments.json;
            print(&perplexity(arguments)?, json, ToString::to_string)
        }
    }
}

fn print<R: Serialize>(report: &R, json: bool, table: fn(&R) -> String) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    match json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(report)?)?,
        false => write!(out, "{}", table(report))?,
    }
    Ok(())
}

/// Takes all figures of `plan` that the model's context has room for.
fn measure(setup: &Setup, plan: &Plan) -> anyhow::Result<Report> {
    let pool = setup.start_threads()?;
    let started = Instant::now();
    let model = ModelFile::open(&setup.model).context("cannot open the model")?;
    let stage = model.load_stage(StageSpec::whole(model.config().layers), &pool)?;
    let load = started.elapsed();
    let mut memory = Memory::after_load();

    let (figures, skipped) = plan.figures(model.config().context_length);
    let mut series: Vec<Series> = figures.into_iter().map(Series::new).collect();
    let mut engine = Engine::new(stage.clone(), &setup.kv_options(), &series)?;
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

#[cfg(test)]
mod tests;
