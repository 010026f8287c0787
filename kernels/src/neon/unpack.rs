//! Sub-blocks of a quarter of a packed panel as vectors: codes as bytes, scales as floats.

use std::arch::aarch64::*;

use super::vector::{LANES, load_bytes, load_quarter_bytes, widen};
use crate::layout::field;
use crate::packed::kind::Kind;
use crate::packed::{GROUP, PANEL, VECTOR};

/// How far sums of products of a format go in 16 bits.
pub(super) trait Sums: Kind {
    /// How many products of a code and 127 can be added in 16 bits, for whole numbers of groups.
    const PRODUCTS_IN_16_BITS: usize = match (Self::BYTES, Self::LAYOUT.high / VECTOR) {
        (true, _) => 2,
        (false, 0 | 1) => 8,
        (false, _) => 4,
    };
}

impl<K: Kind> Sums for K {}

/// Which four of a panel's sixteen outputs.
pub(super) type Quarter = usize;

/// The `f16` scales of a block: of values, and of minima where the format has them.
pub(super) struct Head {
    scales: float32x4_t,
    minima: float32x4_t,
}

impl Head {
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn read<K: Kind>(block: &[u8], quarter: Quarter) -> Self {
        let halves = |at| widen(field(block, at + 2 * LANES * quarter));
        let minima = if K::LAYOUT.minima { halves(2 * PANEL) } else { vdupq_n_f32(0.0) };
        Self { scales: halves(0), minima }
    }

    /// The scales of a sub-block's values and what is subtracted from them.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn of_sub<K: Kind>(
        &self,
        sub: &[u8],
        quarter: Quarter,
    ) -> (float32x4_t, float32x4_t) {
        if !K::LAYOUT.minima {
            return (self.scales, self.minima);
        }
        let factors = |at| {
            let bytes = vmovl_u8(load_quarter_bytes(field(sub, at + LANES * quarter)));
            vcvtq_f32_u32(vmovl_u16(vget_low_u16(bytes)))
        };
        (vmulq_f32(self.scales, factors(0)), vmulq_f32(self.minima, factors(PANEL)))
    }
}

/// The integer scales of the two halves of a sub-block.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn inner(sub: &[u8], quarter: Quarter) -> [int32x4_t; 2] {
    [0, PANEL].map(|at| {
        let bytes = vreinterpret_s8_u8(load_quarter_bytes(field(sub, at + LANES * quarter)));
        vmovl_s16(vget_low_s16(vmovl_s8(bytes)))
    })
}

/// The stored codes of the two halves of a sub-block, four groups each.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn codes<K: Kind>(sub: &[u8], quarter: Quarter) -> [[int8x16_t; 4]; 2] {
    let vector = |from, index| {
        load_bytes(field(sub, K::LAYOUT.scales + from + index * VECTOR + quarter * LANES * GROUP))
    };
    let group = |half: usize, j: usize| {
        if K::BYTES {
            return vector(K::LAYOUT.high, half * 4 + j);
        }
        let both = vector(K::LAYOUT.high, j);
        let low = if half == 0 { vandq_u8(both, vdupq_n_u8(15)) } else { vshrq_n_u8::<4>(both) };
        match K::LAYOUT.high / VECTOR {
            0 => low,
            1 => insert(low, shift(vector(0, 0), 4, half * 4 + j), 1 << 4),
            _ => insert(low, shift(vector(0, half), 4, 2 * j), 3 << 4),
        }
    };
    let half = |half| std::array::from_fn(|j| vreinterpretq_s8_u8(group(half, j)));
    [half(0), half(1)]
}

/// Moves bit `from` of each byte to bit `to`.
#[inline]
#[target_feature(enable = "neon")]
fn shift(bytes: uint8x16_t, to: i8, from: usize) -> uint8x16_t {
    let from = i8::try_from(from).unwrap_or(0);
    vshlq_u8(bytes, vdupq_n_s8(to - from))
}

/// `low`, with the bits of `high` that `mask` has.
#[inline]
#[target_feature(enable = "neon")]
fn insert(low: uint8x16_t, high: uint8x16_t, mask: u8) -> uint8x16_t {
    vbslq_u8(vdupq_n_u8(mask), high, low)
}
