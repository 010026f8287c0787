//! The steps of attention, and with them its canonical order.
//!
//! Of one row and one query head (FlashAttention, arXiv:2205.14135):
//!
//! 1. The query is multiplied by `1 / sqrt(E)`, element by element, and [rotated](crate::kv::rotate)
//!    where keys are. Keys and values are read back to f32 (see [`crate::kv`]).
//! 2. Context is cut into stretches of 256 positions from position 0 on, and these into tiles of 32. In
//!    each tile of which the row sees anything: scores (from zero, a chain of fused multiply-adds over
//!    the head's elements); [`soften`]; then, for the slots that the row sees in
//!    ascending order, `values[e] = fma(weight, value[e], values[e])`. Sinks (StreamingLLM,
//!    arXiv:2309.17453) differ only in the query that scores them.
//! 3. The stretches of which the row sees anything are [merged](crate::attention::merge) in order, the
//!    first with nothing. The result is the sum of values times the reciprocal of the sum of weights.
//!
//! What is `inline(always)` here becomes the vector tables' code too, compiled for their instructions:
//! the order is fixed by these lines, and vectors are the compiler's part.

use super::dense::fold_lanes;
use crate::attention::{Partial, Scores, Softmax, Steps, merge};
use crate::exp::exp;
use crate::kv::{BLOCK_SLOTS, read_keys, read_values, write_head};

pub(super) static STEPS: Steps = Steps {
    write_head: |layout, head, slot, key, value| {
        write_head(layout, head, slot, key, value, narrow);
    },
    read_keys: |layout, head, tile| read_keys(layout, head, tile, widen, decode),
    read_values: |layout, head, tile| read_values(layout, head, tile, widen),
    prefetch: |_| (),
    multiply_add: |product, c| product.add_columns(0, 0, c),
    soften: |softmax| soften(softmax, largest, total),
    merge: |total, part| merge(total, part),
};

/// Eight `f16` as f32, exactly.
fn widen(halves: &[u8; 16]) -> [f32; 8] {
    let (halves, _) = halves.as_chunks();
    std::array::from_fn(|i| half::f16::from_le_bytes(halves[i]).to_f32())
}

/// `fma(code, scale, minimum)` for eight codes.
fn decode(codes: &[u8; 8], scales: &[f32; 8], minima: &[f32; 8]) -> [f32; 8] {
    std::array::from_fn(|i| f32::from(codes[i]).mul_add(scales[i], minima[i]))
}

/// The bits of eight f32 as the nearest `f16`, ties to even.
fn narrow(x: &[f32; 8]) -> [u16; 8] {
    x.map(|x| half::f16::from_f32(x).to_bits())
}

/// Turns each query's scores of a tile into weights and takes them into its softmax.
///
/// A slot that is not seen has the score minus infinity. With `m` the largest score so far, this
/// tile's included (NaN not counted), weights become [`exp`]`(score - m)`; where `m` has grown from `m'`,
/// sum and values are first multiplied by `exp(m' - m)`; then the weights' sum is added, itself taken
/// as lanes `(w[j] + w[j + 8]) + (w[j + 16] + w[j + 24])` and their upper half onto the lower, three
/// times. A row that sees no slot is left alone.
///
/// `largest` and `total` are the two reductions: the largest of a tile's scores and an old maximum, and
/// the sum of its weights.
#[inline(always)]
pub(crate) fn soften(
    softmax: &mut Softmax<'_, '_>,
    largest: impl Fn(&Scores, f32) -> f32,
    total: impl Fn(&Scores) -> f32,
) {
    let (width, group) = (softmax.partial.width(), softmax.scores.len() / softmax.seen.len());
    let Partial { maxima, sums, values } = softmax.partial;
    let rows = softmax.scores.chunks_exact_mut(group).zip(softmax.seen);
    let partials = maxima.chunks_exact_mut(group).zip(sums.chunks_exact_mut(group));
    let partials = partials.zip(values.chunks_exact_mut(group * width));
    for ((scores, &seen), ((maxima, sums), values)) in rows.zip(partials) {
        if seen == 0 {
            continue;
        }
        let queries = scores.iter_mut().zip(maxima).zip(sums);
        for (((scores, maximum), sum), values) in queries.zip(values.chunks_exact_mut(width)) {
            if seen != u32::MAX {
                hide(scores, seen);
            }
            let old = *maximum;
            *maximum = largest(scores, old);
            // Before the first tile sum and values are zero, and stay so.
            if *maximum != old && old != f32::NEG_INFINITY {
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
}

/// Gives the slots that are not `seen` the score minus infinity.
#[inline(always)]
fn hide(scores: &mut Scores, seen: u32) {
    for (slot, score) in scores.iter_mut().enumerate() {
        *score = if seen >> slot & 1 == 1 { *score } else { f32::NEG_INFINITY };
    }
}

/// The largest of `scores` and `old`, where a NaN counts for nothing.
fn largest(scores: &Scores, old: f32) -> f32 {
    scores.iter().fold(old, |largest, &score| if score > largest { score } else { largest })
}

fn total(weights: &Scores) -> f32 {
    let lane = |j: usize| (weights[j] + weights[j + 8]) + (weights[j + 16] + weights[j + 24]);
    fold_lanes(&std::array::from_fn(lane))
}

const _: () = assert!(BLOCK_SLOTS == 32, "four lanes of eight");
