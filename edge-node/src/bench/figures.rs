//! The figures: what each one runs, and what it is called.

use super::samples::Spread;
use std::time::Duration;

/// One thing that is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    /// A prompt of `rows` tokens in one pass, the last one's logits wanted.
    Prefill { rows: usize },
    /// `tokens` passes of one row each, from `context` on.
    Decode { tokens: usize, context: usize },
    /// One pass of `rows` rows at `context`, all logits wanted: a verification.
    Pass { rows: usize, context: usize },
    /// One pass of one row for each of `sessions` sequences, of lengths around `context`.
    Batch { sessions: usize, context: usize },
}

impl Figure {
    /// Its name in JSON, the unit last.
    pub(super) fn key(self) -> String {
        match self {
            Self::Prefill { rows } => format!("prefill_{rows}_tokens_per_s"),
            Self::Decode { tokens, context } => {
                format!("decode_{tokens}_at_{context}_tokens_per_s")
            }
            Self::Pass { rows, context } => format!("pass_{rows}_rows_at_{context}_ms"),
            Self::Batch { sessions, context } => {
                format!("batch_{sessions}_sessions_at_{context}_tokens_per_s")
            }
        }
    }

    /// Its name and unit for people.
    pub(super) fn label(self) -> (String, &'static str) {
        match self {
            Self::Prefill { rows } => (format!("prefill {rows}"), "tokens/s"),
            Self::Decode { tokens, context } => {
                (format!("decode {tokens} at {context}"), "tokens/s")
            }
            Self::Pass { rows: 1, context } => (format!("pass of 1 row at {context}"), "ms"),
            Self::Pass { rows, context } => (format!("pass of {rows} rows at {context}"), "ms"),
            Self::Batch { sessions, context } => {
                (format!("batch of {sessions} sessions at {context}"), "tokens/s")
            }
        }
    }

    /// The longest that one of its sequences becomes.
    pub(super) fn positions(self) -> usize {
        match self {
            Self::Prefill { rows } => rows,
            Self::Decode { tokens, context } => context + tokens,
            Self::Pass { rows, context } => context + rows,
            Self::Batch { sessions, context } => {
                (0..sessions).map(|session| session_length(session, context) + 1).max().unwrap_or(0)
            }
        }
    }

    /// Whether it is so short that it is taken several times in a repeat.
    pub(super) const fn is_one_pass(self) -> bool {
        match self {
            Self::Pass { .. } | Self::Batch { .. } => true,
            Self::Prefill { .. } | Self::Decode { .. } => false,
        }
    }

    /// Rows of one pass, and how many of them have their logits wanted.
    pub(super) const fn rows_of_a_pass(self) -> (usize, usize) {
        match self {
            Self::Prefill { rows } => (rows, 1),
            Self::Decode { .. } => (1, 1),
            Self::Pass { rows, .. } => (rows, rows),
            Self::Batch { sessions, .. } => (sessions, sessions),
        }
    }

    /// How long one pass takes by a `value` in the unit of [`Self::key`].
    pub(super) fn seconds_of_a_pass(self, value: f64) -> f64 {
        match self {
            Self::Pass { .. } => value / 1e3,
            Self::Prefill { .. } | Self::Decode { .. } | Self::Batch { .. } => {
                self.rows_of_a_pass().0 as f64 / value
            }
        }
    }

    /// `time` in the unit of [`Self::key`].
    fn value(self, time: Duration) -> f64 {
        let seconds = time.as_secs_f64().max(f64::MIN_POSITIVE);
        match self {
            Self::Pass { .. } => seconds * 1e3,
            Self::Prefill { rows: tokens }
            | Self::Decode { tokens, .. }
            | Self::Batch { sessions: tokens, .. } => tokens as f64 / seconds,
        }
    }
}

/// How long the sequence of the `session`th session of a batch around `context` is: ragged, as a
/// batch of real sessions is.
pub(super) fn session_length(session: usize, context: usize) -> usize {
    context - context / 8 + session % (context / 4).max(1)
}

/// A figure and the times that it took.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) figure: Figure,
    pub(super) times: Vec<Duration>,
}

impl Series {
    pub(super) const fn new(figure: Figure) -> Self {
        Self { figure, times: Vec::new() }
    }

    /// In the figure's unit.
    pub(super) fn spread(&self) -> Spread {
        Spread::of(self.times.iter().map(|time| self.figure.value(*time)))
    }

    /// How many times as long as `other`, taken in the same rounds, this took: the median of the
    /// rounds.
    pub(super) fn ratio_to(&self, other: &Self) -> f64 {
        let pairs = self.times.iter().zip(&other.times);
        Spread::of(pairs.map(|(ours, others)| ours.as_secs_f64() / others.as_secs_f64())).median
    }
}
