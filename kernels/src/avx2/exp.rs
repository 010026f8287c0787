//! The exponential function and what is made of it, eight at a time.

use std::arch::x86_64::*;

use super::vector::{LANES, load, store};
use crate::exp::{HIGHEST, LN_2_HIGH, LN_2_LOW, LOWEST, TAYLOR};
use crate::scalar;

/// `e^x` in each lane, step by step what [`crate::exp::exp`] does.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn exp(x: __m256) -> __m256 {
    // The second operand is what comes out where one is NaN.
    let x = _mm256_max_ps(_mm256_set1_ps(LOWEST), x);
    let x = _mm256_min_ps(_mm256_set1_ps(HIGHEST), x);
    let n = _mm256_mul_ps(x, _mm256_set1_ps(std::f32::consts::LOG2_E));
    let n = _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(n);
    let r = _mm256_fmadd_ps(n, _mm256_set1_ps(-LN_2_HIGH), x);
    let r = _mm256_fmadd_ps(n, _mm256_set1_ps(-LN_2_LOW), r);
    let mut series = _mm256_set1_ps(TAYLOR[0]);
    for coefficient in &TAYLOR[1..] {
        series = _mm256_fmadd_ps(series, r, _mm256_set1_ps(*coefficient));
    }
    let n = _mm256_cvtps_epi32(n);
    let first = _mm256_srai_epi32::<1>(n);
    let second = _mm256_sub_epi32(n, first);
    _mm256_mul_ps(_mm256_mul_ps(series, power_of_2(first)), power_of_2(second))
}

/// `2^n` in each lane for `n` in `-126..=127`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn power_of_2(n: __m256i) -> __m256 {
    let biased = _mm256_add_epi32(n, _mm256_set1_epi32(127));
    _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
}

/// `gate = gate / (1 + exp(-gate)) * up`.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn swiglu(gate: &mut [f32], up: &[f32]) {
    let (gates, gate_rest) = gate.as_chunks_mut::<LANES>();
    let (ups, up_rest) = up.as_chunks::<LANES>();
    let one = _mm256_set1_ps(1.0);
    for (gate, up) in gates.iter_mut().zip(ups) {
        let g = load(gate);
        let negative = _mm256_xor_ps(g, _mm256_set1_ps(-0.0));
        let silu = _mm256_div_ps(g, _mm256_add_ps(one, exp(negative)));
        store(gate, _mm256_mul_ps(silu, load(up)));
    }
    (scalar::TABLE.swiglu)(gate_rest, up_rest);
}
