//! The exact run of a chunk: what every coded run starts from and is compared with.

use super::ladder::Ladder;
use crate::bench::perplexity::{Distribution, Likelihood};
use base::TokenId;
use std::collections::{BTreeMap, BTreeSet};

/// One chunk through the target, nothing coded.
#[derive(Debug)]
pub(super) struct Exact {
    /// By boundary: `[T, D]`.
    hidden: BTreeMap<u32, Vec<f32>>,
    /// `[R, V]`, of the `R` rows that are scored.
    logits: Vec<f32>,
    vocab: usize,
    /// `[R]`: what these rows should predict.
    next: Vec<TokenId>,
}

impl Exact {
    /// Runs `chunk` up `ladder`, once, and keeps the hidden states at `boundaries`. The last token is
    /// left out: what it predicts is in no chunk.
    ///
    /// # Errors
    ///
    /// Where the model does not know a token.
    pub(super) fn run(
        ladder: &mut Ladder,
        chunk: &[TokenId],
        boundaries: &BTreeSet<u32>,
    ) -> anyhow::Result<Self> {
        let mut hidden = BTreeMap::new();
        let mut x = ladder.embed(&chunk[..chunk.len() - 1])?;
        for boundary in 0..ladder.layers() {
            let above = ladder.climb(boundary, &x)?;
            if boundaries.contains(&boundary) {
                hidden.insert(boundary, x);
            }
            x = above;
        }
        let mut logits = Vec::new();
        ladder.top(&x, |row| {
            logits.extend_from_slice(row);
            Ok(())
        })?;
        if boundaries.contains(&ladder.layers()) {
            hidden.insert(ladder.layers(), x);
        }
        let next = ladder.scored_rows().map(|row| chunk[row + 1]).collect();
        Ok(Self { hidden, logits, vocab: ladder.vocab(), next })
    }

    /// What leaves the layers below `boundary`, `[T, D]`.
    ///
    /// # Panics
    ///
    /// Where the run was not told to keep it.
    pub(super) fn hidden(&self, boundary: u32) -> &[f32] {
        &self.hidden[&boundary]
    }

    /// Adds to `likelihood` what the run predicts.
    ///
    /// # Errors
    ///
    /// Where it gives a token no likelihood.
    pub(super) fn score(&self, likelihood: &mut Likelihood) -> anyhow::Result<()> {
        self.rows().try_for_each(|(row, next)| likelihood.add(&Distribution::of(row), next))
    }

    /// Of each row that is scored, in order: its logits, `[V]`, and the token that follows.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&[f32], TokenId)> {
        self.logits.chunks_exact(self.vocab).zip(self.next.iter().copied())
    }
}
