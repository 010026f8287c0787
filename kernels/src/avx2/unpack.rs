//! Sub-blocks of half a packed panel as vectors: codes as bytes, scales as floats.

use std::arch::x86_64::*;

use super::vector::{LANES, load_bytes, load_half_bytes, load_quarter_bytes};
use crate::layout::field;
use crate::packed::kind::Kind;
use crate::packed::{GROUP, PANEL, VECTOR};

/// How far sums of products of a format go in 16 bits.
pub(super) trait Sums: Kind {
    /// Groups whose products can be added in 16 bits: two of each, of the largest code and 127.
    const GROUPS_IN_16_BITS: usize = match (Self::BYTES, Self::LAYOUT.high / VECTOR) {
        (true, _) => 1,
        (false, 0) => 8,
        (false, 1) => 4,
        (false, _) => 2,
    };
}

impl<K: Kind> Sums for K {}

/// Which eight of a panel's sixteen outputs.
pub(super) type Half = usize;

/// The `f16` scales of a block: of values, and of minima where the format has them.
pub(super) struct Head {
    scales: __m256,
    minima: __m256,
}

impl Head {
    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    pub(super) fn read<K: Kind>(block: &[u8], half: Half) -> Self {
        let halves = |at| _mm256_cvtph_ps(load_half_bytes(field(block, at + 2 * LANES * half)));
        let minima = if K::LAYOUT.minima { halves(2 * PANEL) } else { _mm256_setzero_ps() };
        Self { scales: halves(0), minima }
    }

    /// The scales of a sub-block's values and what is subtracted from them.
    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    pub(super) fn of_sub<K: Kind>(&self, sub: &[u8], half: Half) -> (__m256, __m256) {
        if !K::LAYOUT.minima {
            return (self.scales, self.minima);
        }
        let factors = |at| {
            let bytes = load_quarter_bytes(field(sub, at + LANES * half));
            _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes))
        };
        (_mm256_mul_ps(self.scales, factors(0)), _mm256_mul_ps(self.minima, factors(PANEL)))
    }
}

/// The integer scales of the two halves of a sub-block.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn inner(sub: &[u8], half: Half) -> [__m256i; 2] {
    [0, PANEL].map(|at| _mm256_cvtepi8_epi32(load_quarter_bytes(field(sub, at + LANES * half))))
}

/// The stored codes of group `group` of a sub-block.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn codes<K: Kind>(sub: &[u8], half: Half, group: usize) -> __m256i {
    let vector = |from, index| load_bytes(field(sub, from + index * VECTOR + half * LANES * GROUP));
    let codes = |index| vector(K::LAYOUT.scales + K::LAYOUT.high, index);
    if K::BYTES {
        return codes(group);
    }
    let nibble = _mm256_set1_epi8(15);
    let low = _mm256_and_si256(shift(codes(group % 4), 0, group / 4 * 4), nibble);
    let high = |index| vector(K::LAYOUT.scales, index);
    let (top, mask) = match K::LAYOUT.high / VECTOR {
        0 => return low,
        1 => (shift(high(0), 4, group), _mm256_set1_epi8(1 << 4)),
        _ => (shift(high(group / 4), 4, group % 4 * 2), _mm256_set1_epi8(3 << 4)),
    };
    _mm256_or_si256(low, _mm256_and_si256(top, mask))
}

/// Moves bit `from` of each byte to bit `to`; other bits may come from neighbours.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn shift(bytes: __m256i, to: usize, from: usize) -> __m256i {
    let count = |bits: usize| _mm_cvtsi32_si128(i32::try_from(bits).unwrap_or(0));
    if to >= from {
        _mm256_sll_epi16(bytes, count(to - from))
    } else {
        _mm256_srl_epi16(bytes, count(from - to))
    }
}
