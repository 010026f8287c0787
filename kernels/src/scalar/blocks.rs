//! Quant blocks taken apart, 32 values at a time.

use crate::Format;
use crate::layout::{SUB_BLOCK, field, half_at, q4_0, q4_k, q5_0, q5_k, q6_k, q8_0, sub_scales};

/// 32 consecutive values of a quantized row: value `i` is
/// `(scale * inner[i / 16]) * codes[i] - min`.
#[derive(Debug, PartialEq)]
pub(crate) struct SubBlock {
    pub(crate) codes: [i8; SUB_BLOCK],
    pub(crate) scale: f32,
    /// Integer scales of the two halves; 1 except in Q6_K.
    pub(crate) inner: [i8; 2],
    /// Subtracted from every value; 0 except in Q4_K and Q5_K.
    pub(crate) min: f32,
}

impl SubBlock {
    /// Sub-block `index` of a row of `format`, counted from the row's start.
    ///
    /// # Panics
    ///
    /// Where `format` is not quantized or the row has no such sub-block.
    pub(crate) fn read(format: Format, row: &[u8], index: usize) -> Self {
        let in_block = format.block_len() / SUB_BLOCK;
        let block = &row[index / in_block * format.block_bytes()..][..format.block_bytes()];
        let sub = index % in_block;
        match format {
            Format::Q8_0 => Self::q8_0(block),
            Format::Q4_0 => Self::q4_0(block),
            Format::Q5_0 => Self::q5_0(block),
            Format::Q4K => Self::q4_k(block, sub),
            Format::Q5K => Self::q5_k(block, sub),
            Format::Q6K => Self::q6_k(block, sub),
            Format::F32 | Format::F16 | Format::BF16 => unreachable!("{format} has no blocks"),
        }
    }

    fn q8_0(block: &[u8]) -> Self {
        let codes = field::<32>(block, q8_0::CODES).map(u8::cast_signed);
        Self { codes, scale: half_at(block, q8_0::SCALE), inner: [1, 1], min: 0.0 }
    }

    fn q4_0(block: &[u8]) -> Self {
        let bytes = field::<16>(block, q4_0::CODES);
        let codes = std::array::from_fn(|i| nibble(bytes[i % 16], i / 16) - 8);
        Self { codes, scale: half_at(block, q4_0::SCALE), inner: [1, 1], min: 0.0 }
    }

    fn q5_0(block: &[u8]) -> Self {
        let (bytes, high) = (field::<16>(block, q5_0::CODES), field::<4>(block, q5_0::HIGH));
        let fifth = |i: usize| (high[i / 8] >> (i % 8) & 1).cast_signed() << 4;
        let codes = std::array::from_fn(|i| (nibble(bytes[i % 16], i / 16) | fifth(i)) - 16);
        Self { codes, scale: half_at(block, q5_0::SCALE), inner: [1, 1], min: 0.0 }
    }

    fn q4_k(block: &[u8], sub: usize) -> Self {
        let bytes = field::<32>(block, q4_k::CODES + sub / 2 * 32);
        let codes = std::array::from_fn(|i| nibble(bytes[i], sub % 2));
        let (scales, minima) = sub_scales(field(block, q4_k::SUB_SCALES));
        let scale = half_at(block, q4_k::SCALE) * f32::from(scales[sub]);
        let min = half_at(block, q4_k::MIN) * f32::from(minima[sub]);
        Self { codes, scale, inner: [1, 1], min }
    }

    fn q5_k(block: &[u8], sub: usize) -> Self {
        let bytes = field::<32>(block, q5_k::CODES + sub / 2 * 32);
        let high = field::<32>(block, q5_k::HIGH);
        let fifth = |i: usize| (high[i] >> sub & 1).cast_signed() << 4;
        let codes = std::array::from_fn(|i| nibble(bytes[i], sub % 2) | fifth(i));
        let (scales, minima) = sub_scales(field(block, q5_k::SUB_SCALES));
        let scale = half_at(block, q5_k::SCALE) * f32::from(scales[sub]);
        let min = half_at(block, q5_k::MIN) * f32::from(minima[sub]);
        Self { codes, scale, inner: [1, 1], min }
    }

    fn q6_k(block: &[u8], sub: usize) -> Self {
        let (half, quarter) = (sub / 4, sub % 4);
        let low = field::<32>(block, q6_k::LOW + half * 64 + quarter % 2 * 32);
        let high = field::<32>(block, q6_k::HIGH + half * 32);
        let top = |i: usize| (high[i] >> (2 * quarter) & 3).cast_signed() << 4;
        let codes = std::array::from_fn(|i| (nibble(low[i], quarter / 2) | top(i)) - 32);
        let inner = field::<2>(block, q6_k::SUB_SCALES + 2 * sub).map(u8::cast_signed);
        Self { codes, scale: half_at(block, q6_k::SCALE), inner, min: 0.0 }
    }
}

/// The low (`0`) or high (`1`) four bits of `byte`.
fn nibble(byte: u8, which: usize) -> i8 {
    (byte >> (4 * which) & 15).cast_signed()
}
