//! Keys and values of many sequences in one pool of fixed blocks.
//!
//! ```text
//!   sequence 7: length 70, block table [4, 0, 9]      pool: [0][1][2][3][4][5] ...
//!   block = for each loaded layer: 32 key rows [G * E], 32 value rows [G * E]
//! ```
//!
//! # Invariants
//!
//! - **The pool never grows.** Its memory is taken at construction; a pass that does not fit is
//!   refused before it changed anything.
//! - **A block belongs to one sequence or to the free list**, never to both or two.
//! - **A sequence id is never used again**, within this process, in this pool or another.
//! - **Nothing reads a slot at or beyond a sequence's length**, so that truncating is forgetting.

use base::{LayerRange, Position};
use kernels::{PagedKv, RopeTable};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Positions in one block.
pub const BLOCK_SLOTS: usize = 32;

/// One sequence of one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceId(u64);

/// A pool that cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// More memory than the system gives, or than an address can reach.
    #[error("a KV pool of {tokens} tokens needs more memory than there is")]
    Memory {
        /// Tokens asked for.
        tokens: usize,
    },
}

/// What one block holds, in `f32` values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockShape {
    /// The loaded layers; a block has room for each.
    pub(crate) layers: LayerRange,
    pub(crate) kv_heads: usize,
    pub(crate) head_width: usize,
}

impl BlockShape {
    /// Values of one key or value row, `G * E`.
    fn row(&self) -> usize {
        self.kv_heads * self.head_width
    }

    /// Values from one block to the next.
    fn stride(&self) -> usize {
        self.layers.len() as usize * 2 * BLOCK_SLOTS * self.row()
    }

    /// Where the keys of `layer` begin in a block; its values follow them.
    fn keys_at(&self, layer: u32) -> usize {
        (layer - self.layers.start()) as usize * 2 * BLOCK_SLOTS * self.row()
    }
}

#[derive(Debug, Default)]
struct Sequence {
    length: usize,
    blocks: Vec<u32>,
    /// The layers that wrote the slots; `None` while there are none.
    layers: Option<LayerRange>,
}

/// The KV memory of one stage. See the module's documentation.
pub struct KvPool {
    shape: BlockShape,
    values: Vec<f32>,
    free: Vec<u32>,
    sequences: BTreeMap<SequenceId, Sequence>,
    /// Keys are stored rotated, so the table that rotates them is the pool's.
    rope: RopeTable,
}

impl KvPool {
    /// A pool for `tokens` positions in all, rounded up to whole blocks, all of them free.
    pub(crate) fn new(
        shape: BlockShape,
        tokens: usize,
        rope: RopeTable,
    ) -> Result<Self, PoolError> {
        let memory = PoolError::Memory { tokens };
        let blocks = u32::try_from(tokens.div_ceil(BLOCK_SLOTS)).map_err(|_| memory)?;
        let len = (blocks as usize).checked_mul(shape.stride()).ok_or(memory)?;
        // Asked for first, because only a refusal here is an error; taken as zeroed memory, because the
        // system hands that out page by page as blocks are first written.
        Vec::<f32>::new().try_reserve_exact(len).map_err(|_| memory)?;
        let values = vec![0.0; len];
        // The lowest block is handed out first.
        let free = (0..blocks).rev().collect();
        Ok(Self { shape, values, free, sequences: BTreeMap::new(), rope })
    }

    /// Begins an empty sequence. It takes no memory until a pass writes to it.
    pub fn open(&mut self) -> SequenceId {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = SequenceId(NEXT.fetch_add(1, Ordering::Relaxed));
        self.sequences.insert(id, Sequence::default());
        id
    }

    /// How many positions of `sequence` the pool holds.
    ///
    /// # Panics
    ///
    /// Where `sequence` is closed or another pool's.
    pub fn len(&self, sequence: SequenceId) -> usize {
        self.sequence(sequence).length
    }

    /// Forgets the positions of `sequence` from `length` on; nothing happens where it is shorter.
    ///
    /// # Panics
    ///
    /// Where `sequence` is closed or another pool's.
    pub fn truncate(&mut self, sequence: SequenceId, length: Position) {
        let Some(entry) = self.sequences.get_mut(&sequence) else { foreign(sequence) };
        entry.length = entry.length.min(length.index());
        let kept = entry.length.div_ceil(BLOCK_SLOTS);
        self.free.extend(entry.blocks.drain(kept.min(entry.blocks.len())..).rev());
        if entry.length == 0 {
            entry.layers = None;
        }
    }

