//! The pool: opens, cuts and closes sequences, and counts.

use super::block::{BlockShape, Memory};
use super::completed::Completed;
use super::index::PrefixIndex;
use super::key::TextKey;
use super::options::{KvOptions, kernel_format};
use super::sequence::Sequence;
use super::{PoolError, SequenceId};
use base::{ByteCount, KvFormat, LayerRange, ModelFingerprint, Position};
use kernels::{KvLayout, View};
use std::collections::BTreeMap;
use std::fmt;

/// What is the same for all blocks of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KvShape {
    /// The loaded layers; a block has room for each.
    pub(crate) layers: LayerRange,
    pub(crate) kv_heads: usize,
    pub(crate) head_width: usize,
    /// The model's own.
    pub(crate) sliding_window: Option<u32>,
    pub(crate) model: ModelFingerprint,
}

impl KvShape {
    pub(super) fn block(&self, format: KvFormat) -> BlockShape {
        let layout = KvLayout::new(kernel_format(format), self.kv_heads, self.head_width);
        BlockShape { layers: self.layers.len() as usize, layout }
    }

    /// The most bytes that a sequence of `positions` holds, with passes of up to `rows` rows.
    pub(crate) fn bytes_max(
        &self,
        options: &KvOptions,
        positions: usize,
        rows: usize,
    ) -> ByteCount {
        let view = options.view(self.sliding_window);
        let blocks = Sequence::blocks_max(view, positions, rows) as u64;
        let block = self.block(options.format).bytes().map_or(u64::MAX, |bytes| bytes as u64);
        ByteCount(blocks.saturating_mul(block))
    }
}

/// A rollback to where a window has already passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{sequence:?} of length {length} cannot be cut to {to}: it has forgotten what position {to} \
     sees, and can be cut to {least} or more, or to 0"
)]
pub struct RollbackError {
    /// The sequence.
    pub sequence: SequenceId,
    /// Its length.
    pub length: usize,
    /// What it should have been cut to.
    pub to: Position,
    /// The shortest length but 0 that it can be cut to.
    pub least: usize,
}

/// Rows that a pool has taken in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolCounts {
    /// Computed by a pass.
    pub run: u64,
    /// Found in blocks that another sequence or another node had computed.
    pub adopted: u64,
}

/// The KV memory of one stage. See the module's documentation.
pub struct KvPool {
    pub(super) shape: KvShape,
    pub(super) memory: Memory,
    pub(super) index: PrefixIndex,
    pub(super) sequences: BTreeMap<SequenceId, Sequence>,
    pub(super) counts: PoolCounts,
    pub(super) completed: Completed,
    /// Keys are stored rotated, by these radians a position.
    frequencies: Vec<f32>,
}

