//! The rows of one pass: spans of sequences, checked against stage and pool before anything runs.

use super::forward_error::{ForwardError, InputError};
use super::ops::{SequenceRows, with_values};
use super::stage::{Stage, StageSpec};
use crate::ModelConfig;
use crate::kv::{BLOCK_SLOTS, KvPool, SequenceId};
use base::{Position, TokenId};
use candle_core::{Device, Tensor};
use std::collections::BTreeSet;
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

/// The rows of all spans, one after the other.
pub(super) struct Batch {
    positions: Vec<u32>,
    spans: Vec<SequenceRows>,
}

impl Batch {
    /// Checks that the pass can run.
    pub(super) fn new(
        stage: &Stage,
        run: StageSpec,
        spans: &[Span<'_>],
        pool: &KvPool,
    ) -> Result<Self, ForwardError> {
        let (loaded, config) = (stage.spec(), stage.config());
        if !loaded.contains(run) || !run.is_consecutive(config.layers) {
            return Err(ForwardError::Stage { asked: run, loaded });
        }
        let mut batch = Self { positions: Vec::new(), spans: Vec::new() };
        let mut blocks = 0;
        let mut seen = BTreeSet::new();
        for span in spans {
            let sequence = span.sequence;
            let rows = check_rows(span, run, config)
                .map_err(|problem| ForwardError::Input { sequence, problem })?;
            if !run.layers.is_empty() {
                check_sequence(span, rows, run, config, pool)?;
                if !seen.insert(sequence) {
                    return Err(ForwardError::DuplicateSequence { sequence });
                }
                blocks += pool.blocks_for(sequence, rows);
            }
            let first = batch.positions.len();
            batch.positions.extend((0..).take(rows).map(|row| span.base.advance(row).0));
            batch.spans.push(SequenceRows { sequence, rows: first..first + rows });
        }
        if blocks > pool.free_blocks() {
            let (wanted, free) = (blocks * BLOCK_SLOTS, pool.free_tokens());
            return Err(ForwardError::PoolFull { wanted, free });
        }
        Ok(batch)
    }

    /// `[T]`
    pub(super) fn positions(&self) -> &[u32] {
        &self.positions
    }

    pub(super) fn spans(&self) -> &[SequenceRows] {
        &self.spans
    }

    /// Writes `[T, G * E]` keys and values of `layer` behind each span's sequence.
    pub(super) fn write_kv(
        &self,
        pool: &mut KvPool,
        layer: u32,
        keys: &Tensor,
        values: &Tensor,
    ) -> candle_core::Result<()> {
        let row = keys.dim(1)?;
        with_values(keys, |keys| {
            with_values(values, |values| {
                for SequenceRows { sequence, rows } in &self.spans {
                    let part = rows.start * row..rows.end * row;
                    pool.write(*sequence, layer, &keys[part.clone()], &values[part]);
                }
            })
        })?
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
    for (span, SequenceRows { rows, .. }) in spans.iter().zip(&batch.spans) {
        let x = &mut x[rows.start * width..rows.end * width];
        match span.input {
            Input::Hidden(hidden) => x.copy_from_slice(hidden),
            Input::Tokens(tokens) => {
                let embedding = stage.0.embedding.as_ref().expect("checked by Batch::new");
                for (token, x) in tokens.iter().zip(x.chunks_exact_mut(width)) {
                    kernels::dequantize_row(&embedding.matrix(), token.0 as usize, x);
                }
            }
        }
    }
    Tensor::from_vec(x, (batch.positions.len(), width), &Device::Cpu)
}

/// Checks the rows of `span` and counts them.
fn check_rows(span: &Span<'_>, run: StageSpec, config: &ModelConfig) -> Result<usize, InputError> {
    let rows = match span.input {
        Input::Tokens(_) if !run.embedding => return Err(InputError::NotHidden),
        Input::Hidden(_) if run.embedding => return Err(InputError::NotTokens),
        Input::Tokens(tokens) => {
            let vocab = config.vocab;
            if let Some(token) = tokens.iter().find(|token| token.0 as usize >= vocab) {
                return Err(InputError::Token { token: *token, vocab });
            }
            tokens.len()
        }
        Input::Hidden(hidden) => {
            let (len, width) = (hidden.len(), config.width);
            if !len.is_multiple_of(width) {
                return Err(InputError::Width { len, width });
            }
            len / width
        }
    };
    let Range { start, end } = span.logits;
    if rows == 0 {
        Err(InputError::Empty)
    } else if run.head && (start > end || end > rows) {
        Err(InputError::Logits { start, end, rows })
    } else {
        Ok(rows)
    }
}

fn check_sequence(
    span: &Span<'_>,
    rows: usize,
    run: StageSpec,
    config: &ModelConfig,
    pool: &KvPool,
) -> Result<(), ForwardError> {
    let (sequence, base, asked) = (span.sequence, span.base, run.layers);
    if !pool.holds(sequence) {
        return Err(ForwardError::UnknownSequence { sequence });
    }
    let held = pool.len(sequence);
    if base.index() != held {
        return Err(ForwardError::Gap { sequence, base, held });
    }
    if let Some(written) = pool.written_by(sequence).filter(|written| *written != asked) {
        return Err(ForwardError::OtherLayers { sequence, written, asked });
    }
    let (length, context_length) = (held + rows, config.context_length);
    if length > context_length as usize {
        return Err(ForwardError::ContextFull { sequence, length, context_length });
    }
    Ok(())
}
