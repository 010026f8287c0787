//! Hashes that stand for texts and for the KV of one block of them, the same on every node.
//!
//! ```text
//!   root  = H(model, numerics, RoPE, heads, format, window, lineage, scope)     all but tokens
//!   text of n + 1 blocks = H(text of n blocks, 32 tokens)
//!   segment = H(text up to the block's end, layers, format on the way)
//! ```
//!
//! Equal keys are equal bits: whatever the KV of a block is a function of is hashed into its key, and
//! who cannot compute the key, because he does not know the scope's secret, cannot name the block.

use super::BLOCK_SLOTS;
use super::options::{KvOptions, kernel_format};
use super::pool::KvShape;
use super::segment_format::SegmentFormat;
use base::{LayerRange, TokenId};
use blake3::Hasher;
use kernels::{NUMERICS_CLASS, View};
use std::fmt;

/// Separate these hashes from every other use of BLAKE3, and one version of them from the next.
const ROOT: &str = "causeway kv root 1";
const TEXT: &str = "causeway kv text 1";
const SEGMENT: &str = "causeway kv segment 1";

/// Stands for a text of whole blocks, and for how its KV is computed and kept. Shown in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextKey(pub [u8; 32]);

/// Stands for the KV of one block in some layers, as it is in the index. Ordered by the text first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BlockKey {
    /// Up to the block's end.
    pub(super) text: TextKey,
    /// As which it came; what was computed here is exact.
    pub(super) format: SegmentFormat,
    /// In which its bytes are those of the text.
    pub(super) layers: LayerRange,
}

/// Names a segment to other nodes and on disk. Shown in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentKey(pub [u8; 32]);

impl TextKey {
    /// Of the empty text, of sequences with these `options` in a model of that `shape`, whose keys
    /// turn by `frequencies` radians a position; `None` where nothing is shared.
    ///
    /// The loaded layers are no part of it: nodes that hold other layers agree on it.
    pub(super) fn root(shape: &KvShape, frequencies: &[f32], options: &KvOptions) -> Option<Self> {
        let KvShape { layers: _, kv_heads, head_width, sliding_window, model } = shape;
        let View { window, sinks } = options.view(*sliding_window);
        let mut hasher = Hasher::new_derive_key(ROOT);
        hasher.update(options.scope.salt()?).update(&model.0);
        for name in [NUMERICS_CLASS, kernel_format(options.format).name()] {
            hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        }
        let sizes =
            [BLOCK_SLOTS, *kv_heads, *head_width, frequencies.len()].map(|size| size as u64);
        // A window is never of length 0.
        let seen = [sliding_window.unwrap_or(0), window.unwrap_or(0), sinks].map(u64::from);
        for number in sizes.into_iter().chain(seen) {
            hasher.update(&number.to_le_bytes());
        }
        for frequency in frequencies {
            hasher.update(&frequency.to_bits().to_le_bytes());
        }
        hasher.update(options.lineage.bytes());
        Some(Self(*hasher.finalize().as_bytes()))
    }

    /// Of the text that goes on with one more block of `tokens`.
    pub(super) fn child(self, tokens: &[TokenId]) -> Self {
        let mut hasher = Hasher::new_derive_key(TEXT);
        hasher.update(&self.0);
        for token in tokens {
            hasher.update(&token.0.to_le_bytes());
        }
        Self(*hasher.finalize().as_bytes())
    }
}

impl BlockKey {
    /// What other nodes call it.
    pub(super) fn name(&self) -> SegmentKey {
        let mut hasher = Hasher::new_derive_key(SEGMENT);
        hasher.update(&self.text.0);
        hasher.update(&self.layers.start().to_le_bytes()).update(&self.layers.end().to_le_bytes());
        hasher.update(self.format.name().as_bytes());
        SegmentKey(*hasher.finalize().as_bytes())
    }
}

impl fmt::Display for SegmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TextKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextKey({})", SegmentKey(self.0))
    }
}

impl fmt::Debug for SegmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SegmentKey({self})")
    }
}
