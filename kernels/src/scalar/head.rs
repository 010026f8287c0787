//! One query head of one position over its keys and values.

use crate::attention::KvHead;
use crate::exp::exp;
use crate::scalar::{dot, fold_lanes};

/// Softmax attention of `query` (`[E]`) over the positions that `kv` shows; `scores` has one slot
/// for each of them, `out` is `[E]`.
///
/// The canonical order: scores are [`dot`] times `1 / sqrt(E)`; their maximum is subtracted; weights
/// are [`exp`] of that; the weights' sum is taken in eight strided partial sums, folded like a dot
/// product's lanes; values are added by fused multiply-add from the first position to the last, and
/// multiplied by the reciprocal of the sum at the end.
pub(crate) fn attend(query: &[f32], kv: &KvHead<'_>, scores: &mut [f32], out: &mut [f32]) {
    let scale = kv.scale();
    for (score, key) in scores.iter_mut().zip(kv.keys()) {
        *score = dot(query, key) * scale;
    }
    let max = scores.iter().fold(f32::NEG_INFINITY, |max, &s| if s > max { s } else { max });
    let mut partials = [0.0_f32; 8];
    for (i, score) in scores.iter_mut().enumerate() {
        *score = exp(*score - max);
        partials[i % 8] += *score;
    }
    out.fill(0.0);
    for (weight, value) in scores.iter().zip(kv.values()) {
        for (out, value) in out.iter_mut().zip(value) {
            *out = weight.mul_add(*value, *out);
        }
    }
    let inverse = 1.0 / fold_lanes(&partials);
    for out in out {
        *out *= inverse;
    }
}
