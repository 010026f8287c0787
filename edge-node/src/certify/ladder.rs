//! The target as a ladder of stages of one layer each, to be entered at any boundary.
//!
//! ```text
//!   tokens ─▶ embedding ─▶ layer 0 ─▶ layer 1 ─▶ … ─▶ layer L-1 ─▶ head ─▶ logits
//!                       0          1          2    L-1           L          boundary
//! ```
//!
//! Together they are the whole target, bit for bit: a row does not know how the model is cut (A20).
//! Every layer has a KV of its own, which each run through it begins anew, so what a run leaves behind
//! is in no other's way.

use crate::bench::perplexity::{PASS_ROWS_MAX, passes};
use base::{LayerRange, Position, TokenId};
use runtime::{
    ForwardError, Input, KvOptions, KvPool, ModelFile, Pool, SequenceId, Span, SpanOutput, Stage,
    StageSpec,
};
use std::ops::Range;
use std::sync::Arc;

/// A loaded target with room for one chunk.
#[derive(Debug)]
pub(super) struct Ladder {
    embedding: Rung,
    layers: Vec<Rung>,
    head: Rung,
    /// The rows of a chunk whose logits are scored, in parts that the head takes at once.
    scored: Vec<Range<usize>>,
}

/// One stage, and the sequence that runs through it.
#[derive(Debug)]
struct Rung {
    stage: Stage,
    pool: KvPool,
    sequence: SequenceId,
}

impl Ladder {
    /// Loads `model` for chunks of `context` tokens, whose KV is kept as `kv` says.
    ///
    /// # Errors
    ///
    /// Where weights are missing or memory is short.
    pub(super) fn load(
        model: &ModelFile,
        threads: &Arc<Pool>,
        kv: &KvOptions,
        context: usize,
    ) -> anyhow::Result<Self> {
        let last = model.config().layers;
        let rung = |layers: Range<u32>, embedding, head| {
            let layers = LayerRange::new(layers.start, layers.end)?;
            let stage = model.load_stage(StageSpec { layers, embedding, head }, threads)?;
            let mut pool = stage.new_pool_of(stage.kv_bytes(kv, context, PASS_ROWS_MAX))?;
            let sequence = pool.open(kv);
            anyhow::Ok(Rung { stage, pool, sequence })
        };
        let scored = passes(context, model.config().vocab).into_iter().filter(|pass| pass.scored);
        Ok(Self {
            embedding: rung(0..0, true, false)?,
            layers: (0..last).map(|at| rung(at..at + 1, false, false)).collect::<Result<_, _>>()?,
            head: rung(last..last, false, true)?,
            scored: scored.map(|pass| pass.rows).collect(),
        })
    }

    /// Values of a row of hidden states.
    pub(super) fn width(&self) -> usize {
        self.head.stage.config().width
    }

    /// Tokens of the vocabulary.
    pub(super) fn vocab(&self) -> usize {
        self.head.stage.config().vocab
    }

    /// How many layers: the last boundary.
    pub(super) fn layers(&self) -> u32 {
        self.head.stage.config().layers
    }

    /// The rows of a chunk that predict what is scored, in order.
    pub(super) fn scored_rows(&self) -> impl Iterator<Item = usize> + use<> {
        self.scored.clone().into_iter().flatten()
    }

    /// The hidden states of `tokens`, a chunk's first ones, at every boundary: `[L + 1][T, D]`.
    ///
    /// # Errors
    ///
    /// [`ForwardError`] where the model does not know a token.
    pub(super) fn hidden(&mut self, tokens: &[TokenId]) -> Result<Vec<Vec<f32>>, ForwardError> {
        let mut all = vec![self.embedding.run(0, Input::Tokens(tokens)).map(hidden)?];
        for layer in 0..self.layers() {
            let above = self.climb(layer, &all[layer as usize])?;
            all.push(above);
        }
        Ok(all)
    }

    /// The hidden states at boundary `layer + 1` of those at boundary `layer`, both `[T, D]`, of the
    /// chunk's first `T` positions.
    ///
    /// # Errors
    ///
    /// [`ForwardError`], which a chunk within the model's context does not give.
    pub(super) fn climb(&mut self, layer: u32, x: &[f32]) -> Result<Vec<f32>, ForwardError> {
        let width = self.width();
        let rung = &mut self.layers[layer as usize];
        rung.pool.truncate(rung.sequence, Position(0)).expect("a sequence can always be emptied");
        let mut above = Vec::with_capacity(x.len());
        for part in x.chunks(PASS_ROWS_MAX * width) {
            let base = above.len() / width;
            above.extend(rung.run(base, Input::Hidden(part)).map(hidden)?);
        }
        Ok(above)
    }

    /// Gives `row` the logits of each row that is scored, in order, from the hidden states at the last
    /// boundary, `[T, D]`.
    ///
    /// # Errors
    ///
    /// [`ForwardError`], as [`Self::climb`]; and what `row` says.
    pub(super) fn top(
        &mut self,
        x: &[f32],
        mut row: impl FnMut(&[f32]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let (width, vocab) = (self.width(), self.vocab());
        for rows in &self.scored {
            let part = &x[rows.start * width..rows.end * width];
            match self.head.run(rows.start, Input::Hidden(part))? {
                SpanOutput::Logits(logits) => logits.chunks_exact(vocab).try_for_each(&mut row)?,
                SpanOutput::Hidden(_) => unreachable!("a stage with the head gives logits"),
            }
        }
        Ok(())
    }
}

impl Rung {
    fn run(&mut self, base: usize, input: Input<'_>) -> Result<SpanOutput, ForwardError> {
        let rows = match input {
            Input::Tokens(tokens) => tokens.len(),
            Input::Hidden(x) => x.len() / self.stage.config().width,
        };
        let (sequence, base) = (self.sequence, Position::after(base));
        let span = Span { sequence, base, input, logits: 0..rows };
        let mut outputs = self.stage.forward(self.stage.spec(), &[span], &mut self.pool)?;
        Ok(outputs.pop().expect("one span gives one output"))
    }
}

fn hidden(output: SpanOutput) -> Vec<f32> {
    match output {
        SpanOutput::Hidden(x) => x,
        SpanOutput::Logits(_) => unreachable!("a stage without the head gives hidden states"),
    }
}
