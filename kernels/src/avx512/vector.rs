//! Vectors of sixteen floats, in and out of arrays; the only file that touches memory.

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
