//! `edge-node bench perplexity`: how well a model predicts a text.
//!
//! The instrument that shows what a number format costs: the same text with another file of the same
//! weights, or with another `--kv`.
//!
//! ```text
//!   text ─▶ Chunks: tokens, cut ─▶ Predictor: a pass's logits ─▶ Likelihood ─▶ Report ─▶ table or JSON
//! ```
//!
//! The method is that of llama.cpp's `llama-perplexity`, so that figures of the two can be compared:
//! chunks of `--context` tokens that know nothing of each other, each with BOS in place of its first
//! token where the model wants one, and of each only the tokens of the second half count, because
//! those before them have little to be predicted from. `edge-node certify` measures hops by the same.

mod chunks;
mod distribution;
mod likelihood;
mod predictor;
mod report;
#[cfg(test)]
mod tests;
pub(crate) mod text;

pub(crate) use chunks::{Chunks, PASS_ROWS_MAX, check_context, passes};
pub(crate) use distribution::Distribution;
pub(crate) use likelihood::Likelihood;

use super::setup::{Setup, SetupArguments};
use anyhow::Context as _;
use predictor::Predictor;
pub(super) use report::Report;
use runtime::{ModelFile, StageSpec};
use std::path::PathBuf;
use std::time::Instant;

/// The command line of `edge-node bench perplexity`.
#[derive(Debug, clap::Args)]
pub(super) struct PerplexityArguments {
    #[command(flatten)]
    setup: SetupArguments,
    /// UTF-8 text to predict.
    #[arg(long)]
    text: PathBuf,
    /// Tokens of a chunk: an even number, at most the model's context.
    #[arg(long, default_value_t = 512)]
    context: usize,
    /// Score the first so many chunks only. Default: all.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    chunks: Option<u32>,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub(super) json: bool,
}

/// What is predicted.
#[derive(Debug)]
struct Task {
    text: PathBuf,
    /// Tokens of a chunk.
    context: usize,
    /// `None` takes all.
    chunks_max: Option<usize>,
}

/// Runs the command.
///
/// # Errors
///
/// Where model or text cannot be read or do not fit the chunks that are asked for.
pub(super) fn perplexity(arguments: PerplexityArguments) -> anyhow::Result<Report> {
    let PerplexityArguments { setup, text, context, chunks, json: _ } = arguments;
    let chunks_max = chunks.map(|chunks| usize::try_from(chunks).unwrap_or(usize::MAX));
    measure(&setup.into(), &Task { text, context, chunks_max })
}

/// Scores the text. What is cheap to refuse is refused before the weights are loaded.
fn measure(setup: &Setup, task: &Task) -> anyhow::Result<Report> {
    let model = ModelFile::open(&setup.model).context("cannot open the model")?;
    check_context(task.context, model.config().context_length)?;
    let tokenizer = model.tokenizer()?;
    let tokens = tokenizer.prompt(&text::read(&task.text)?);
    let bos = tokenizer.bos().filter(|_| tokenizer.adds_bos());
    let chunks = Chunks::new(tokens, task.context, bos, task.chunks_max)
        .with_context(|| format!("{} is too short", task.text.display()))?;

    let threads = setup.start_threads()?;
    let stage = model.load_stage(StageSpec::whole(model.config().layers), &threads)?;
    let mut predictor = Predictor::new(stage, &setup.kv_options(), task.context)?;
    let mut likelihood = Likelihood::default();
    let started = Instant::now();
    for at in 0..chunks.count() {
        predictor.score(&chunks.get(at), &mut likelihood)?;
        let perplexity = likelihood.perplexity();
        tracing::info!(chunk = at + 1, of = chunks.count(), perplexity, "scored");
    }
    Ok(Report::new(setup, task, &chunks, &likelihood, started.elapsed()))
}
