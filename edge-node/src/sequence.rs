//! One sequence through one stage of a model: keeps KV equal to a text that grows and is cut.

use crate::generate::PASS_ROWS_MAX;
use base::{Position, TokenId};
use runtime::{
    ForwardError, Input, KvOptions, KvPool, Pool, PoolError, SequenceId, Span, SpanOutput, Stage,
};
use runtime::{LoadError, ModelFile, StageSpec};
use settings::Pace;
use std::sync::Arc;
use std::time::Duration;
use transport::clock;

/// Rows of one forward pass while catching up: enough to be efficient, few enough to be cheap to
/// hold.
const CHUNK_ROWS: usize = 128;

/// A stage, its KV, and the tokens that the KV stands for.
#[derive(Debug)]
pub(crate) struct StageSequence {
    stage: Stage,
    pool: KvPool,
    sequence: SequenceId,
    /// All of the text, also where the KV has forgotten some of it.
    held: Vec<TokenId>,
    pace: Pace,
    /// What the emulated machine would still be busy with.
    owed: Duration,
}

/// A stage that cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum SequenceError {
    /// Its weights.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Its KV.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl StageSequence {
    /// Loads the part `spec` of `model` with KV for one sequence of `positions_max`, kept as `kv` says.
    ///
    /// # Errors
    ///
    /// [`SequenceError`] where weights are missing or memory is short.
    pub(crate) fn load(
        model: &ModelFile,
        spec: StageSpec,
        threads: &Arc<Pool>,
        positions_max: u32,
        kv: &KvOptions,
        pace: Pace,
    ) -> Result<Self, SequenceError> {
        let stage = model.load_stage(spec, threads)?;
        let rows_max = CHUNK_ROWS.max(PASS_ROWS_MAX);
        let bound = stage.kv_bytes(kv, positions_max as usize, rows_max);
        let mut pool = stage.new_pool_of(bound)?;
        let sequence = pool.open(kv);
        Ok(Self { stage, pool, sequence, held: Vec::new(), pace, owed: Duration::ZERO })
    }

    /// Runs `text[from..]`, after whatever of `text[..from]` the KV lacks, and gives the output of
    /// these rows: hidden states, or the logits of the last row where the stage has the head.
    ///
    /// # Errors
    ///
    /// [`ForwardError`] where the text is past the model's context or holds tokens it does not know.
    ///
    /// # Panics
    ///
    /// Where `from` is not before the text's end.
    pub(crate) fn run(
        &mut self,
        text: &[TokenId],
        from: usize,
    ) -> Result<SpanOutput, ForwardError> {
        assert!(from < text.len(), "there is at least one row to run");
        let held = self.cut_to(&text[..from]);
        // A few rows more cost little more than one; another pass would read all weights again.
        if self.stage.spec().head && text.len() - held <= CHUNK_ROWS {
            return self.pass(&text[held..]);
        }
        self.catch_up(&text[..from])?;
        self.pass(&text[from..])
    }

    /// Makes the KV that of `text`: drops what differs, runs what is missing; all of it, where a
    /// window has passed over what stands before the difference.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub(crate) fn catch_up(&mut self, text: &[TokenId]) -> Result<(), ForwardError> {
        let same = self.cut_to(text);
        for chunk in text[same..].chunks(CHUNK_ROWS) {
            self.pass(chunk)?;
        }
        Ok(())
    }

    /// Drops what differs from `text`. How many of its tokens are held then.
    fn cut_to(&mut self, text: &[TokenId]) -> usize {
        let same = self.held.iter().zip(text).take_while(|(held, token)| held == token).count();
        let same = match self.pool.truncate(self.sequence, Position::after(same)) {
            Ok(()) => same,
            Err(_) => {
                let emptied = self.pool.truncate(self.sequence, Position(0));
                emptied.expect("a sequence can always be emptied");
                0
            }
        };
        self.held.truncate(same);
        same
    }

    /// How many positions the KV holds.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// How much longer the passes since the last call would have taken on the emulated machine.
    /// Whoever uses their results waits for so long, which costs no thread.
    pub(crate) fn take_owed(&mut self) -> Duration {
        std::mem::take(&mut self.owed)
    }

    fn pass(&mut self, rows: &[TokenId]) -> Result<SpanOutput, ForwardError> {
        let (started, run) = (clock::now(), self.pool.counts().run);
        let span = Span {
            sequence: self.sequence,
            base: Position::after(self.held.len()),
            input: Input::Tokens(rows),
            logits: rows.len() - 1..rows.len(),
        };
        let outputs = self.stage.forward(self.stage.spec(), &[span], &mut self.pool)?;
        self.held.extend(rows);
        let run = usize::try_from(self.pool.counts().run - run).unwrap_or(usize::MAX);
        let (layers, all) = (self.stage.spec().layers, self.stage.config().layers);
        self.owed += self.pace.pass(run, layers, all).saturating_sub(clock::now() - started);
        Ok(outputs.into_iter().next().expect("one span gives one output"))
    }
}

#[cfg(test)]
mod tests;
