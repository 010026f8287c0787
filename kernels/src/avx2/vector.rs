//! Vectors of eight floats or 32 bytes, in and out of arrays; the only file that touches memory.

use std::arch::x86_64::*;

/// Lanes of a float vector.
pub(super) const LANES: usize = 8;

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn load(x: &[f32; LANES]) -> __m256 {
    // SAFETY: the array has the 32 bytes that are read; the instruction takes any alignment.
    unsafe { _mm256_loadu_ps(x.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn store(x: &mut [f32; LANES], v: __m256) {
    // SAFETY: the array has the 32 bytes that are written; the instruction takes any alignment.
    unsafe { _mm256_storeu_ps(x.as_mut_ptr(), v) }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn load_bytes(x: &[u8; 32]) -> __m256i {
    // SAFETY: the array has the 32 bytes that are read; the instruction takes any alignment.
    unsafe { _mm256_loadu_si256(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn store_codes(x: &mut [i32; LANES], v: __m256i) {
    // SAFETY: the array has the 32 bytes that are written; the instruction takes any alignment.
    unsafe { _mm256_storeu_si256(x.as_mut_ptr().cast(), v) }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn load_half_bytes(x: &[u8; 16]) -> __m128i {
    // SAFETY: the array has the 16 bytes that are read; the instruction takes any alignment.
    unsafe { _mm_loadu_si128(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn load_quarter_bytes(x: &[u8; 8]) -> __m128i {
    _mm_cvtsi64_si128(i64::from_le_bytes(*x))
}

/// Asks the second cache for the line `ahead` bytes behind the start of `bytes`, which may lie beyond their end.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn prefetch(bytes: &[u8], ahead: usize) {
    let line = bytes.as_ptr().wrapping_add(ahead);
    // A hint, which reads nothing and takes any address.
    _mm_prefetch::<_MM_HINT_T1>(line.cast());
}

/// The lanes as an array.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn lanes(v: __m256) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    store(&mut lanes, v);
    lanes
}

/// Adds the lanes: upper half onto lower half, three times.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn fold(v: __m256) -> f32 {
    let v = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
    let v = _mm_add_ps(v, _mm_movehl_ps(v, v));
    _mm_cvtss_f32(_mm_add_ss(v, _mm_movehdup_ps(v)))
}

/// The sums of the lower and of the upper four integers.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn sum_halves(v: __m256i) -> [i32; 2] {
    let pairs = _mm256_hadd_epi32(v, v);
    let sums = _mm256_hadd_epi32(pairs, pairs);
    [_mm256_extract_epi32::<0>(sums), _mm256_extract_epi32::<4>(sums)]
}
