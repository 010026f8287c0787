//! The exact run of a chunk: what every coded run starts from and is compared with.

use super::ladder::Ladder;
use crate::bench::perplexity::{Distribution, Likelihood};
use base::TokenId;

/// One chunk through the target, nothing coded.
#[derive(Debug)]
pub(super) struct Exact {
    /// By boundary: `[T, D]`.
    hidden: Vec<Vec<f32>>,
    /// `[R, V]`, of the `R` rows that are scored.
    logits: Vec<f32>,
    vocab: usize,
    /// `[R]`: what these rows should predict.
    next: Vec<TokenId>,
}

impl Exact {
    /// Runs `chunk` up `ladder`, once. The last token is left out: what it predicts is in no chunk.
    ///
    /// # Errors
    ///
    /// Where the model does not know a token.
    pub(super) fn run(ladder: &mut Ladder, chunk: &[TokenId]) -> anyhow::Result<Self> {
        let hidden = ladder.hidden(&chunk[..chunk.len() - 1])?;
        let mut logits = Vec::new();
        ladder.top(&hidden[ladder.layers() as usize], |row| {
            logits.extend_from_slice(row);
            Ok(())
        })?;
        let next = ladder.scored_rows().map(|row| chunk[row + 1]).collect();
        Ok(Self { hidden, logits, vocab: ladder.vocab(), next })
    }

    /// What leaves the layers below `boundary`, `[T, D]`.
    ///
    /// # Panics
    ///
    /// Where the model has no such boundary.
    pub(super) fn hidden(&self, boundary: u32) -> &[f32] {
        &self.hidden[boundary as usize]
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
