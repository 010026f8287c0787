//! The steps of attention: the oracle's lines, with the few that plain Rust has no vectors for, half
//! precision and reductions.

use std::arch::aarch64::*;
use std::arch::asm;

use super::product::multiply_add;
use super::vector::{LANES, lanes, load, load_half_bytes, narrow, widen};
use crate::attention::{Scores, Softmax, Steps, merge};
use crate::kv::{BLOCK_SLOTS, KvLayout, read_keys, read_values, write_head};
use crate::scalar;

/// Vectors of a tile's scores.
const VECTORS: usize = BLOCK_SLOTS / LANES;

pub(super) static STEPS: Steps = Steps {
    write_head: |layout, head, slot, key, value| {
        // SAFETY: `tables` gives this function out only where the processor has the features.
        unsafe { write(layout, head, slot, key, value) }
    },
    read_keys: |layout, head, tile| {
        // SAFETY: `tables` gives this function out only where the processor has the features.
        unsafe { keys(layout, head, tile) }
    },
    read_values: |layout, head, tile| {
        // SAFETY: `tables` gives this function out only where the processor has the features.
        unsafe { values(layout, head, tile) }
    },
    prefetch,
    multiply_add: |product, c| {
        // SAFETY: `tables` gives this function out only where the processor has the features.
        unsafe { multiply_add(product, c) }
    },
    soften: |softmax| {
        // SAFETY: `tables` gives this function out only where the processor has the features.
        unsafe { soften(softmax) }
    },
    merge: |total, part| merge(total, part),
};

/// Into the second-level cache: the first has no room for a tile beside the one in use.
pub(super) fn prefetch(bytes: &[u8]) {
    for line in bytes.chunks(64) {
        // SAFETY: every processor of the architecture has the instruction; a hint, it reads nothing.
        unsafe {
            asm!(
                "prfm pldl2keep, [{}]",
                in(reg) line.as_ptr(),
                options(readonly, nostack, preserves_flags),
            );
        };
    }
}

#[target_feature(enable = "neon")]
fn write(layout: &KvLayout, head: &mut [u8], slot: usize, key: &[f32], value: &[f32]) {
    let narrow = |x: &[f32; 2 * LANES]| {
        let [low, high] = *both(x);
        bytemuck::cast([narrow(&low), narrow(&high)])
    };
    write_head(layout, head, slot, key, value, narrow);
}

#[target_feature(enable = "neon")]
fn keys(layout: &KvLayout, head: &[u8], tile: &mut [f32]) {
    let decode = |codes: &[u8; 8], scales: &[f32; 8], minima: &[f32; 8]| {
        decode(codes, both(scales), both(minima))
    };
    read_keys(layout, head, tile, |halves| widen_both(halves), decode);
}

#[target_feature(enable = "neon")]
fn values(layout: &KvLayout, head: &[u8], tile: &mut [f32]) {
    read_values(layout, head, tile, |halves| widen_both(halves));
}

#[target_feature(enable = "neon")]
fn soften(softmax: &mut Softmax<'_, '_>) {
    scalar::soften(softmax, |scores, old| largest(scores, old), |weights| total(weights));
}

/// Eight floats as two vectors' lanes.
#[inline(always)]
fn both(x: &[f32; 2 * LANES]) -> &[[f32; LANES]; 2] {
    bytemuck::cast_ref(x)
}

#[inline]
#[target_feature(enable = "neon")]
fn widen_both(halves: &[u8; 16]) -> [f32; 2 * LANES] {
    let [low, high]: &[[u8; 8]; 2] = bytemuck::cast_ref(halves);
    bytemuck::cast([lanes(widen(low)), lanes(widen(high))])
}

#[inline]
#[target_feature(enable = "neon")]
fn decode(
    codes: &[u8; 8],
    scales: &[[f32; LANES]; 2],
    minima: &[[f32; LANES]; 2],
) -> [f32; 2 * LANES] {
    let codes = vmovl_u8(load_half_bytes(codes));
    let codes = [vmovl_u16(vget_low_u16(codes)), vmovl_high_u16(codes)];
    let half = |half: usize| {
        let codes = vcvtq_f32_u32(codes[half]);
        lanes(vfmaq_f32(load(&minima[half]), codes, load(&scales[half])))
    };
    bytemuck::cast([half(0), half(1)])
}

/// The largest of `scores` and `old`, where a NaN counts for nothing.
///
/// The instruction makes a signalling NaN count, but no score is one: arithmetic gives quiet ones.
#[inline]
#[target_feature(enable = "neon")]
fn largest(scores: &Scores, old: f32) -> f32 {
    let largest = |a, b| vmaxnmq_f32(a, b);
    vmaxnmvq_f32(vectors(scores).into_iter().fold(vdupq_n_f32(old), largest))
}

#[inline]
#[target_feature(enable = "neon")]
fn total(weights: &Scores) -> f32 {
    let v = vectors(weights);
    let lanes = |j: usize| vaddq_f32(vaddq_f32(v[j], v[j + 2]), vaddq_f32(v[j + 4], v[j + 6]));
    let v = vaddq_f32(lanes(0), lanes(1));
    vpadds_f32(vadd_f32(vget_low_f32(v), vget_high_f32(v)))
}

#[inline]
#[target_feature(enable = "neon")]
fn vectors(scores: &Scores) -> [float32x4_t; VECTORS] {
    let (vectors, _) = scores.as_chunks();
    std::array::from_fn(|i| load(&vectors[i]))
}