impl KvPool {
    /// A pool of at most `bound` bytes, none of them taken yet.
    pub(crate) fn new(
        shape: KvShape,
        bound: ByteCount,
        frequencies: Vec<f32>,
    ) -> Result<Self, PoolError> {
        let memory = PoolError::Memory(bound);
        let bytes = usize::try_from(bound.0).map_err(|_| memory)?;
        // Taken block by block as it is needed; asked for once, because a bound that the system can
        // never meet is an error now and not in the middle of a text.
        Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| memory)?;
        Ok(Self {
            shape,
            memory: Memory::new(bytes),
            index: PrefixIndex::default(),
            sequences: BTreeMap::new(),
            counts: PoolCounts::default(),
            completed: Completed::default(),
            frequencies,
        })
    }

    /// Begins an empty sequence. It takes no memory until a pass writes to it.
    pub fn open(&mut self, options: &KvOptions) -> SequenceId {
        let root = TextKey::root(&self.shape, &self.frequencies, options);
        let sequence = Sequence::new(&self.shape, options, root);
        let id = SequenceId::next();
        self.sequences.insert(id, sequence);
        id
    }

    /// How many positions `sequence` has. A window may have passed over some of them.
    ///
    /// # Panics
    ///
    /// Where `sequence` is closed or another pool's.
    pub fn len(&self, sequence: SequenceId) -> usize {
        self.sequence(sequence).length
    }

    /// Forgets the positions of `sequence` from `length` on; nothing happens where it is shorter.
    ///
    /// # Errors
    ///
    /// [`RollbackError`] where a window has passed over what the rows from there on would see: by
    /// more than [`super::ROLLBACK_MAX`] positions. Nothing has changed then. 0 is always possible.
    ///
    /// # Panics
    ///
    /// Where `sequence` is closed or another pool's.
    pub fn truncate(
        &mut self,
        sequence: SequenceId,
        length: Position,
    ) -> Result<(), RollbackError> {
        let Some(entry) = self.sequences.get_mut(&sequence) else { foreign(sequence) };
        let (to, least) = (length.index().min(entry.length), entry.cut_min());
        if 0 < to && to < least {
            return Err(RollbackError { sequence, length: entry.length, to: length, least });
        }
        entry.cut(to).into_iter().for_each(|block| self.memory.give(block));
        Ok(())
    }

    /// Ends `sequence` and frees the blocks that nobody else holds.
    ///
    /// # Panics
    ///
    /// Where `sequence` is closed already or another pool's.
    pub fn close(&mut self, sequence: SequenceId) {
        let Some(mut entry) = self.sequences.remove(&sequence) else { foreign(sequence) };
        entry.cut(0).into_iter().for_each(|block| self.memory.give(block));
    }

    /// Whether `sequence` is open in this pool.
    pub fn holds(&self, sequence: SequenceId) -> bool {
        self.sequences.contains_key(&sequence)
    }

    /// The most bytes that the pool ever has in use.
    pub fn bound(&self) -> ByteCount {
        ByteCount(self.memory.bound() as u64)
    }

    /// Bytes in use, those included that are only kept for a later sequence with the same text.
    pub fn used(&self) -> ByteCount {
        ByteCount(self.memory.used() as u64)
    }

    /// Bytes that passes may take now.
    pub fn free(&self) -> ByteCount {
        ByteCount(self.free_bytes() as u64)
    }

    /// Full blocks that a sequence with the same text would find.
    pub fn known_blocks(&self) -> usize {
        self.index.len()
    }

    /// Rows computed and rows found, so far.
    pub const fn counts(&self) -> PoolCounts {
        self.counts
    }

    pub(crate) const fn shape(&self) -> &KvShape {
        &self.shape
    }

    /// Radians a position, `[E / 2]`.
    pub(crate) fn frequencies(&self) -> &[f32] {
        &self.frequencies
    }

    /// The layers that wrote `sequence`, if any did.
    pub(crate) fn written_by(&self, sequence: SequenceId) -> Option<LayerRange> {
        self.sequence(sequence).layers
    }

    /// Whether `sequence` may go on for ever.
    pub(crate) fn is_stream(&self, sequence: SequenceId) -> bool {
        self.sequence(sequence).is_stream
    }

    /// What a position of `sequence` sees.
    pub(crate) fn view(&self, sequence: SequenceId) -> View {
        self.sequence(sequence).view
    }

    /// Whether passes may take `bytes` now.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        // Most passes need not look at what only the index holds.
        bytes <= self.memory.bound() - self.memory.used() || bytes <= self.free_bytes()
    }

    fn free_bytes(&self) -> usize {
        self.memory.bound() - self.memory.used() + self.index.idle_bytes()
    }

    pub(super) fn sequence(&self, sequence: SequenceId) -> &Sequence {
        self.sequences.get(&sequence).unwrap_or_else(|| foreign(sequence))
    }
}

impl fmt::Debug for KvPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvPool")
            .field("shape", &self.shape)
            .field("sequences", &self.sequences.len())
            .field("used", &self.used())
            .field("bound", &self.bound())
            .finish_non_exhaustive()
    }
}

pub(super) fn foreign(sequence: SequenceId) -> ! {
    panic!("{sequence:?} is closed or another pool's")
}
