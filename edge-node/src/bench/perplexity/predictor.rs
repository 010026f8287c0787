//! The model that predicts: one sequence, which every chunk begins anew.

use super::chunks::{PASS_ROWS_MAX, Pass, passes};
use super::distribution::Distribution;
use super::likelihood::Likelihood;
use base::{Position, TokenId};
use runtime::{Input, KvOptions, KvPool, SequenceId, Span, SpanOutput, Stage};

/// A loaded model with room for one chunk.
#[derive(Debug)]
pub(super) struct Predictor {
    stage: Stage,
    pool: KvPool,
    sequence: SequenceId,
    passes: Vec<Pass>,
}

impl Predictor {
    /// For chunks of `context` tokens, whose KV is kept as `options` say.
    ///
    /// # Errors
    ///
    /// Where there is no memory for that KV.
    pub(super) fn new(stage: Stage, options: &KvOptions, context: usize) -> anyhow::Result<Self> {
        let mut pool = stage.new_pool_of(stage.kv_bytes(options, context, PASS_ROWS_MAX))?;
        let sequence = pool.open(options);
        let passes = passes(context, stage.config().vocab);
        Ok(Self { stage, pool, sequence, passes })
    }

    /// Adds to `likelihood` the tokens of `chunk` that count.
    ///
    /// # Errors
    ///
    /// Where the model does not know a token, or gives no likelihood.
    pub(super) fn score(
        &mut self,
        chunk: &[TokenId],
        likelihood: &mut Likelihood,
    ) -> anyhow::Result<()> {
        self.pool.truncate(self.sequence, Position::after(0))?;
        for Pass { rows, scored } in &self.passes {
            let span = Span {
                sequence: self.sequence,
                base: Position::after(rows.start),
                input: Input::Tokens(&chunk[rows.clone()]),
                logits: if *scored { 0..rows.len() } else { 0..0 },
            };
            let mut outputs = self.stage.forward(self.stage.spec(), &[span], &mut self.pool)?;
            let Some(SpanOutput::Logits(logits)) = outputs.pop() else {
                unreachable!("a whole model has a head")
            };
            // Each row predicts the token after it.
            let predicted = &chunk[rows.start + 1..];
            for (logits, token) in logits.chunks_exact(self.stage.config().vocab).zip(predicted) {
                likelihood.add(&Distribution::of(logits), *token)?;
            }
        }
        Ok(())
    }
}
