//! One block of KV, and the memory that all blocks of a pool come from.
//!
//! # Invariants
//!
//! - **Blocks in use and blocks kept for reuse are never more bytes than the bound.**
//! - **A block that is not in use is written before it is read**: its bytes are those of whoever
//!   had it last, and nothing reads a slot at or beyond a sequence's length.

use super::key::BlockKey;
use kernels::KvLayout;
use std::fmt;
use std::sync::Arc;

/// Blocks kept for reuse. A sequence that grows takes one block every 32 positions, and those that
/// end give all of theirs back at once: the system may have most of them.
const SPARE_MAX: usize = 64;

/// Where a block's bytes begin: at a line of the CPU's cache.
const ALIGNMENT: usize = 64;

/// Keys and values of 32 positions, of all loaded layers.
pub(crate) struct Block {
    memory: Box<[u8]>,
    start: usize,
    len: usize,
    /// Under which the index has it, or had it.
    pub(super) key: Option<BlockKey>,
}

impl Block {
    /// `None` where the system gives no memory.
    fn allocate(len: usize) -> Option<Self> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(len.checked_add(ALIGNMENT)?).ok()?;
        memory.resize(len + ALIGNMENT, 0);
        let memory = memory.into_boxed_slice();
        let start = memory.as_ptr().align_offset(ALIGNMENT);
        Some(Self { memory, start, len, key: None })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

/// What one block holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockShape {
    /// Loaded layers; a block has room for each.
    pub(super) layers: usize,
    /// Of one layer.
    pub(super) layout: KvLayout,
}

impl BlockShape {
    /// Bytes of a block; `None` where no address reaches so far.
    pub(super) fn bytes(&self) -> Option<usize> {
        self.layout.block_bytes().checked_mul(self.layers)
    }
}

/// The bytes of a pool, counted.
pub(super) struct Memory {
    bound: usize,
    used: usize,
    spare_bytes: usize,
    spare: Vec<Block>,
}

impl Memory {
    pub(super) const fn new(bound: usize) -> Self {
        Self { bound, used: 0, spare_bytes: 0, spare: Vec::new() }
    }

    /// The most bytes in use.
    pub(super) const fn bound(&self) -> usize {
        self.bound
    }

    /// Bytes in use.
    pub(super) const fn used(&self) -> usize {
        self.used
    }

    /// A block of `len` bytes of whatever content; `None` where it would exceed the bound, or the
    /// system has none.
    pub(super) fn take(&mut self, len: usize) -> Option<Arc<Block>> {
        if len > self.bound - self.used {
            return None;
        }
        let block = match self.spare.iter().rposition(|block| block.len == len) {
            Some(at) => {
                self.spare_bytes -= len;
                self.spare.swap_remove(at)
            }
            None => {
                self.drop_spares(self.bound - self.used - len);
                Block::allocate(len)?
            }
        };
        self.used += len;
        Some(Arc::new(block))
    }

    /// A holder of `block` gives it up; it is free where that was the last.
    pub(super) fn give(&mut self, block: Arc<Block>) {
        let Some(mut block) = Arc::into_inner(block) else { return };
        block.key = None;
        self.used -= block.len;
        if self.spare.len() < SPARE_MAX {
            self.spare_bytes += block.len;
            self.spare.push(block);
        }
    }

    /// Leaves the system all spares but for `most` bytes.
    fn drop_spares(&mut self, most: usize) {
        while self.spare_bytes > most {
            let Some(block) = self.spare.pop() else { return };
            self.spare_bytes -= block.len;
        }
    }

    /// Bytes that are allocated.
    #[cfg(test)]
    pub(super) const fn allocated(&self) -> usize {
        self.used + self.spare_bytes
    }

    /// Fills what is kept for reuse with the bytes that do the most harm where they are read.
    #[cfg(test)]
    pub(super) fn poison(&mut self) {
        self.spare.iter_mut().for_each(|block| block.bytes_mut().fill(0xff));
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({} bytes)", self.len)
    }
}
