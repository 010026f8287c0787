//! Attention of one query head, step by step what the scalar one does.

use std::arch::x86_64::*;

use super::exp::exp;
use super::float::dot;
use super::vector::{LANES, fold, load, store};
use crate::attention::KvHead;
use crate::exp::exp as exp_one;

/// See [`crate::table::Table::attend`].
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn attend(query: &[f32], kv: &KvHead<'_>, scores: &mut [f32], out: &mut [f32]) {
    let scale = kv.scale();
    for (score, key) in scores.iter_mut().zip(kv.keys()) {
        *score = dot(query, key) * scale;
    }
    let sum = soften(scores);
    let inverse = 1.0 / sum;
    let mut done = 0;
    while out.len() - done >= 8 * LANES {
        mix::<8>(scores, kv, done, inverse, out);
        done += 8 * LANES;
    }
    while out.len() - done >= LANES {
        mix::<1>(scores, kv, done, inverse, out);
        done += LANES;
    }
    for (element, out) in out.iter_mut().enumerate().skip(done) {
        let pairs = scores.iter().zip(kv.values());
        *out = pairs.fold(0.0, |sum, (weight, value)| weight.mul_add(value[element], sum));
        *out *= inverse;
    }
}

/// Turns scores into `exp(score - maximum)` and returns their sum.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn soften(scores: &mut [f32]) -> f32 {
    let (groups, rest) = scores.as_chunks_mut::<LANES>();
    let mut max = _mm256_set1_ps(f32::NEG_INFINITY);
    for group in &*groups {
        max = _mm256_max_ps(load(group), max);
    }
    let mut lanes = [0.0; LANES];
    store(&mut lanes, max);
    let larger = |max: f32, &s: &f32| if s > max { s } else { max };
    let max = lanes.iter().chain(&*rest).fold(f32::NEG_INFINITY, larger);
    let mut sum = _mm256_setzero_ps();
    for group in groups {
        let weights = exp(_mm256_sub_ps(load(group), _mm256_set1_ps(max)));
        store(group, weights);
        sum = _mm256_add_ps(sum, weights);
    }
    store(&mut lanes, sum);
    for (lane, score) in lanes.iter_mut().zip(rest) {
        *score = exp_one(*score - max);
        *lane += *score;
    }
    fold(load(&lanes))
}

/// Elements `from..from + 8 V` of the weighted mean of the values.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn mix<const V: usize>(
    weights: &[f32],
    kv: &KvHead<'_>,
    from: usize,
    inverse: f32,
    out: &mut [f32],
) {
    let range = from..from + V * LANES;
    let mut sums = [_mm256_setzero_ps(); V];
    for (weight, value) in weights.iter().zip(kv.values()) {
        let weight = _mm256_set1_ps(*weight);
        for (sum, value) in sums.iter_mut().zip(value[range.clone()].as_chunks().0) {
            *sum = _mm256_fmadd_ps(weight, load(value), *sum);
        }
    }
    for (sum, out) in sums.into_iter().zip(out[range].as_chunks_mut().0) {
        store(out, _mm256_mul_ps(sum, _mm256_set1_ps(inverse)));
    }
}
