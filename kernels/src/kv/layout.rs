//! Where one layer's keys and values lie in a block.
//!
//! Per KV head, with `E` its width and groups of `g` elements, the largest power of two up to 32
//! that divides `E`:
//!
//! ```text
//!   keys     codes [E][32]    scales f16 [E / g][32]    minima f16 [E / g][32]
//!   values   codes [32][E]    scales f16 [E / g][32]    minima f16 [E / g][32]
//! ```
//!
//! | format | a code                        | scales | minima | key and value of `E = 64` |
//! |--------|-------------------------------|--------|--------|---------------------------|
//! | `f32`  | f32                           |        |        | 512 bytes                 |
//! | `f16`  | f16                           |        |        | 256 bytes                 |
//! | `q8`   | i8, at most 127 in magnitude  | yes    |        | 136 bytes                 |
//! | `q4`   | 4 bits, two in a byte         | yes    | yes    | 80 bytes                  |
//!
//! A byte of 4-bit codes holds, low nibble first, keys of slots `i` and `i + 16`, or values of elements
//! `i` and `i + g / 2` of a group. Everything is little-endian. A scale and a minimum belong to one slot
//! and one group: writing a slot never requantizes another.

use std::fmt;
use std::ops::Range;

/// Positions in a block.
pub const BLOCK_SLOTS: usize = 32;

/// Elements that share a scale, at most.
pub(super) const GROUP_MAX: usize = 32;

/// Bytes of a row of 32 scales or minima.
const PARAMETERS: usize = 2 * BLOCK_SLOTS;

/// How keys and values are stored.
///
/// Keys of the quantized formats are multiplied by a Hadamard matrix first, and queries likewise, which
/// leaves their products as they are and spreads the few large elements that keys are known for (QuaRot,
/// arXiv:2404.00456). Bounds on elements are those of the keys so rotated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KvFormat {
    /// As computed.
    F32,
    /// Rounded to half precision; beyond 65504 infinite.
    #[default]
    F16,
    /// 8-bit codes with a scale for each slot and group: within 1/254 of the group's largest magnitude.
    Q8,
    /// 4-bit codes with a scale and a minimum for each slot and group: within 1/30 of the group's
    /// range.
    Q4,
}

impl KvFormat {
    /// All formats, the widest first.
    pub const ALL: [Self; 4] = [Self::F32, Self::F16, Self::Q8, Self::Q4];

    /// `f32`, `f16`, `q8` or `q4`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Q8 => "q8",
            Self::Q4 => "q4",
        }
    }

    /// Whether keys are [rotated](super::rotate) before they are stored. It makes the error of `q8` half
    /// as large where a channel's elements are four times the others', and a third at ten times.
    pub(crate) fn rotates_keys(self) -> bool {
        match self {
            Self::F32 | Self::F16 => false,
            Self::Q8 | Self::Q4 => true,
        }
    }

    /// The format of that [name](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl fmt::Display for KvFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Format and shape of one layer's keys and values in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KvLayout {
    /// How each element is stored.
    pub format: KvFormat,
    /// KV heads, `G`.
    pub kv_heads: usize,
    /// Elements of a head, `E`.
    pub head_width: usize,
}

impl KvLayout {
    /// The layout of `kv_heads` heads of `head_width` elements.
    ///
    /// # Panics
    ///
    /// Where either is zero.
    #[must_use]
    pub fn new(format: KvFormat, kv_heads: usize, head_width: usize) -> Self {
        assert!(kv_heads > 0 && head_width > 0, "no KV heads, or heads of no width");
        Self { format, kv_heads, head_width }
    }

    /// Bytes of the keys and values of one layer in a block.
    #[must_use]
    pub fn block_bytes(&self) -> usize {
        self.kv_heads * self.head_bytes()
    }

    /// Bytes of one KV head in [`Self::block_bytes`].
    pub(crate) fn head_bytes(&self) -> usize {
        self.values().minima.end
    }

    /// Elements that share a scale.
    pub(crate) fn group(&self) -> usize {
        let power = 1 << self.head_width.trailing_zeros();
        GROUP_MAX.min(power)
    }

    fn key_codes(&self) -> usize {
        match self.format {
            KvFormat::F32 => 4 * BLOCK_SLOTS * self.head_width,
            KvFormat::F16 => 2 * BLOCK_SLOTS * self.head_width,
            KvFormat::Q8 => BLOCK_SLOTS * self.head_width,
            KvFormat::Q4 => BLOCK_SLOTS / 2 * self.head_width,
        }
    }

    fn value_codes(&self) -> usize {
        match self.format {
            KvFormat::F32 | KvFormat::F16 | KvFormat::Q8 => self.key_codes(),
            // A group of one element has half a byte to spare.
            KvFormat::Q4 => {
                BLOCK_SLOTS * self.group().div_ceil(2) * (self.head_width / self.group())
            }
        }
    }

    /// Where the keys lie in the bytes of a head.
    pub(crate) fn keys(&self) -> Fields {
        self.fields(0, self.key_codes())
    }

    /// Where the values lie in the bytes of a head.
    pub(crate) fn values(&self) -> Fields {
        self.fields(self.keys().minima.end, self.value_codes())
    }

    fn fields(&self, at: usize, codes: usize) -> Fields {
        let rows = PARAMETERS * (self.head_width / self.group());
        let (scales, minima) = match self.format {
            KvFormat::F32 | KvFormat::F16 => (0, 0),
            KvFormat::Q8 => (rows, 0),
            KvFormat::Q4 => (rows, rows),
        };
        let (codes, at) = (at..at + codes, at + codes);
        let (scales, at) = (at..at + scales, at + scales);
        Fields { codes, scales, minima: at..at + minima }
    }
}

/// Byte ranges of keys or of values.
pub(crate) struct Fields {
    pub(crate) codes: Range<usize>,
    pub(crate) scales: Range<usize>,
    pub(crate) minima: Range<usize>,
}
