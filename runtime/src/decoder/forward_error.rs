//! Why a pass gave nothing. Every variant but [`ForwardError::Abandoned`] and [`ForwardError::Tensor`]
//! is found before it starts.

use super::StageSpec;
use crate::kv::SequenceId;
use base::{ByteCount, LayerRange, Position, TokenId};

/// A pass that was refused or given up. Nothing changed: the pool is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The pass asks for more than the stage loaded, or skips what lies between.
    #[error("a pass through {asked} is no part of the loaded {loaded} or skips layers")]
    Stage {
        /// What the pass should run.
        asked: StageSpec,
        /// What is loaded.
        loaded: StageSpec,
    },
    /// The sequence is closed or another pool's.
    #[error("{sequence:?} is not open in this pool")]
    UnknownSequence {
        /// The sequence.
        sequence: SequenceId,
    },
    /// Two spans of one pass continue the same sequence.
    #[error("{sequence:?} comes twice in one pass")]
    DuplicateSequence {
        /// The sequence.
        sequence: SequenceId,
    },
    /// The span does not begin where the sequence's KV ends.
    #[error("span of {sequence:?} begins at {base}, its KV ends at {held}")]
    Gap {
        /// The sequence.
        sequence: SequenceId,
        /// Where the span begins.
        base: Position,
        /// How many positions the pool holds.
        held: usize,
    },
    /// Earlier positions of the sequence went through other layers, so their KV is not there.
    #[error("{sequence:?} has KV of layers {written}, not of {asked}")]
    OtherLayers {
        /// The sequence.
        sequence: SequenceId,
        /// The layers that its positions went through.
        written: LayerRange,
        /// The layers of this pass.
        asked: LayerRange,
    },
    /// The rows of a span are not what the stage takes.
    #[error("bad input for {sequence:?}")]
    Input {
        /// The sequence.
        sequence: SequenceId,
        /// What is wrong.
        #[source]
        problem: InputError,
    },
    /// The span ends beyond the positions that the model was made for. Not of a stream, whose window
    /// they have room for.
    #[error("{sequence:?} would reach length {length}; the model's context is {context_length}")]
    ContextFull {
        /// The sequence.
        sequence: SequenceId,
        /// Its length after the pass.
        length: usize,
        /// The longest there may be.
        context_length: u32,
    },
    /// The pool has too little room for all spans.
    #[error("the pass needs {wanted} more of KV in whole blocks; {free} are free")]
    PoolFull {
        /// What the pass needs.
        wanted: ByteCount,
        /// What is free.
        free: ByteCount,
    },
    /// Nobody wanted the outputs any more: not an error, where whoever asked knows it.
    #[error("nobody waits for the pass any more")]
    Abandoned,
    /// candle refused an operation: a bug here, not the caller's.
    #[error("a tensor operation failed")]
    Tensor(#[from] candle_core::Error),
}

/// What is wrong with the rows of one span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// A span without rows.
    #[error("it has no rows")]
    Empty,
    /// Hidden states for a stage that begins with the embedding.
    #[error("it has hidden states where the stage takes tokens")]
    NotTokens,
    /// Tokens for a stage that begins with a layer.
    #[error("it has tokens where the stage takes hidden states")]
    NotHidden,
    /// A token beyond the vocabulary.
    #[error("token {} is not below the vocabulary's {vocab}", token.0)]
    Token {
        /// The token.
        token: TokenId,
        /// Number of tokens.
        vocab: usize,
    },
    /// Hidden states that are no whole number of rows.
    #[error("{len} hidden values are no whole number of rows of {width}")]
    Width {
        /// Values given.
        len: usize,
        /// Values of one row.
        width: usize,
    },
    /// Logits wanted of rows that are not there.
    #[error("logits of rows {start}..{end} are wanted of {rows} rows")]
    Logits {
        /// First row wanted.
        start: usize,
        /// One past the last row wanted.
        end: usize,
        /// Rows of the span.
        rows: usize,
    },
}
