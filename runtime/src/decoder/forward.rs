//! The one operation: run the rows of a batch through embedding, layers and head.
//!
//! # Invariants
//!
//! - **A row does not know its company.** Its bits depend on its own input and on the KV before
//!   it, not on which rows run with it, how a prompt is cut into passes, or how many threads work.
//! - **A pass that fails changes nothing**, and one that is given up half-way neither. Lengths advance
//!   at the very end.

use super::admission::{self, known_text};
use super::batch::{Batch, SequenceRows, Span, SpanOutput, enter};
use super::forward_error::ForwardError;
use super::layer::{Pass, multiply};
use super::stage::{Head, Stage, StageSpec};
use super::tensor::{with_values, with_values_mut};
use super::workspace::Workspace;
use crate::kv::KvPool;
use candle_core::Tensor;
use std::ops::Range;

impl Stage {
    /// Runs `spans` through the part `run` of what is loaded; one output for each span, in order.
    ///
    /// With layers in `run`, each span continues its sequence: afterwards the pool holds its rows
    /// too. A sequence's spans all go through the same layers. With none, only embedding or head
    /// are computed and the pool is not touched.
    ///
    /// Where `run` is a whole model and the rows are tokens, leading rows whose KV another sequence
    /// of the same scope has computed are found and not run, but for those whose logits are wanted.
    ///
    /// Costs two operations for each weight of the run and each row, the head's only for rows
    /// whose logits are wanted, and attention's for each pair of positions.
    ///
    /// # Errors
    ///
    /// [`ForwardError`] says which span or limit; the pool is then unchanged.
    ///
    /// # Panics
    ///
    /// Where `pool` was made by a stage of other layers or another model.
    pub fn forward(
        &self,
        run: StageSpec,
        spans: &[Span<'_>],
        pool: &mut KvPool,
    ) -> Result<Vec<SpanOutput>, ForwardError> {
        self.forward_while(run, spans, pool, &|| true)
    }

    /// [`Self::forward`], given up where nobody wants its outputs any more: `wanted` is asked before
    /// each layer and before the head.
    ///
    /// # Errors
    ///
    /// As [`Self::forward`], and [`ForwardError::Abandoned`] as soon as `wanted` says no; the pool is
    /// then unchanged too.
    ///
    /// # Panics
    ///
    /// As [`Self::forward`].
    pub fn forward_while(
        &self,
        run: StageSpec,
        spans: &[Span<'_>],
        pool: &mut KvPool,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Vec<SpanOutput>, ForwardError> {
        assert!(*pool.shape() == self.kv_shape(), "a pool serves the stage that made it");
        let rows = admission::check(self, run, spans, pool)?;
        if spans.is_empty() {
            return Ok(Vec::new());
        }
        let skipped = admission::seat(run, spans, &rows, pool)?;
        let batch = Batch::new(run, spans, &rows, &skipped, pool);
        let outputs = self.compute(run, spans, &batch, pool, wanted);
        match &outputs {
            _ if run.layers.is_empty() => {}
            Err(_) => admission::undo(spans, pool),
            Ok(_) => {
                for (span, SequenceRows { rows, skipped, .. }) in spans.iter().zip(batch.spans()) {
                    let tokens = known_text(span).map(|tokens| &tokens[*skipped..]);
                    pool.advance(span.sequence, rows.len(), run.layers, tokens);
                }
            }
        }
        outputs
    }

    fn compute(
        &self,
        run: StageSpec,
        spans: &[Span<'_>],
        batch: &Batch,
        pool: &mut KvPool,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Vec<SpanOutput>, ForwardError> {
        if batch.positions().is_empty() {
            return Ok(spans.iter().map(|_| SpanOutput::Logits(Vec::new())).collect());
        }
        let leaving = batch.leaving(run, spans);
        let x = self.run_layers(run, batch, enter(self, batch, spans)?, &leaving, pool, wanted)?;
        let counts = leaving.iter().map(ExactSizeIterator::len);
        if run.head {
            go_on(wanted)?;
        }
        let outputs = with_values(&x, |x| {
            if run.head {
                let head = self.0.head.as_ref().expect("checked at admission");
                let logits = self.logits(head, x);
                cut(&logits, self.config().vocab, counts).map(SpanOutput::Logits).collect()
            } else {
                cut(x, self.config().width, counts).map(SpanOutput::Hidden).collect()
            }
        });
        Ok(outputs?)
    }

    /// The rows of `x: [T, D]` that leave, behind the layers of `run`.
    ///
    /// What the last layer does behind its attention, it does for these alone: of a prompt in front
    /// of the head, that is one row.
    fn run_layers(
        &self,
        run: StageSpec,
        batch: &Batch,
        mut x: Tensor,
        leaving: &[Range<usize>],
        pool: &mut KvPool,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Tensor, ForwardError> {
        let (threads, config) = (&*self.0.threads, self.config());
        let mut work = Workspace::new(config, batch);
        let mut pass = Pass { threads, config, batch, kv: pool, work: &mut work };
        let first_loaded = self.spec().layers.start();
        for layer in run.layers.iter() {
            go_on(wanted)?;
            let weights = &self.0.layers[(layer - first_loaded) as usize];
            with_values(&x, |x| weights.attend(layer, &mut pass, x))?;
            if layer + 1 == run.layers.end() {
                x = keep_rows(&x, leaving)?;
                pass.work.keep_rows(leaving);
            }
            with_values_mut(&x, |x| weights.transform(&mut pass, x))?;
        }
        Ok(if run.layers.is_empty() { keep_rows(&x, leaving)? } else { x })
    }

    /// Norm and head: `[R, V]` of `x: [R, D]`.
    fn logits(&self, head: &Head, x: &[f32]) -> Vec<f32> {
        let (threads, config) = (&*self.0.threads, self.config());
        let mut normed = vec![0.0; x.len()];
        kernels::rms_norm(threads, x, &head.norm, config.norm_epsilon, &mut normed);
        let mut logits = vec![0.0; x.len() / config.width * config.vocab];
        multiply(threads, &normed, [(&head.output, &mut logits)]);
        logits
    }
}

fn go_on(wanted: &dyn Fn() -> bool) -> Result<(), ForwardError> {
    if wanted() { Ok(()) } else { Err(ForwardError::Abandoned) }
}

/// Those rows of `x: [T, D]`, in their order.
fn keep_rows(x: &Tensor, rows: &[Range<usize>]) -> candle_core::Result<Tensor> {
    let parts = rows.iter().filter(|rows| !rows.is_empty());
    let parts: Vec<_> =
        parts.map(|rows| x.narrow(0, rows.start, rows.len())).collect::<Result<_, _>>()?;
    if parts.is_empty() { x.narrow(0, 0, 0) } else { Tensor::cat(&parts, 0) }
}

/// The next `counts` rows each of `rows: [T, width]`.
fn cut(
    mut rows: &[f32],
    width: usize,
    counts: impl Iterator<Item = usize>,
) -> impl Iterator<Item = Vec<f32>> {
    counts.map(move |count| {
        let (part, others) = rows.split_at(count * width);
        rows = others;
        part.to_vec()
    })
}