    /// Ends `sequence` and frees its blocks.
    ///
    /// # Panics
    ///
    /// Where `sequence` is closed already or another pool's.
    pub fn close(&mut self, sequence: SequenceId) {
        self.truncate(sequence, Position(0));
        self.sequences.remove(&sequence);
    }

    /// Positions that a new sequence could have now.
    pub fn free_tokens(&self) -> usize {
        self.free.len() * BLOCK_SLOTS
    }

    /// Whether `sequence` is open in this pool.
    pub fn holds(&self, sequence: SequenceId) -> bool {
        self.sequences.contains_key(&sequence)
    }

    pub(crate) fn shape(&self) -> &BlockShape {
        &self.shape
    }

    pub(crate) fn rope(&self) -> &RopeTable {
        &self.rope
    }

    /// The layers that wrote `sequence`, if any did.
    pub(crate) fn written_by(&self, sequence: SequenceId) -> Option<LayerRange> {
        self.sequence(sequence).layers
    }

    /// Free blocks that `rows` more positions of `sequence` would take.
    pub(crate) fn blocks_for(&self, sequence: SequenceId, rows: usize) -> usize {
        let entry = self.sequence(sequence);
        (entry.length + rows).div_ceil(BLOCK_SLOTS) - entry.blocks.len()
    }

    /// Blocks that no sequence has.
    pub(crate) fn free_blocks(&self) -> usize {
        self.free.len()
    }

    /// Gives `sequence` the blocks for `rows` more positions; its length stays.
    ///
    /// # Panics
    ///
    /// Where there are fewer than [`Self::blocks_for`] says.
    pub(crate) fn reserve(&mut self, sequence: SequenceId, rows: usize) {
        let wanted = self.blocks_for(sequence, rows);
        let Some(entry) = self.sequences.get_mut(&sequence) else { foreign(sequence) };
        let kept = self.free.len().checked_sub(wanted).expect("the caller counted the free blocks");
        entry.blocks.extend(self.free.drain(kept..).rev());
    }

    /// Makes `rows` written positions part of `sequence`.
    pub(crate) fn advance(&mut self, sequence: SequenceId, rows: usize, layers: LayerRange) {
        let Some(entry) = self.sequences.get_mut(&sequence) else { foreign(sequence) };
        entry.length += rows;
        entry.layers = Some(layers);
        debug_assert!(entry.length <= entry.blocks.len() * BLOCK_SLOTS, "written beyond reserve");
    }

    /// Gives back blocks that were reserved and not advanced into.
    pub(crate) fn release(&mut self, sequence: SequenceId) {
        let length = Position::after(self.len(sequence));
        self.truncate(sequence, length);
    }

    /// Writes the keys and values `[T, G * E]` of `layer` behind the length of `sequence`.
    pub(crate) fn write(&mut self, sequence: SequenceId, layer: u32, keys: &[f32], values: &[f32]) {
        let (row, stride, keys_at) =
            (self.shape.row(), self.shape.stride(), self.shape.keys_at(layer));
        let Some(entry) = self.sequences.get(&sequence) else { foreign(sequence) };
        let rows = keys.chunks_exact(row).zip(values.chunks_exact(row));
        for (slot, (key, value)) in (entry.length..).zip(rows) {
            let block = entry.blocks[slot / BLOCK_SLOTS] as usize * stride;
            let key_at = block + keys_at + slot % BLOCK_SLOTS * row;
            let value_at = key_at + BLOCK_SLOTS * row;
            self.values[key_at..][..row].copy_from_slice(key);
            self.values[value_at..][..row].copy_from_slice(value);
        }
    }

    /// The keys and values of `layer`, as attention reads them.
    pub(crate) fn read(&self, sequence: SequenceId, layer: u32) -> PagedKv<'_> {
        let keys_at = self.shape.keys_at(layer);
        PagedKv {
            blocks: &self.values,
            table: &self.sequence(sequence).blocks,
            block_slots: BLOCK_SLOTS,
            block_stride: self.shape.stride(),
            key_at: keys_at,
            value_at: keys_at + BLOCK_SLOTS * self.shape.row(),
            kv_heads: self.shape.kv_heads,
            head_width: self.shape.head_width,
        }
    }

    fn sequence(&self, sequence: SequenceId) -> &Sequence {
        self.sequences.get(&sequence).unwrap_or_else(|| foreign(sequence))
    }
}

impl fmt::Debug for KvPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvPool")
            .field("shape", &self.shape)
            .field("sequences", &self.sequences.len())
            .field("free_blocks", &self.free.len())
            .finish_non_exhaustive()
    }
}

fn foreign(sequence: SequenceId) -> ! {
    panic!("{sequence:?} is closed or another pool's")
}

#[cfg(test)]
mod tests;
