//! What was found, as data and for people.

use super::Task;
use super::chunks::Chunks;
use super::likelihood::Likelihood;
use crate::bench::setup::{Setup, kv_name};
use base::KvFormat;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// All that one run of the command found.
#[derive(Debug, Serialize)]
pub(in crate::bench) struct Report {
    pub(super) model: PathBuf,
    pub(super) text: PathBuf,
    /// Which functions the kernels chose for this processor.
    pub(super) kernels: &'static str,
    pub(super) threads: usize,
    pub(super) kv: KvFormat,
    /// Tokens of a chunk.
    pub(super) context: usize,
    pub(super) chunks: usize,
    /// Of the whole text.
    pub(super) tokens: usize,
    /// Those that count.
    pub(super) tokens_scored: usize,
    pub(super) perplexity: f64,
    /// Of the perplexity, as an estimate of what it would be for all texts of this kind. Two formats'
    /// figures for the same text differ by far less.
    pub(super) standard_error: f64,
    /// Of all passes and their scoring, without the model's start.
    pub(super) time_s: f64,
}

impl Report {
    /// Puts it together.
    pub(super) fn new(
        setup: &Setup,
        task: &Task,
        chunks: &Chunks,
        likelihood: &Likelihood,
        time: Duration,
    ) -> Self {
        Self {
            model: setup.model.clone(),
            text: task.text.clone(),
            kernels: kernels::table_name(),
            threads: setup.threads,
            kv: setup.kv,
            context: task.context,
            chunks: chunks.count(),
            tokens: chunks.tokens(),
            tokens_scored: likelihood.tokens(),
            perplexity: likelihood.perplexity(),
            standard_error: likelihood.standard_error(),
            time_s: time.as_secs_f64(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernels, threads, context, chunks, tokens, tokens_scored, .. } = self;
        writeln!(f, "{}", self.model.display())?;
        writeln!(f, "threads {threads}, kernels {kernels}, KV {}", kv_name(self.kv))?;
        let text = self.text.display();
        writeln!(f, "{text}: {tokens} tokens, {chunks} chunks of {context} scored")?;
        writeln!(
            f,
            "perplexity {:.4} +/- {:.4} over {tokens_scored} tokens, {:.1} s",
            self.perplexity, self.standard_error, self.time_s
        )
    }
}
