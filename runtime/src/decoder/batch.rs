//! The rows of one pass: spans of sequences, laid one after the other.

use super::stage::{Stage, StageSpec};
use crate::kv::{KvPool, SequenceId};
use base::{Position, TokenId};
use candle_core::{Device, Tensor};
use kernels::{RopeTurns, View};
use std::ops::Range;

/// Consecutive positions of one sequence.
#[derive(Debug, Clone)]
pub struct Span<'a> {
    /// Whose they are. A pass without layers reads and writes no KV and does not look it up.
    pub sequence: SequenceId,
    /// The first position: as many as the pool holds of the sequence.
    pub base: Position,
    /// One row for each position.
    pub input: Input<'a>,
    /// Rows of this span whose logits are wanted; not looked at where the pass has no head.
    pub logits: Range<usize>,
}

/// What enters a stage.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// `[T]`, for a pass that begins with the embedding.
    Tokens(&'a [TokenId]),
    /// `[T, D]`, for any other.
    Hidden(&'a [f32]),
}

/// What leaves a stage for one span.
#[derive(Debug, Clone, PartialEq)]
pub enum SpanOutput {
    /// `[T, D]`, from a pass without the head.
    Hidden(Vec<f32>),
    /// `[R, V]`, unnormalized, for the `R` rows that were wanted.
    Logits(Vec<f32>),
}

/// Rows of a pass that belong to one sequence.
pub(super) struct SequenceRows {
    pub(super) sequence: SequenceId,
    /// Of the batch.
    pub(super) rows: Range<usize>,
    /// Rows of the span before these, whose KV was found.
    pub(super) skipped: usize,
}

/// The rows of all spans that have to run, one after the other.
pub(super) struct Batch {
    positions: Vec<u32>,
    spans: Vec<SequenceRows>,
    turns: RopeTurns,
    /// From where each row looks at sinks, where that differs for some row.
    sink_turns: Option<RopeTurns>,
}

impl Batch {
    /// `rows` of each of `spans` but for the `skipped` first ones.
    pub(super) fn new(
        run: StageSpec,
        spans: &[Span<'_>],
        rows: &[usize],
        skipped: &[usize],
        pool: &KvPool,
    ) -> Self {
        let mut positions: Vec<u32> = Vec::new();
        let mut laid = Vec::new();
        for (span, (rows, skipped)) in spans.iter().zip(rows.iter().zip(skipped)) {
            let first = positions.len();
            positions.extend((0..).map(|row| span.base.advance(row).0).take(*rows).skip(*skipped));
            let rows = first..positions.len();
            laid.push(SequenceRows { sequence: span.sequence, rows, skipped: *skipped });
        }
        if run.layers.is_empty() {
            // Nothing is turned, and no position is looked at.
            let turns = RopeTurns::new(pool.frequencies(), &[]);
            return Self { positions, spans: laid, turns, sink_turns: None };
        }
        let mut sink_positions = positions.clone();
        for SequenceRows { sequence, rows, .. } in &laid {
            if let Some(farthest) = farthest(pool.view(*sequence)) {
                let positions = sink_positions[rows.clone()].iter_mut();
                positions.for_each(|position| *position = farthest.min(*position));
            }
        }
        let turn = |positions: &[u32]| RopeTurns::new(pool.frequencies(), positions);
        let sink_turns = (sink_positions != positions).then(|| turn(&sink_positions));
        Self { turns: turn(&positions), positions, spans: laid, sink_turns }
    }

    /// `[T]`
    pub(super) fn positions(&self) -> &[u32] {
        &self.positions
    }

    pub(super) fn spans(&self) -> &[SequenceRows] {
        &self.spans
    }

    /// Of each span, the rows of the batch that leave `run`: in front of a head, those whose logits
    /// are wanted.
    pub(super) fn leaving(&self, run: StageSpec, spans: &[Span<'_>]) -> Vec<Range<usize>> {
        let of = |(span, laid): (&Span<'_>, &SequenceRows)| match &span.logits {
            _ if !run.head => laid.rows.clone(),
            wanted if wanted.is_empty() => laid.rows.end..laid.rows.end,
            wanted => {
                let [start, end] =
                    [wanted.start, wanted.end].map(|row| laid.rows.start + row - laid.skipped);
                start..end
            }
        };
        spans.iter().zip(&self.spans).map(of).collect()
    }

    /// How each row's queries and keys are turned.
    pub(super) const fn turns(&self) -> &RopeTurns {
        &self.turns
    }

    /// How each row's queries are turned to look at sinks; `None` where that is as [`Self::turns`].
    pub(super) const fn sink_turns(&self) -> Option<&RopeTurns> {
        self.sink_turns.as_ref()
    }
}

/// The residual stream `[T, D]` that enters the first layer.
pub(super) fn enter(
    stage: &Stage,
    batch: &Batch,
    spans: &[Span<'_>],
) -> candle_core::Result<Tensor> {
    let width = stage.config().width;
    let mut x = vec![0.0; batch.positions.len() * width];
    for (span, SequenceRows { rows, skipped, .. }) in spans.iter().zip(&batch.spans) {
        let x = &mut x[rows.start * width..rows.end * width];
        match span.input {
            Input::Hidden(hidden) => x.copy_from_slice(hidden),
            Input::Tokens(tokens) => {
                let embedding = stage.0.embedding.as_ref().expect("checked at admission");
                for (token, x) in tokens[*skipped..].iter().zip(x.chunks_exact_mut(width)) {
                    kernels::dequantize_row(&embedding.matrix(), token.0 as usize, x);
                }
            }
        }
    }
    Tensor::from_vec(x, (batch.positions.len(), width), &Device::Cpu)
}

/// The position from which the sinks are looked at by all later ones too: their distance ends there.
fn farthest(view: View) -> Option<u32> {
    let window = view.window.filter(|_| view.sinks > 0)?;
    Some(view.sinks.saturating_add(window) - 1)
}
