//! The same sub-block of eight weight rows, unpacked for the dot products of `quantized`.
//!
//! Each format gives a function from the sub-block's index to its [`Tile`]. K-quants keep what their
//! eight sub-blocks share from one call to the next, so indices must come in order.
//!
//! The functions take the tile's number of rows, `R`, only to be a different function for each: one
//! that is called in one place is inlined there, and a tile then never leaves the registers.

use std::arch::x86_64::*;

use super::vector::{LANES, load_bytes, load_half_bytes};
use crate::layout::{field, q4_0, q4_k, q5_k, q6_k, q8_0, sub_scales};

/// Sub-blocks in a block of the K-quants.
const SUBS: usize = 8;

/// One sub-block of eight outputs.
pub(super) struct Tile {
    /// 32 codes of each output: signed bytes, or unsigned ones where there are minima.
    pub(super) codes: [__m256i; LANES],
    /// Integer scales of the two halves of each output, sixteen 16-bit lanes; `None` for ones.
    pub(super) inner: Option<[__m256i; LANES]>,
    /// Scale of each output.
    pub(super) scales: __m256,
    /// What each output subtracts from its values.
    pub(super) minima: Option<__m256>,
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn q8_0<const R: usize>(columns: [&[u8]; LANES]) -> impl FnMut(usize) -> Tile {
    let columns = blocks::<{ q8_0::BYTES }>(columns);
    move |index| {
        let block = columns.map(|column| &column[index]);
        let codes = block.map(|block| load_bytes(field(block, q8_0::CODES)));
        Tile { codes, inner: None, scales: halves(block, q8_0::SCALE), minima: None }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn q4_0<const R: usize>(columns: [&[u8]; LANES]) -> impl FnMut(usize) -> Tile {
    let columns = blocks::<{ q4_0::BYTES }>(columns);
    move |index| {
        let block = columns.map(|column| &column[index]);
        let codes = block.map(|block| {
            let low = load_half_bytes(field(block, q4_0::CODES));
            let nibbles = nibbles(_mm256_set_m128i(_mm_srli_epi16::<4>(low), low));
            _mm256_sub_epi8(nibbles, _mm256_set1_epi8(8))
        });
        Tile { codes, inner: None, scales: halves(block, q4_0::SCALE), minima: None }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn q4_k<const R: usize>(columns: [&[u8]; LANES]) -> impl FnMut(usize) -> Tile {
    let columns = blocks::<{ q4_k::BYTES }>(columns);
    let mut affine = Affine::zero();
    move |index| {
        let (block, sub) = (columns.map(|column| &column[index / SUBS]), index % SUBS);
        if sub == 0 {
            affine = Affine::read(block, q4_k::SCALE, q4_k::MIN, q4_k::SUB_SCALES);
        }
        let shift = shift(sub % 2 * 4);
        let codes = block.map(|block| {
            let bytes = load_bytes(field(block, q4_k::CODES + sub / 2 * 32));
            nibbles(_mm256_srl_epi16(bytes, shift))
        });
        affine.tile(sub, codes)
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn q5_k<const R: usize>(columns: [&[u8]; LANES]) -> impl FnMut(usize) -> Tile {
    let columns = blocks::<{ q5_k::BYTES }>(columns);
    let mut affine = Affine::zero();
    move |index| {
        let (block, sub) = (columns.map(|column| &column[index / SUBS]), index % SUBS);
        if sub == 0 {
            affine = Affine::read(block, q5_k::SCALE, q5_k::MIN, q5_k::SUB_SCALES);
        }
        let (low_shift, high_shift) = (shift(sub % 2 * 4), shift(sub));
        let codes = block.map(|block| {
            let bytes = load_bytes(field(block, q5_k::CODES + sub / 2 * 32));
            let high = _mm256_srl_epi16(load_bytes(field(block, q5_k::HIGH)), high_shift);
            let fifth = _mm256_and_si256(high, _mm256_set1_epi8(1));
            let low = nibbles(_mm256_srl_epi16(bytes, low_shift));
            _mm256_or_si256(low, _mm256_slli_epi16::<4>(fifth))
        });
        affine.tile(sub, codes)
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn q6_k<const R: usize>(columns: [&[u8]; LANES]) -> impl FnMut(usize) -> Tile {
    let columns = blocks::<{ q6_k::BYTES }>(columns);
    move |index| {
        let (block, sub) = (columns.map(|column| &column[index / SUBS]), index % SUBS);
        let (half, quarter) = (sub / 4, sub % 4);
        let (low_shift, high_shift) = (shift(quarter / 2 * 4), shift(quarter * 2));
        let codes = block.map(|block| {
            let low = load_bytes(field(block, q6_k::LOW + half * 64 + quarter % 2 * 32));
            let high = load_bytes(field(block, q6_k::HIGH + half * 32));
            let pair = _mm256_and_si256(_mm256_srl_epi16(high, high_shift), _mm256_set1_epi8(3));
            let low = nibbles(_mm256_srl_epi16(low, low_shift));
            let plus_32 = _mm256_or_si256(low, _mm256_slli_epi16::<4>(pair));
            _mm256_sub_epi8(plus_32, _mm256_set1_epi8(32))
        });
        let inner = block.map(|block| spread_pair(*field(block, q6_k::SUB_SCALES + 2 * sub)));
        Tile { codes, inner: Some(inner), scales: halves(block, q6_k::SCALE), minima: None }
    }
}

/// Scales and minima of the eight sub-blocks of a Q4_K or Q5_K block, one lane for each output.
struct Affine {
    scales: [__m256; SUBS],
    minima: [__m256; SUBS],
}

impl Affine {
    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    fn zero() -> Self {
        Self { scales: [_mm256_setzero_ps(); SUBS], minima: [_mm256_setzero_ps(); SUBS] }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    fn read<const B: usize>(
        block: [&[u8; B]; LANES],
        scale: usize,
        min: usize,
        packed: usize,
    ) -> Self {
        let subs = block.map(|block| sub_scales(field(block, packed)));
        Self {
            scales: products(halves(block, scale), subs.map(|(scales, _)| scales)),
            minima: products(halves(block, min), subs.map(|(_, minima)| minima)),
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    fn tile(&self, sub: usize, codes: [__m256i; LANES]) -> Tile {
        Tile { codes, inner: None, scales: self.scales[sub], minima: Some(self.minima[sub]) }
    }
}

/// For each sub-block: `factor * its byte`, in the lanes of the outputs; `bytes[c]` are output `c`'s.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn products(factor: __m256, bytes: [[u8; SUBS]; LANES]) -> [__m256; SUBS] {
    let column = |c: usize| _mm_cvtsi64_si128(i64::from_le_bytes(bytes[c]));
    // An 8 x 8 transposition of bytes: interleave columns, then pairs, then fours.
    let pair = |c: usize| _mm_unpacklo_epi8(column(c), column(c + 1));
    let (p0, p1, p2, p3) = (pair(0), pair(2), pair(4), pair(6));
    let (low, high) = (_mm_unpacklo_epi16(p0, p1), _mm_unpacklo_epi16(p2, p3));
    let (low_4, high_4) = (_mm_unpackhi_epi16(p0, p1), _mm_unpackhi_epi16(p2, p3));
    let two_subs = [
        _mm_unpacklo_epi32(low, high),
        _mm_unpackhi_epi32(low, high),
        _mm_unpacklo_epi32(low_4, high_4),
        _mm_unpackhi_epi32(low_4, high_4),
    ];
    std::array::from_fn(|sub| {
        let both = two_subs[sub / 2];
        let bytes = if sub % 2 == 0 { both } else { _mm_unpackhi_epi64(both, both) };
        _mm256_mul_ps(factor, _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)))
    })
}

/// The columns as slices of blocks of `B` bytes, all of one length.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn blocks<const B: usize>(columns: [&[u8]; LANES]) -> [&[[u8; B]]; LANES] {
    let count = columns[0].len() / B;
    columns.map(|column| &column.as_chunks::<B>().0[..count])
}

/// The `f16` at `at` of each block, widened.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn halves<const B: usize>(block: [&[u8; B]; LANES], at: usize) -> __m256 {
    let [a, b, c, d, e, f, g, h] = block.map(|block| i16::from_le_bytes(*field(block, at)));
    _mm256_cvtph_ps(_mm_setr_epi16(a, b, c, d, e, f, g, h))
}

/// The low four bits of every byte.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn nibbles(bytes: __m256i) -> __m256i {
    _mm256_and_si256(bytes, _mm256_set1_epi8(15))
}

/// A shift count in the form that shifts by a variable take.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn shift(bits: usize) -> __m128i {
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "below 8")]
    _mm_cvtsi32_si128(bits as i32)
}

/// Two signed bytes as 16-bit lanes: the first in the lower 128 bits, the second in the upper.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn spread_pair(pair: [u8; 2]) -> __m256i {
    let both = _mm256_set1_epi16(i16::from_le_bytes(pair));
    // Each byte to the upper half of its lanes (the lower half becomes zero), then down with sign.
    let first = _mm_set1_epi16(0x0080);
    let second = _mm_set1_epi16(0x0180);
    let spread = _mm256_shuffle_epi8(both, _mm256_set_m128i(second, first));
    _mm256_srai_epi16::<8>(spread)
}
