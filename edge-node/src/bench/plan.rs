//! Which figures are taken, of what size, and how often.

use super::figures::Figure;
use std::time::Duration;

/// The sizes of everything that is measured.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// How often each figure is taken.
    pub(super) repeats: usize,
    /// How often a single pass is taken within a repeat.
    pub(super) rounds: usize,
    /// Rows of a prompt.
    pub(super) prefill: Vec<usize>,
    /// Tokens decoded one by one.
    pub(super) decode_tokens: usize,
    /// Positions before these tokens.
    pub(super) decode_contexts: Vec<usize>,
    /// Rows of a pass as in verification; one first, which the others are held against.
    pub(super) pass_rows: Vec<usize>,
    /// Positions before these rows.
    pub(super) pass_context: usize,
    /// Sessions of a batch.
    pub(super) batch_sessions: Vec<usize>,
    /// Positions before each session's row, about.
    pub(super) batch_context: usize,
    /// Memory that each thread reads to learn the bandwidth: more than any cache holds.
    pub(super) read_bytes_per_thread: usize,
    /// For how long each arithmetic rate is measured.
    pub(super) rate_time: Duration,
}

/// Figures of one sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    /// Prompts.
    Prefill,
    /// Tokens one by one.
    Decode,
    /// Single passes of several rows.
    Pass,
    /// Passes for several sessions.
    Batch,
}

/// A figure that the model's context is too short for.
#[derive(Debug, Clone)]
pub(super) struct Skipped {
    pub(super) key: String,
    pub(super) why: String,
}

impl Plan {
    /// The plan of the command.
    pub(super) fn full(repeats: usize) -> Self {
        Self {
            repeats,
            rounds: 5,
            prefill: vec![128, 512],
            decode_tokens: 64,
            decode_contexts: vec![0, 1_024],
            pass_rows: vec![1, 2, 4, 8, 16],
            pass_context: 512,
            batch_sessions: vec![8, 32],
            batch_context: 128,
            read_bytes_per_thread: 256 << 20,
            rate_time: Duration::from_millis(100),
        }
    }

    /// Without the figures of other kinds.
    pub(super) fn only(mut self, kinds: &[Kind]) -> Self {
        let lists = [
            (Kind::Prefill, &mut self.prefill),
            (Kind::Decode, &mut self.decode_contexts),
            (Kind::Pass, &mut self.pass_rows),
            (Kind::Batch, &mut self.batch_sessions),
        ];
        for (_, list) in lists.into_iter().filter(|(kind, _)| !kinds.contains(kind)) {
            list.clear();
        }
        self
    }

    /// The figures that fit a context of `context_length` positions, and those that do not.
    pub(super) fn figures(&self, context_length: u32) -> (Vec<Figure>, Vec<Skipped>) {
        let prefill = self.prefill.iter().map(|&rows| Figure::Prefill { rows });
        let tokens = self.decode_tokens;
        let decode = self.decode_contexts.iter();
        let decode = decode.map(|&context| Figure::Decode { tokens, context });
        let context = self.pass_context;
        let pass = self.pass_rows.iter().map(|&rows| Figure::Pass { rows, context });
        let context = self.batch_context;
        let batch = self.batch_sessions.iter();
        let batch = batch.map(|&sessions| Figure::Batch { sessions, context });
        let all = prefill.chain(decode).chain(pass).chain(batch);
        let (fitting, long): (Vec<_>, Vec<_>) =
            all.partition(|figure| figure.positions() <= context_length as usize);
        let skip = |figure: Figure| Skipped {
            key: figure.key(),
            why: format!(
                "needs {} positions, the model's context is {context_length}",
                figure.positions()
            ),
        };
        (fitting, long.into_iter().map(skip).collect())
    }
}
