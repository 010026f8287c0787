//! Keys and values of many sequences in one bounded pool of blocks.
//!
//! ```text
//!   sequence 7: length 70, blocks [A, B, C]     sequence 8: length 64, blocks [A, B]     index: A, B, D
//!   block = keys and values of 32 positions, of all loaded layers, in the sequence's format
//! ```
//!
//! Sequences of one scope that begin with the same text hold the same blocks; so does the index,
//! from which a later sequence takes the blocks of a beginning that was computed before. What another
//! node has computed comes as [`Segment`]s into the same index, and is found in the same way.
//!
//! # Invariants
//!
//! - **The pool never exceeds its bound.** A pass that does not fit is refused before it changed
//!   anything; what only the index holds is never in its way.
//! - **A block with two holders is never written to.** Who goes on in it gets a copy; the index
//!   alone gives it up instead.
//! - **A sequence id is never used again**, within this process, in this pool or another.
//! - **Nothing reads a slot at or beyond a sequence's length**, so that truncating is forgetting.
//! - **What a window has passed over is gone**, and no length is cut to from where it would be seen.
//! - **Equal keys are equal bits**: nothing that was computed from a lossy segment is in the index, and
//!   no sequence has one that did not ask for it.

mod block;
mod completed;
mod exchange;
mod index;
mod key;
mod lineage;
mod named;
mod options;
mod passes;
mod pool;
mod segment;
mod segment_format;
mod sequence;

pub(crate) use passes::Adoption;
pub(crate) use pool::KvShape;

pub use exchange::Arrival;
pub use kernels::BLOCK_SLOTS;
pub use key::{SegmentKey, TextKey};
pub use lineage::Lineage;
pub use options::{KvOptions, PrefixScope, ROLLBACK_MAX};
pub use pool::{KvPool, PoolCounts, RollbackError};
pub use segment::{SEGMENT_BYTES_MAX, Segment, SegmentError, Segments};
pub use segment_format::SegmentFormat;

use base::ByteCount;
use std::sync::atomic::{AtomicU64, Ordering};

/// One sequence of one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceId(u64);

impl SequenceId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A pool that cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// More memory than the system gives, or than an address can reach.
    #[error("a KV pool of {0} needs more memory than there is")]
    Memory(ByteCount),
}

#[cfg(test)]
mod tests;
