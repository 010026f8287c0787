//! `edge-node likeness`: how well it can be told which requests the draft model answers as the target would.
//!
//! ```text
//!   conversations ─▶ Pair: both models, both answers ─▶ Exchanges ─┬─ every other one ─▶ fit ─▶ Weights
//!                                                                  └─ the rest ─▶ Judges ─▶ Report
//! ```
//!
//! Every other conversation is fitted to, and the others are looked at with these weights, with those that
//! the device has now, with the same as they learn from one request after the other, and by token entropy
//! alone.

mod conversations;
mod exchange;
mod judges;
mod pair;
mod quality;
mod reliability;
mod report;
mod table;

use super::fit::fit;
use super::weights::{Weights, present};
use crate::bench::perplexity::text;
use crate::config::{Config, EngineOptions, KvSettings, ModelPaths};
use crate::demo;
use crate::destination::Destination;
use crate::models::Models;
use anyhow::{Context as _, ensure};
use conversations::Conversations;
use exchange::Exchange;
use judges::judge;
use pair::Pair;
use report::{Report, Run};
use std::io::Write as _;
use std::path::PathBuf;

/// The command line of `edge-node likeness`.
#[derive(Debug, clap::Args)]
pub struct LikenessArguments {
    /// Configuration file of a device that has both models. Default: the demo pair.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Conversations like those that the device is for: a .jsonl file with an object a line, whose `turns`
    /// are pairs of role and text, or a file with a prompt a line.
    #[arg(long)]
    text: PathBuf,
    /// Take the first so many conversations only. Default: all.
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..))]
    conversations: Option<u32>,
    /// Write the weights that were fitted to this file, for models.likeness.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print one JSON object instead of the tables.
    #[arg(long)]
    json: bool,
}

/// What is measured.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) text: PathBuf,
    /// `None` takes all.
    pub(super) conversations_max: Option<usize>,
}

/// On what it is measured.
#[derive(Debug)]
pub(super) struct Subject {
    models: ModelPaths,
    kv: KvSettings,
    engine: EngineOptions,
}

/// Runs the command.
///
/// # Errors
///
/// Where models or text cannot be read or are too few, or the weights cannot be written.
pub fn likeness(arguments: LikenessArguments) -> anyhow::Result<()> {
    let LikenessArguments { config, text, conversations, out, json } = arguments;
    let subject = match config {
        Some(path) => Subject::of(Config::load(&path)?),
        None => Subject::demo()?,
    };
    let conversations_max = conversations.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
    let destination = out.as_deref().map(|out| Destination::claim("the weights", out));
    let destination = destination.transpose()?;
    let (report, weights) = measure(&subject, &Task { text, conversations_max })?;
    if let Some(destination) = destination {
        destination.write(&weights.to_file())?;
    }
    let mut stdout = std::io::stdout();
    match json {
        true => writeln!(stdout, "{}", serde_json::to_string_pretty(&report)?)?,
        false => write!(stdout, "{report}")?,
    }
    Ok(())
}

impl Subject {
    /// The models of a device, run as it runs them.
    fn of(config: Config) -> Self {
        Self { models: config.models, kv: config.kv, engine: config.engine }
    }

    /// The demo pair, as a device runs it that says nothing else.
    pub(super) fn demo() -> anyhow::Result<Self> {
        let models = demo::models::find(None)?;
        Ok(Self { models, kv: KvSettings::default(), engine: EngineOptions::default() })
    }

    #[cfg(test)]
    pub(super) fn without_target(mut self) -> Self {
        self.models.target = None;
        self
    }
}

/// Runs all conversations through both models, fits to every other one and looks at the rest.
pub(super) fn measure(subject: &Subject, task: &Task) -> anyhow::Result<(Report, Weights)> {
    let models = Models::open(&subject.models)?;
    let (Some(draft), Some(target)) = (&models.draft, &models.target) else {
        anyhow::bail!("needs models.draft and models.target: it compares what they say");
    };
    let pair = (draft.fingerprint(), target.fingerprint());
    let present = present(&subject.models, &models).context("models.likeness cannot be used")?;
    let text = text::read(&task.text)?;
    let is_jsonl = task.text.extension().is_some_and(|extension| extension == "jsonl");
    let most = task.conversations_max.unwrap_or(usize::MAX);
    let conversations = Conversations::read(&text, is_jsonl, most);
    let conversations =
        conversations.with_context(|| format!("cannot use {}", task.text.display()))?;

    let mut both = Pair::load(&models, subject)?;
    let (mut exchanges, mut left_out) = (Vec::new(), 0);
    for (number, turns) in conversations.turns.iter().enumerate() {
        left_out += both.run(number, turns, &mut exchanges)?;
        tracing::info!(conversation = number + 1, of = conversations.turns.len(), "answered");
    }
    let (learned, held): (Vec<&Exchange>, Vec<&Exchange>) =
        exchanges.iter().partition(|exchange| exchange.conversation % 2 == 0);
    ensure!(!held.is_empty(), "needs two conversations at least: one to fit, one to look at");
    let examples: Vec<_> = learned.iter().map(|exchange| exchange.example()).collect();
    let fitted = fit(&examples).with_context(|| {
        let count = examples.len();
        format!("of {count} answers all or none are as good as the target's: give more text")
    })?;
    let weights = Weights::fitted(pair, examples.len(), fitted);
    let run = Run {
        draft: pair.0.to_string(),
        target: pair.1.to_string(),
        text: task.text.clone(),
        conversations: conversations.turns.len(),
        left_out,
        threads: subject.engine.threads,
        fitted: learned.len(),
        present: subject.models.likeness.clone(),
    };
    let judges = judge(&held, &weights, &present);
    Ok((Report::new(run, &exchanges, &held, judges), weights))
}
