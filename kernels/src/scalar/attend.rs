//! The steps of attention, and with them its canonical order.
//!
//! Of one row and one query head (FlashAttention, arXiv:2205.14135):
//!
//! 1. The query is multiplied by `1 / sqrt(E)`, element by element, and [rotated](crate::kv::rotate)
//!    where keys are. Keys and values are read back to f32 (see [`crate::kv`]).
//! 2. Context is cut into stretches of 256 positions from position 0 on, and these into tiles of 32. In
//!    each tile of which the row sees anything: scores ([`multiply_add`] from zero, so a chain of fused
//!    multiply-adds over the head's elements); [`soften`]; then, for the slots that the row sees in
//!    ascending order, `values[e] = fma(weight, value[e], values[e])`. Sinks (StreamingLLM,
//!    arXiv:2309.17453) differ only in the query that scores them.
//! 3. The stretches of which the row sees anything are [merged](crate::attention::merge) in order, the
//!    first with nothing. The result is the sum of values times the reciprocal of the sum of weights.
//!
//! What is `inline(always)` here becomes the vector tables' code too, compiled for their instructions:
//! the order is fixed by these lines, and vectors are the compiler's part.

use super::dense::fold_lanes;
use crate::attention::{Product, Scores, Softmax, Steps, merge};
use crate::exp::exp;
use crate::kv::{BLOCK_SLOTS, read_keys, read_values, write_head};

pub(super) static STEPS: Steps = Steps {
    write_head: |layout, head, slot, key, value| {
        write_head(layout, head, slot, key, value, narrow);
    },
    read_keys: |layout, head, tile| read_keys(layout, head, tile, widen),
    read_values: |layout, head, tile| read_values(layout, head, tile, widen),
    multiply_add,
    soften: |softmax| soften(softmax),
    merge: |total, part| merge(total, part),
};

/// Eight `f16` as f32, exactly.
fn widen(halves: &[u8; 16]) -> [f32; 8] {
    let (halves, _) = halves.as_chunks();
    std::array::from_fn(|i| half::f16::from_le_bytes(halves[i]).to_f32())
}

/// The bits of eight f32 as the nearest `f16`, ties to even.
fn narrow(x: &[f32; 8]) -> [u16; 8] {
    x.map(|x| half::f16::from_f32(x).to_bits())
}

/// `c[m][n] += sum over k of a[m][k] * b[k][n]`, by a chain of fused multiply-adds over `k` ascending
/// that starts with `c[m][n]`.
pub(crate) fn multiply_add(product: &Product<'_>, c: &mut [f32]) {
    let Product { a, a_stride, b, width } = *product;
    for (m, c) in c.chunks_exact_mut(width).enumerate() {
        for (a, b) in a[m * a_stride..].iter().zip(b.chunks_exact(width)) {
            for (c, b) in c.iter_mut().zip(b) {
                *c = a.mul_add(*b, *c);
            }
        }
    }
}

/// Turns each query's scores of a tile into weights and takes them into its softmax.
///
/// A slot that is not seen has the score minus infinity. With `m` the largest score so far, this
/// tile's included (NaN not counted), weights become [`exp`]`(score - m)`; where `m` has grown from `m'`,
/// sum and values are first multiplied by `exp(m' - m)`; then the weights' sum is added, itself taken
/// as lanes `(w[j] + w[j + 8]) + (w[j + 16] + w[j + 24])` and their upper half onto the lower, three
/// times. A row that sees no slot is left alone.
#[inline(always)]
pub(crate) fn soften(softmax: &mut Softmax<'_, '_>) {
    let width = softmax.partial.width();
    let group = softmax.scores.len() / softmax.seen.len();
    let partial = &mut *softmax.partial;
    let values = partial.values.chunks_exact_mut(width);
    let sums = partial.maxima.iter_mut().zip(partial.sums.iter_mut()).zip(values);
    for (query, (scores, ((maximum, sum), values))) in
        softmax.scores.iter_mut().zip(sums).enumerate()
    {
        let seen = softmax.seen[query / group];
        if seen == 0 {
            continue;
        }
        if seen != u32::MAX {
            hide(scores, seen);
        }
        let old = *maximum;
        *maximum = largest(scores, old);
        if *maximum != old {
            let factor = exp(old - *maximum);
            *sum *= factor;
            values.iter_mut().for_each(|value| *value *= factor);
        }
        for score in scores.iter_mut() {
            *score = exp(*score - *maximum);
        }
        *sum += total(scores);
    }
}

/// Gives the slots that are not `seen` the score minus infinity.
#[inline(always)]
fn hide(scores: &mut Scores, seen: u32) {
    for (slot, score) in scores.iter_mut().enumerate() {
        *score = if seen >> slot & 1 == 1 { *score } else { f32::NEG_INFINITY };
    }
}

/// The largest of `scores` and `old`, where a NaN counts for nothing.
#[inline(always)]
fn largest(scores: &Scores, old: f32) -> f32 {
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let mut lanes = [old; 8];
    for scores in scores.as_chunks::<8>().0 {
        for (lane, score) in lanes.iter_mut().zip(scores) {
            *lane = larger(*score, *lane);
        }
    }
    // Halves onto each other: any order has the same result.
    let quarter: [f32; 4] = std::array::from_fn(|i| larger(lanes[i], lanes[i + 4]));
    larger(larger(quarter[0], quarter[2]), larger(quarter[1], quarter[3]))
}

#[inline(always)]
fn total(weights: &Scores) -> f32 {
    let lane = |j: usize| (weights[j] + weights[j + 8]) + (weights[j + 16] + weights[j + 24]);
    fold_lanes(&std::array::from_fn(lane))
}

const _: () = assert!(BLOCK_SLOTS == 32, "four vectors of eight");
