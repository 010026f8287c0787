//! Where the fields of a packed panel lie.
//!
//! ```text
//!   panel  = the blocks of 16 neighbouring outputs, from the first input to the last
//!   block  = head, then for each sub-block of 32 inputs: scales, high bits, codes
//!   vector = 64 bytes: 16 outputs x 4 consecutive inputs, so that a lane of 32 bits is an output
//! ```
//!
//! The inputs of a sub-block are eight *groups* of four. Where codes are nibbles, vector `j` of four
//! holds group `j` low and group `j + 4` high; bytes are in vectors 0 to 7. High bits: with one bit a
//! code, bit `j` of one vector belongs to group `j`; with two, bits `2 p` and `2 p + 1` of vector `h`
//! belong to group `4 h + p`. Every field is 16 outputs side by side. All lengths are multiples of 32
//! bytes: half a vector never straddles a cache line.

use crate::Format;

/// Outputs in a panel.
pub(crate) const PANEL: usize = 16;

/// Bytes of a vector.
pub(crate) const VECTOR: usize = 64;

/// Consecutive inputs in a lane of a vector.
pub(crate) const GROUP: usize = 4;

/// The lengths that make up a block of a format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Sub-blocks of 32 inputs in a block.
    pub(crate) subs: usize,
    /// `f16` scales, and then `f16` scales of minima where there are minima.
    pub(crate) head: usize,
    /// Of a sub-block: `u8` scales and `u8` minima, or two `i8` scales for its halves, or nothing.
    pub(crate) scales: usize,
    /// Of a sub-block: vectors of high bits.
    pub(crate) high: usize,
    /// Of a sub-block: vectors of codes.
    pub(crate) codes: usize,
    /// The code that stands for zero.
    pub(crate) zero: i32,
    /// Whether a minimum is subtracted from the values of each sub-block.
    pub(crate) minima: bool,
}

impl Layout {
    /// The layout of a quantized format.
    ///
    /// # Panics
    ///
    /// Where `format` is a float format: these are not packed.
    pub(crate) const fn of(format: Format) -> Self {
        let (half, bytes, nibbles) = (2 * PANEL, 8 * VECTOR, 4 * VECTOR);
        let legacy = Self {
            subs: 1,
            head: half,
            scales: 0,
            high: 0,
            codes: nibbles,
            zero: 0,
            minima: false,
        };
        let k_quant = Self { subs: 8, head: 2 * half, scales: 2 * PANEL, minima: true, ..legacy };
        match format {
            Format::Q8_0 => Self { codes: bytes, ..legacy },
            Format::Q4_0 => Self { zero: 8, ..legacy },
            Format::Q5_0 => Self { zero: 16, high: VECTOR, ..legacy },
            Format::Q4K => k_quant,
            Format::Q5K => Self { high: VECTOR, ..k_quant },
            Format::Q6K => {
                Self { zero: 32, head: half, high: 2 * VECTOR, minima: false, ..k_quant }
            }
            Format::F32 | Format::F16 | Format::BF16 => panic!("float weights are not packed"),
        }
    }

    /// Bytes of a sub-block.
    pub(crate) const fn sub_bytes(&self) -> usize {
        self.scales + self.high + self.codes
    }

    /// Bytes of a block.
    pub(crate) const fn block_bytes(&self) -> usize {
        self.head + self.subs * self.sub_bytes()
    }
}
