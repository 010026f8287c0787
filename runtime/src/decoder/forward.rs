//! The one operation: run the rows of a batch through embedding, layers and head.
//!
//! # Invariants
//!
//! - **A row does not know its company.** Its bits depend on its own input and on the KV before
//!   it, not on which rows run with it, how a prompt is cut into passes, or how many threads work.
//! - **A pass that fails changes nothing.** Lengths advance at the very end.

use super::admission::{self, known_text};
use super::batch::{Batch, SequenceRows, Span, SpanOutput, enter};
use super::forward_error::ForwardError;
use super::layer::{Pass, multiply};
use super::stage::{Head, Stage, StageSpec};
use super::tensor::{with_values, with_values_mut};
use super::workspace::Workspace;
use crate::kv::KvPool;
use candle_core::Tensor;

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
        assert!(*pool.shape() == self.kv_shape(), "a pool serves the stage that made it");
        let rows = admission::check(self, run, spans, pool)?;
        if spans.is_empty() {
            return Ok(Vec::new());
        }
        let skipped = admission::seat(self, run, spans, &rows, pool)?;
        let batch = Batch::new(run, spans, &rows, &skipped, pool);
        let outputs = self.compute(run, spans, &batch, pool);
        match &outputs {
            _ if run.layers.is_empty() => {}
            Err(_) => admission::undo(spans, pool),
            Ok(_) => {
                for (span, SequenceRows { rows, skipped, .. }) in spans.iter().zip(batch.spans()) {
                    let tokens = known_text(self, run, span).map(|tokens| &tokens[*skipped..]);
                    pool.advance(span.sequence, rows.len(), run.layers, tokens);
                }
            }
        }
        Ok(outputs?)
    }

    fn compute(
        &self,
        run: StageSpec,
        spans: &[Span<'_>],
        batch: &Batch,
        pool: &mut KvPool,
    ) -> candle_core::Result<Vec<SpanOutput>> {
        if batch.positions().is_empty() {
            return Ok(spans.iter().map(|_| SpanOutput::Logits(Vec::new())).collect());
        }
        let x = enter(self, batch, spans)?;
        with_values_mut(&x, |x| {
            let (threads, config) = (&*self.0.threads, self.config());
            let mut work = Workspace::new(config, batch);
            let mut pass = Pass { threads, config, batch, kv: pool, work: &mut work };
            let first_loaded = self.spec().layers.start();
            for layer in run.layers.iter() {
                self.0.layers[(layer - first_loaded) as usize].forward(layer, &mut pass, x);
            }
        })?;
        if run.head {
            let head = self.0.head.as_ref().expect("checked at admission");
            self.logits(head, &x, spans, batch)
        } else {
            let width = self.config().width;
            let rows = batch.spans().iter().map(|span| span.rows.clone());
            let cut =
                |x: &[f32]| rows.map(|r| x[r.start * width..r.end * width].to_vec()).collect();
            let hidden: Vec<Vec<f32>> = with_values(&x, cut)?;
            Ok(hidden.into_iter().map(SpanOutput::Hidden).collect())
        }
    }

    /// Norm and head for the wanted rows of `x: [T, D]`.
    fn logits(
        &self,
        head: &Head,
        x: &Tensor,
        spans: &[Span<'_>],
        batch: &Batch,
    ) -> candle_core::Result<Vec<SpanOutput>> {
        let (width, vocab) = (self.config().width, self.config().vocab);
        let mut wanted = Vec::new();
        with_values(x, |x| {
            for (span, SequenceRows { rows, skipped, .. }) in spans.iter().zip(batch.spans()) {
                if !span.logits.is_empty() {
                    let [first, end] = [span.logits.start, span.logits.end]
                        .map(|row| (rows.start + row - skipped) * width);
                    wanted.extend_from_slice(&x[first..end]);
                }
            }
        })?;
        let counts = spans.iter().map(|span| span.logits.len());
        if wanted.is_empty() {
            return Ok(counts.map(|_| SpanOutput::Logits(Vec::new())).collect());
        }
        let threads = &*self.0.threads;
        let mut normed = vec![0.0; wanted.len()];
        kernels::rms_norm(threads, &wanted, &head.norm, self.config().norm_epsilon, &mut normed);
        let mut logits = vec![0.0; wanted.len() / width * vocab];
        multiply(threads, &normed, [(&head.output, &mut logits)]);
        let mut rest = &logits[..];
        let mut take = |rows: usize| {
            let (logits, others) = rest.split_at(rows * vocab);
            rest = others;
            SpanOutput::Logits(logits.to_vec())
        };
        Ok(counts.map(&mut take).collect())
    }
}
