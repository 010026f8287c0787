//! The steps of attention that wide vectors make faster: products and softmax. Reading and writing
//! keys and values waits for memory, and stays narrow.

use std::arch::x86_64::*;

use super::product::multiply_add;
use super::vector::load;
use crate::attention::{Scores, Softmax, Steps};
use crate::{avx2, scalar};

pub(super) static STEPS: Steps = Steps {
    multiply_add: |product, c| {
        // SAFETY: `table` gives this function out only where the processor has the features.
        unsafe { multiply_add(product, c) }
    },
    soften: |softmax| {
        // SAFETY: `table` gives this function out only where the processor has the features.
        unsafe { soften(softmax) }
    },
    ..avx2::STEPS
};

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn soften(softmax: &mut Softmax<'_, '_>) {
    scalar::soften(softmax, |scores, old| largest(scores, old), |weights| total(weights));
}

/// The largest of `scores` and `old`, where a NaN counts for nothing.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn largest(scores: &Scores, old: f32) -> f32 {
    let old = _mm512_set1_ps(old);
    // The second operand is what comes out where one is NaN.
    let [a, b] = vectors(scores).map(|scores| _mm512_max_ps(scores, old));
    let v = _mm512_max_ps(a, b);
    let v = _mm256_max_ps(_mm512_castps512_ps256(v), upper(v));
    let v = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
    let v = _mm_max_ps(v, _mm_movehl_ps(v, v));
    _mm_cvtss_f32(_mm_max_ss(v, _mm_movehdup_ps(v)))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn total(weights: &Scores) -> f32 {
    let pair = |v| _mm256_add_ps(_mm512_castps512_ps256(v), upper(v));
    let [low, high] = vectors(weights).map(pair);
    let v = _mm256_add_ps(low, high);
    let v = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
    let v = _mm_add_ps(v, _mm_movehl_ps(v, v));
    _mm_cvtss_f32(_mm_add_ss(v, _mm_movehdup_ps(v)))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn vectors(scores: &Scores) -> [__m512; 2] {
    let (vectors, _) = scores.as_chunks();
    [load(&vectors[0]), load(&vectors[1])]
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn upper(v: __m512) -> __m256 {
    _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(v)))
}
