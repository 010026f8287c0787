//! `edge-node certify`: what each codec of a hop costs the target, at each boundary between its layers.
//!
//! A quantized hop changes the target a little. How much depends on model, boundary and codec, so it is
//! measured on a text, and a plan may use what was measured and nothing else:
//!
//! ```text
//!              ┌─ the exact run of a chunk, once ──────────────────────────┐
//!   Ladder:    embedding ─▶ layer 0 ─▶ … ─▶ layer b ─▶ … ─▶ head ─▶ logits ─┤
//!                                    │ hidden states at boundary b          ├─▶ Divergence ─▶ Cost
//!   Trial:                         codec ─▶ layer b ─▶ … ─▶ head ─▶ logits ─┘        in a Certificate
//! ```
//!
//! Codecs with calibrated steps need what is usual for each channel at the boundary: `Scales`, taken
//! before all this from rows that are not scored, and part of the certificate.
//!
//! Chunks and scored positions are those of `bench perplexity`.
//!
//! # Invariants
//!
//! - **A certificate is of one model**, one numerics class and one KV format, and cannot be loaded for
//!   another.
//! - **What a figure takes does not grow with the text**: one chunk's hidden states and logits, and sums.

mod certificate;
mod divergence;
mod exact;
mod facts;
mod file;
mod histogram;
mod hop;
mod ladder;
mod scales;
mod table;
#[cfg(test)]
mod tests;
mod trial;

pub use certificate::{Certificate, Cost, Flaw};
pub(crate) use facts::Digest;
pub use file::CertificateError;

use crate::bench::perplexity::{Chunks, Likelihood, check_context, text};
use crate::bench::{Setup, SetupArguments};
use crate::destination::Destination;
use anyhow::{Context as _, bail};
use base::WireCodec;
use certificate::six_digits;
use exact::Exact;
use facts::{BoundaryFacts, Facts, TextFacts, VERSION};
use ladder::Ladder;
use runtime::{ModelConfig, ModelFile};
use scales::Scales;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use trial::Trial;

/// Service dialogues in a car, a hospital and a factory, of the kind that the demo pair knows: written
/// for this, 8 KiB.
const DIALOGUE: &str = include_str!("dialogue.txt");

/// The command line of `edge-node certify`.
#[derive(Debug, clap::Args)]
pub struct CertifyArguments {
    #[command(flatten)]
    setup: SetupArguments,
    /// UTF-8 text like those that the model is for. Default: dialogues that come with the program.
    #[arg(long)]
    text: Option<PathBuf>,
    /// Where the certificate goes.
    #[arg(long)]
    out: PathBuf,
    /// Tokens of a chunk: an even number, at most the model's context.
    #[arg(long, default_value_t = 512)]
    context: usize,
    /// Score the first so many chunks only. Default: all.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    chunks: Option<u32>,
    /// Codecs of hops, separated by commas. Default: all but f32, which is exact.
    #[arg(long, value_delimiter = ',')]
    codecs: Option<Vec<WireCodec>>,
    /// After how many layers a hop may be, separated by commas. Default: any, from 0 on.
    #[arg(long, value_delimiter = ',')]
    boundaries: Option<Vec<u32>>,
}

/// What is certified.
#[derive(Debug)]
struct Task {
    /// `None` takes the one that comes with the program.
    text: Option<PathBuf>,
    /// Tokens of a chunk.
    context: usize,
    /// `None` takes all.
    chunks_max: Option<usize>,
    codecs: Vec<WireCodec>,
    /// `None` takes all.
    boundaries: Option<Vec<u32>>,
}

/// Runs the command.
///
/// # Errors
///
/// Where model or text cannot be read or do not fit what is asked for, or the certificate cannot be
/// written.
pub fn certify(arguments: CertifyArguments) -> anyhow::Result<()> {
    let CertifyArguments { setup, text, out, context, chunks, codecs, boundaries } = arguments;
    let chunks_max = chunks.map(|chunks| usize::try_from(chunks).unwrap_or(usize::MAX));
    let mut codecs = codecs
        .unwrap_or_else(|| WireCodec::all().filter(|codec| *codec != WireCodec::F32).collect());
    codecs.sort_unstable();
    codecs.dedup();
    let destination = Destination::claim("the certificate", &out)?;
    let task = Task { text, context, chunks_max, codecs, boundaries };
    let certificate = measure(&setup.into(), &task)?;
    destination.write(certificate.facts())?;
    write!(std::io::stdout(), "{certificate}\nwritten to {}\n", out.display())?;
    Ok(())
}

