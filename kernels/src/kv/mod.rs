//! Keys and values of a sequence, in blocks of 32 positions and one of four formats.
//!
//! A block holds its 32 slots for one or more layers; this crate sees one layer's bytes at a time,
//! and in these one KV head after the other ([`layout`]). Keys lie transposed, so that the lanes of
//! a vector are positions: a score is then a sum along the head in every lane at once. For the way to
//! another node a block is [`coded`].
//!
//! # Invariants
//!
//! - **One meaning.** Reading a slot gives the same f32 values in every table: `f16` widened, or
//!   `code * scale`, or `fma(code, scale, minimum)`. Attention computes with these and knows no formats.
//! - **A slot is written alone.** Its neighbours' bytes and bits do not change, and no slot's meaning
//!   depends on another slot.

mod coded;
mod layout;
mod quantize;
mod read;
mod unpack;
mod write;

pub use coded::{CodedKvError, KvStep, coded_kv_bytes, decode_kv, encode_kv};
pub use layout::{BLOCK_SLOTS, KvFormat, KvLayout};
pub(crate) use read::{read_keys, read_values};
pub use unpack::read_kv;
pub(crate) use write::write_head;
pub use write::write_kv;
#[cfg(test)]
pub(crate) use write::write_kv_with;

/// One sequence's keys and values of one layer.
#[derive(Clone, Copy, Debug)]
pub struct PagedKv<'a> {
    /// How the layer's bytes are laid out.
    pub layout: KvLayout,
    /// Position `p` lies in slot `p % 32` of `blocks[p / 32]`, a whole block with all its layers. A
    /// block that was evicted is empty; no row may see one of its positions.
    pub blocks: &'a [&'a [u8]],
    /// Where this layer's `layout.block_bytes()` start in every block.
    pub layer_at: usize,
}

impl<'a> PagedKv<'a> {
    /// The bytes of one KV head at positions `32 * block..`.
    ///
    /// # Panics
    ///
    /// Where there is no such block, or it was evicted.
    pub(crate) fn head(&self, block: usize, head: usize) -> &'a [u8] {
        let bytes = self.blocks[block];
        assert!(!bytes.is_empty(), "a row sees block {block}, which was evicted");
        &bytes[self.layer_at + head * self.layout.head_bytes()..][..self.layout.head_bytes()]
    }

    /// The same of the block that follows, or nothing where there is none.
    pub(crate) fn next_head(&self, block: usize, head: usize) -> &'a [u8] {
        match self.blocks.get(block + 1) {
            Some(bytes) if !bytes.is_empty() => self.head(block + 1, head),
            _ => &[],
        }
    }
}
