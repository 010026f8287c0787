//! Segments: the KV of one block of a text in some layers, as nodes name and exchange it.
//!
//! ```text
//!   options, tokens ─▶ Segments ─at(block, layers, format)─▶ Segment ─▶ key: what it is called
//!                                                              │
//!                        one node: KvPool::export ─▶ bytes ─▶ another: KvPool::import
//! ```
//!
//! # Invariants
//!
//! - **A segment is a function of its key.** Two nodes that compute the same key have the same bytes for
//!   it, in every format: what travels lossily is made from exact KV alone, never from what itself
//!   came lossily.
//! - **Nothing is believed but the key.** Where a segment lands is decided by the receiver's own options,
//!   tokens and model; a peer can send wrong bytes, and no others than those that were asked for.

use super::BLOCK_SLOTS;
use super::key::{BlockKey, SegmentKey, TextKey};
use super::options::KvOptions;
use super::pool::KvShape;
use super::segment_format::SegmentFormat;
use base::{ByteCount, KvFormat, LayerRange, ModelFingerprint, TokenId};
use kernels::{CodedKvError, KvLayout};
use std::ops::RangeInclusive;

/// The most bytes of a segment that anybody has to take: the KV of 32 positions of a model of 70
/// billion parameters in half precision is 10 MiB.
pub const SEGMENT_BYTES_MAX: usize = 64 << 20;

/// The segments of one text: of each whole block of 32 positions, in any layers and format.
#[derive(Debug, Clone)]
pub struct Segments {
    model: ModelFingerprint,
    kv: KvFormat,
    /// Of one layer.
    layout: KvLayout,
    /// Of the empty text, then up to the end of each block.
    texts: Vec<TextKey>,
}

/// One segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub(super) model: ModelFingerprint,
    pub(super) key: BlockKey,
    /// The text without the block.
    pub(super) before: TextKey,
    /// Of one layer in the pool.
    pub(super) layout: KvLayout,
}

/// A segment that is not taken. The pool is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// The text has no such whole block.
    #[error("block {block} of a text of {blocks} whole blocks")]
    Block {
        /// The block's number.
        block: usize,
        /// Whole blocks of the text.
        blocks: usize,
    },
    /// No layers, or some that are not here.
    #[error("a segment of layers {asked}; here are layers {held}")]
    Layers {
        /// The segment's.
        asked: LayerRange,
        /// Those that are loaded.
        held: LayerRange,
    },
    /// The format loses and saves nothing.
    #[error("a segment in {format} of KV in {kv:?}, which is as narrow; it should be exact")]
    Format {
        /// The segment's.
        format: SegmentFormat,
        /// The pool's.
        kv: KvFormat,
    },
    /// Too few or too many bytes: the sender is wrong.
    #[error("a segment has {actual} bytes; of its layers and format it has {least} to {most}")]
    Length {
        /// What it has at least.
        least: usize,
        /// What it has at most.
        most: usize,
        /// What came.
        actual: usize,
    },
    /// The bytes are no code of its layers: the sender is wrong.
    #[error("a segment is no code of its layers")]
    Code(#[source] CodedKvError),
    /// A key or a value is infinite or no number: the sender is wrong, or the model's own KV overflows
    /// there and is better computed here.
    #[error("a segment has a key or a value that is no finite number")]
    NotFinite,
    /// The pool is full of what is in use.
    #[error("the pool has no room for {wanted} more of KV; {free} are free")]
    NoRoom {
        /// What a block takes.
        wanted: ByteCount,
        /// What is free.
        free: ByteCount,
    },
}

impl Segments {
    /// `None` where nothing is shared.
    pub(crate) fn new(
        shape: &KvShape,
        frequencies: &[f32],
        options: &KvOptions,
        tokens: &[TokenId],
    ) -> Option<Self> {
        let mut texts = vec![TextKey::root(shape, frequencies, options)?];
        for block in tokens.chunks_exact(BLOCK_SLOTS) {
            texts.push(texts[texts.len() - 1].child(block));
        }
        let layout = shape.block(options.format).layout;
        Some(Self { model: shape.model, kv: options.format, layout, texts })
    }

    /// Whole blocks of the text. The positions behind them, 31 at most, are no segment's.
    pub const fn blocks(&self) -> usize {
        self.texts.len() - 1
    }

    /// The segment of `block`, counted from 0, in `layers` and `format`.
    ///
    /// # Errors
    ///
    /// [`SegmentError::Block`], [`SegmentError::Layers`] where there are none, and
    /// [`SegmentError::Format`].
    pub fn at(
        &self,
        block: usize,
        layers: LayerRange,
        format: SegmentFormat,
    ) -> Result<Segment, SegmentError> {
        if block >= self.blocks() {
            return Err(SegmentError::Block { block, blocks: self.blocks() });
        }
        if layers.is_empty() {
            return Err(SegmentError::Layers { asked: layers, held: layers });
        }
        if !format.suits(self.kv) {
            return Err(SegmentError::Format { format, kv: self.kv });
        }
        let (model, layout, before) = (self.model, self.layout, self.texts[block]);
        let key = BlockKey { text: self.texts[block + 1], format, layers };
        Ok(Segment { model, key, before, layout })
    }
}

impl Segment {
    /// What every node and every folder calls it.
    pub fn key(&self) -> SegmentKey {
        self.key.name()
    }

    /// Its layers.
    pub const fn layers(&self) -> LayerRange {
        self.key.layers
    }

    /// Its format.
    pub const fn format(&self) -> SegmentFormat {
        self.key.format
    }

    /// How many bytes it may have: one number, unless the format is a coded one.
    pub fn sizes(&self) -> RangeInclusive<usize> {
        let (layer, layers) =
            (self.format().layer_bytes(self.layout), self.layers().len() as usize);
        layer.start() * layers..=layer.end() * layers
    }
}
