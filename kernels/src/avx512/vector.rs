//! Vectors of sixteen floats or 64 bytes, in and out of arrays; the only file that touches memory.

use std::arch::x86_64::*;

/// Lanes of a float vector.
pub(super) const LANES: usize = 16;

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn load(x: &[f32; LANES]) -> __m512 {
    // SAFETY: the array has the 64 bytes that are read; the instruction takes any alignment.
    unsafe { _mm512_loadu_ps(x.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn store(x: &mut [f32; LANES], v: __m512) {
    // SAFETY: the array has the 64 bytes that are written; the instruction takes any alignment.
    unsafe { _mm512_storeu_ps(x.as_mut_ptr(), v) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn load_bytes(x: &[u8; 64]) -> __m512i {
    // SAFETY: the array has the 64 bytes that are read; the instruction takes any alignment.
    unsafe { _mm512_loadu_si512(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn load_half_bytes(x: &[u8; 32]) -> __m256i {
    // SAFETY: the array has the 32 bytes that are read; the instruction takes any alignment.
    unsafe { _mm256_loadu_si256(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn load_quarter_bytes(x: &[u8; 16]) -> __m128i {
    // SAFETY: the array has the 16 bytes that are read; the instruction takes any alignment.
    unsafe { _mm_loadu_si128(x.as_ptr().cast()) }
}

/// Asks the second cache for the line `ahead` bytes behind the start of `bytes`, which may lie beyond their end.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn prefetch(bytes: &[u8], ahead: usize) {
    let line = bytes.as_ptr().wrapping_add(ahead);
    // A hint, which reads nothing and takes any address.
    _mm_prefetch::<_MM_HINT_T1>(line.cast());
}

/// The lanes as an array.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn lanes(v: __m512) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    store(&mut lanes, v);
    lanes
}

/// The first sixteen elements of `x`, or all of them and zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn load_part(x: &[f32]) -> __m512 {
    // SAFETY: only lanes of elements that `x` has are read.
    unsafe { _mm512_maskz_loadu_ps(part(x.len()), x.as_ptr()) }
}

/// The lanes for which `x` has an element, into `x`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn store_part(x: &mut [f32], v: __m512) {
    // SAFETY: only lanes of elements that `x` has are written.
    unsafe { _mm512_mask_storeu_ps(x.as_mut_ptr(), part(x.len()), v) }
}

/// The lanes of the first `len` elements.
#[inline]
fn part(len: usize) -> __mmask16 {
    if len < LANES { (1 << len) - 1 } else { u16::MAX }
}
