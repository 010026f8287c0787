//! The steps of attention: the oracle's lines compiled for this table's instructions, with the few
//! that plain Rust has no vectors for, half precision and reductions.

use std::arch::x86_64::*;

use super::product::multiply_add;
use super::vector::{LANES, fold, lanes, load, load_half_bytes};
use crate::attention::{Partial, Scores, Softmax, Steps, merge};
use crate::kv::{KvLayout, read_keys, read_values, write_head};
use crate::scalar;

pub(crate) static STEPS: Steps = Steps {
    write_head: |layout, head, slot, key, value| {
        // SAFETY: `table` gives this function out only where the processor has the features.
        unsafe { write(layout, head, slot, key, value) }
    },
    read_keys: |layout, head, tile| {
        // SAFETY: `table` gives this function out only where the processor has the features.
        unsafe { keys(layout, head, tile) }
    },
    read_values: |layout, head, tile| {
        // SAFETY: `table` gives this function out only where the processor has the features.
        unsafe { values(layout, head, tile) }
    },
    prefetch,
    multiply_add: |product, c| {
        // SAFETY: `table` gives this function out only where the processor has the features.
        unsafe { multiply_add(product, c) }
    },
    soften: |softmax| {
        // SAFETY: `table` gives this function out only where the processor has the features.
        unsafe { soften(softmax) }
    },
    merge: |total, part| {
        // SAFETY: `table` gives this function out only where the processor has the features.
        unsafe { merge_parts(total, part) }
    },
};

/// Into the second-level cache: the first has no room for a tile beside the one in use.
fn prefetch(bytes: &[u8]) {
    for line in bytes.chunks(64) {
        // SAFETY: every x86-64 processor has the instruction; a hint, it reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn write(layout: &KvLayout, head: &mut [u8], slot: usize, key: &[f32], value: &[f32]) {
    write_head(layout, head, slot, key, value, |x| narrow(x));
}

#[target_feature(enable = "avx2,fma,f16c")]
fn keys(layout: &KvLayout, head: &[u8], tile: &mut [f32]) {
    let decode = |codes: &[u8; LANES], scales: &[f32; LANES], minima: &[f32; LANES]| {
        decode(codes, scales, minima)
    };
    read_keys(layout, head, tile, |halves| widen(halves), decode);
}

#[target_feature(enable = "avx2,fma,f16c")]
fn values(layout: &KvLayout, head: &[u8], tile: &mut [f32]) {
    read_values(layout, head, tile, |halves| widen(halves));
}

#[target_feature(enable = "avx2,fma,f16c")]
fn soften(softmax: &mut Softmax<'_, '_>) {
    scalar::soften(softmax, |scores, old| largest(scores, old), |weights| total(weights));
}

#[target_feature(enable = "avx2,fma,f16c")]
fn merge_parts(total: &mut Partial<'_>, part: &Partial<'_>) {
    merge(total, part);
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn widen(halves: &[u8; 16]) -> [f32; LANES] {
    lanes(_mm256_cvtph_ps(load_half_bytes(halves)))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn decode(codes: &[u8; LANES], scales: &[f32; LANES], minima: &[f32; LANES]) -> [f32; LANES] {
    let codes = _mm_cvtsi64_si128(i64::from_le_bytes(*codes));
    let codes = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(codes));
    lanes(_mm256_fmadd_ps(codes, load(scales), load(minima)))
}

/// The largest of `scores` and `old`, where a NaN counts for nothing.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn largest(scores: &Scores, old: f32) -> f32 {
    let old = _mm256_set1_ps(old);
    // The second operand is what comes out where one is NaN.
    let [a, b, c, d] = vectors(scores).map(|scores| _mm256_max_ps(scores, old));
    let v = _mm256_max_ps(_mm256_max_ps(a, b), _mm256_max_ps(c, d));
    let v = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
    let v = _mm_max_ps(v, _mm_movehl_ps(v, v));
    _mm_cvtss_f32(_mm_max_ss(v, _mm_movehdup_ps(v)))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn total(weights: &Scores) -> f32 {
    let [a, b, c, d] = vectors(weights);
    fold(_mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d)))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn vectors(scores: &Scores) -> [__m256; 4] {
    let (vectors, _) = scores.as_chunks();
    std::array::from_fn(|i| load(&vectors[i]))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn narrow(x: &[f32; LANES]) -> [u16; LANES] {
    let halves = _mm256_cvtps_ph::<{ _MM_FROUND_TO_NEAREST_INT }>(load(x));
    bytemuck::cast(halves)
}
