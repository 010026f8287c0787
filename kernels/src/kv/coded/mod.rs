//! Keys and values of a block in few bits: entropy-coded steps from what their channel was before.
//!
//! A format for KV that travels or rests, not one that attention reads. Per layer:
//!
//! ```text
//! layer   = 0:u8 steps:[u16; 2] sizes:[u8; 2 G] count:u32 escapes:[i16; count] stream
//!         | 1:u8 block                     as the pool has it: not finite, or no smaller coded
//! stream  = codes [32, 2 G E]              a slot's keys, then its values
//! ```
//!
//! All numbers little-endian. A step, that of the keys and that of the values, is the upper half of an
//! f32. A channel's element is `prediction + code * step`: the prediction is the sum of what the channel
//! was in the slots before, over their number and two, where nothing counts for more than 127 steps off
//! its own ([`context`]). The code is a symbol of the [stream](crate::rans), of four lanes where `2 G E` is
//! a multiple of four, and else two. The frequencies are those of the size that the channel's codes had
//! so far, at first the one that `sizes` says of its head. Codes beyond what these know are a -128, and
//! the next of the escapes.
//!
//! Why so: of all codes with a given error the shortest has equal steps everywhere, and leaves it to
//! the entropy code to spend few bits where little happens. What a channel is like is learned by both
//! sides from the slots before, because to say it would take a tenth of the bytes.
//!
//! Error bound: an element is off by at most 9/16 of its step, but for rounding.
//!
//! # Invariants
//!
//! - **Coding is a function of the block**: sums of whole numbers, and single operations that are rounded
//!   correctly, in one order, so that all machines write the same bytes and read the same values.
//! - **Any bytes are an error or numbers.** Steps and codes are bounded, so that no f32 overflows; what the
//!   block's own format cannot hold is infinite there, and what comes as it is may be anything.

mod context;
mod decode;
mod encode;
mod error;
#[cfg(test)]
mod tests;

pub use decode::decode_kv;
pub use encode::encode_kv;
pub use error::CodedKvError;

use super::layout::KvLayout;
use crate::rans;
use std::ops::RangeInclusive;

/// How a layer's bytes begin.
const CODED: u8 = 0;
const EXACT: u8 = 1;

const FORM_BYTES: usize = 1;
const STEPS_BYTES: usize = 4;
const COUNT_BYTES: usize = 4;

/// Steps are within. A block that would want a larger one is not coded.
const STEP_MIN: f32 = 1.0 / STEP_MAX;
const STEP_MAX: f32 = (1_u128 << 100) as f32;

/// How coarse the steps are, in parts of the usual magnitude of a block's keys and of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KvStep {
    /// A quarter: nearer than [`KvFormat::Q4`](super::KvFormat::Q4), in four fifths of its bytes.
    Fine,
    /// The whole: two bits an element.
    Coarse,
}

impl KvStep {
    const fn factor(self) -> f32 {
        match self {
            Self::Fine => 0.25,
            Self::Coarse => 1.0,
        }
    }
}

/// How many bytes [`encode_kv`] may append for a block of `layout`: from a code that says nothing to a
/// block as it is.
#[must_use]
pub fn coded_kv_bytes(layout: &KvLayout) -> RangeInclusive<usize> {
    let exact = FORM_BYTES + layout.block_bytes();
    let head = FORM_BYTES + STEPS_BYTES + 2 * layout.kv_heads + COUNT_BYTES;
    exact.min(head + rans::STATE_BYTES * lanes(layout))..=exact
}

/// Elements of a slot's key and value.
const fn row_len(layout: &KvLayout) -> usize {
    2 * layout.kv_heads * layout.head_width
}

/// Lanes of the stream: a slot is whole groups of these.
const fn lanes(layout: &KvLayout) -> usize {
    if row_len(layout).is_multiple_of(4) { 4 } else { 2 }
}
