//! Entropy coding of bytes by rANS: range asymmetric numeral systems (Duda, arXiv:1311.2540).
//!
//! A state `x` is a number that holds the symbols coded so far. Coding a symbol of frequency `f` and
//! cumulative frequency `c`, out of [`TOTAL`], makes it
//!
//! ```text
//! x' = (x / f) * TOTAL + c + x mod f        about x * TOTAL / f: the symbol's -log2(f / TOTAL) bits
//! ```
//!
//! and decoding undoes it: `x' mod TOTAL` tells the symbol. A state stays within `LOW..2^32`; what
//! would leave it moves its lower 16 bits out as a word, or takes one in. Decoding runs the other way
//! round, so symbols are encoded from the last to the first, and read from the first to the last.
//!
//! Several states (*lanes*, four at most) take turns, symbol `i` that of lane `i mod LANES`, so that a processor
//! works on all of them at once. They share one run of words.
//!
//! ```text
//! stream = states:[u32; LANES] words:[u16]        little-endian; each lane ends at LOW
//! ```
//!
//! A stream does not say how many symbols it has, nor by which [`Frequencies`] each was coded: the
//! caller knows both. Where these come from is not this module's concern either.
//!
//! # Invariants
//!
//! - **Any bytes decode to an end.** As many symbols as asked for, or [`Corrupt`]; at most one word is
//!   read for a symbol.
//! - **A lane ends where it began.** Bytes that were changed are found with a chance of all but `2^-16`
//!   or so; it is a check against accidents, not against malice.

mod decode;
mod encode;
mod frequencies;
#[cfg(test)]
mod tests;

pub(crate) use decode::{Corrupt, Decoder, decode};
pub(crate) use encode::{encode, room};
pub(crate) use frequencies::{Frequencies, SYMBOLS};

/// Bits of the sum of all frequencies.
const TOTAL_BITS: u32 = 12;

/// The sum of all frequencies of a table.
pub(crate) const TOTAL: u32 = 1 << TOTAL_BITS;

/// Bits of a word.
const WORD_BITS: u32 = 16;
const WORD_BYTES: usize = 2;

/// Lanes that a stream can have: as many as a number has words, that of a group of symbols.
const LANES_MAX: usize = GROUP_BYTES / WORD_BYTES;
const GROUP_BYTES: usize = 8;

/// The least state, and the first.
const LOW: u32 = 1 << WORD_BITS;
/// Bytes of a lane without any words.
pub(crate) const STATE_BYTES: usize = 4;
