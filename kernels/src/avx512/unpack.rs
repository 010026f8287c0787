//! Sub-blocks of a packed panel as vectors: codes as unsigned bytes, scales as floats.

use std::arch::x86_64::*;

use super::vector::{load_bytes, load_half_bytes, load_quarter_bytes};
use crate::layout::field;
use crate::packed::kind::Kind;
use crate::packed::{PANEL, VECTOR};

/// What makes the codes of a format unsigned.
pub(super) trait Unsigned: Kind {
    /// What is added to stored codes.
    const ADDED: i32 = if Self::BYTES { 128 } else { Self::LAYOUT.zero };
}

impl<K: Kind> Unsigned for K {}

/// The `f16` scales of a block: of values, and of minima where the format has them.
pub(super) struct Head {
    scales: __m512,
    minima: __m512,
}

impl Head {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub(super) fn read<K: Kind>(block: &[u8]) -> Self {
        let halves = |at| _mm512_cvtph_ps(load_half_bytes(field(block, at)));
        let minima = if K::LAYOUT.minima { halves(2 * PANEL) } else { _mm512_setzero_ps() };
        Self { scales: halves(0), minima }
    }

    /// The scales of a sub-block's values and what is subtracted from them.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub(super) fn of_sub<K: Kind>(&self, sub: &[u8]) -> (__m512, __m512) {
        if !K::LAYOUT.minima {
            return (self.scales, self.minima);
        }
        let factors =
            |at| _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(load_quarter_bytes(field(sub, at))));
        (_mm512_mul_ps(self.scales, factors(0)), _mm512_mul_ps(self.minima, factors(PANEL)))
    }
}

/// The integer scales of the two halves of a sub-block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn inner(sub: &[u8]) -> [__m512i; 2] {
    [0, PANEL].map(|at| _mm512_cvtepi8_epi32(load_quarter_bytes(field(sub, at))))
}

/// Codes plus [`Unsigned::ADDED`] of groups `j` and `j + 4` of a sub-block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn groups<K: Kind>(sub: &[u8], j: usize) -> [__m512i; 2] {
    let codes = |j| load_bytes(field(sub, K::LAYOUT.scales + K::LAYOUT.high + j * VECTOR));
    if K::BYTES {
        // Flipping the sign bit adds 128.
        let flip = _mm512_set1_epi8(i8::MIN);
        return [j, j + 4].map(|j| _mm512_xor_si512(codes(j), flip));
    }
    let (both, nibble) = (codes(j), _mm512_set1_epi8(15));
    let low = [both, _mm512_srli_epi16::<4>(both)].map(|low| _mm512_and_si512(low, nibble));
    let high = |vector| load_bytes(field(sub, K::LAYOUT.scales + vector * VECTOR));
    match K::LAYOUT.high / VECTOR {
        0 => low,
        1 => {
            let fifth = _mm512_set1_epi8(1 << 4);
            [
                insert(low[0], shift(high(0), 4, j), fifth),
                insert(low[1], shift(high(0), 4, j + 4), fifth),
            ]
        }
        _ => {
            let pair = _mm512_set1_epi8(3 << 4);
            [
                insert(low[0], shift(high(0), 4, 2 * j), pair),
                insert(low[1], shift(high(1), 4, 2 * j), pair),
            ]
        }
    }
}

/// Moves bit `from` of each byte to bit `to`; other bits may come from neighbours.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn shift(bytes: __m512i, to: usize, from: usize) -> __m512i {
    let count = |bits: usize| _mm_cvtsi32_si128(i32::try_from(bits).unwrap_or(0));
    if to >= from {
        _mm512_sll_epi16(bytes, count(to - from))
    } else {
        _mm512_srl_epi16(bytes, count(from - to))
    }
}

/// `low`, with the bits of `high` that `mask` has.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn insert(low: __m512i, high: __m512i, mask: __m512i) -> __m512i {
    // low | high & mask, as a table of the eight combinations.
    _mm512_ternarylogic_epi32::<0b1111_1000>(low, high, mask)
}