/// Measures all that `task` asks for. What is cheap to refuse is refused before the weights are loaded.
fn measure(setup: &Setup, task: &Task) -> anyhow::Result<Certificate> {
    let model = ModelFile::open(&setup.model).context("cannot open the model")?;
    check_context(task.context, model.config().context_length)?;
    let boundaries = boundaries(task, model.config())?;
    let (text, chunks) = read_text(task, &model)?;

    let threads = setup.start_threads()?;
    let mut ladder = Ladder::load(&model, &threads, &setup.kv_options(), task.context)?;
    let pairs = boundaries.iter().flat_map(|at| task.codecs.iter().map(|codec| (*at, *codec)));
    let mut trials: Vec<Trial> = pairs.map(|(at, codec)| Trial::new(at, codec)).collect();
    let scales = match task.codecs.iter().any(|codec| codec.is_calibrated()) {
        true => Scales::calibrate(&mut ladder, &chunks)?,
        false => Scales::default(),
    };
    let mut likelihood = Likelihood::default();
    for at in 0..chunks.count() {
        let exact = Exact::run(&mut ladder, &chunks.get(at))?;
        exact.score(&mut likelihood)?;
        for trial in &mut trials {
            trial.run(&mut ladder, &exact, &scales)?;
            tracing::debug!(chunk = at + 1, boundary = trial.boundary, "measured");
        }
        tracing::info!(chunk = at + 1, of = chunks.count(), "measured");
    }
    let perplexity = likelihood.perplexity();
    let of = |boundary: u32| {
        let trials = trials.iter().filter(|trial| trial.boundary == boundary);
        let costs = trials.map(|trial| trial.cost(perplexity)).collect();
        BoundaryFacts { boundary, scales: scales.at(boundary).to_vec(), costs }
    };
    let facts = Facts {
        version: VERSION,
        model: Digest(model.fingerprint().0),
        numerics: kernels::NUMERICS_CLASS.to_owned(),
        kv: setup.kv,
        layers: model.config().layers,
        width: model.config().width,
        text,
        positions: likelihood.tokens(),
        perplexity: six_digits(perplexity),
        boundaries: boundaries.into_iter().map(of).collect(),
    };
    Certificate::new(facts).context("what was measured cannot be true")
}

/// The boundaries asked for. At the first one a stage has the embedding alone, at the last one the
/// next has the head alone.
fn boundaries(task: &Task, model: &ModelConfig) -> anyhow::Result<BTreeSet<u32>> {
    let Some(asked) = &task.boundaries else { return Ok((0..=model.layers).collect()) };
    if let Some(beyond) = asked.iter().find(|at| **at > model.layers) {
        bail!("there is no boundary {beyond}; the model's are 0 to {}", model.layers);
    }
    Ok(asked.iter().copied().collect())
}

/// The text in chunks, and what the certificate says of it.
fn read_text(task: &Task, model: &ModelFile) -> anyhow::Result<(TextFacts, Chunks)> {
    let (name, text) = match &task.text {
        None => ("the text that comes with the program".to_owned(), DIALOGUE.trim_end().to_owned()),
        Some(path) => (path.display().to_string(), text::read(path)?),
    };
    let tokenizer = model.tokenizer()?;
    let bos = tokenizer.bos().filter(|_| tokenizer.adds_bos());
    let chunks = Chunks::new(tokenizer.prompt(&text), task.context, bos, task.chunks_max);
    let chunks = chunks.with_context(|| {
        format!("{name} is too short: give a longer --text or a smaller --context")
    })?;
    let facts = TextFacts {
        blake3: Digest(*blake3::hash(text.as_bytes()).as_bytes()),
        bytes: text.len(),
        tokens: chunks.tokens(),
        context: task.context,
        chunks: chunks.count(),
    };
    Ok((facts, chunks))
}
