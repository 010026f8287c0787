//! Dot products of quantized weights with quantized activations.

use crate::Matrix;
use crate::layout::SUB_BLOCK;
use crate::quantize::{Quantized, QuantizedRow, block_scale};
use crate::scalar::SubBlock;

/// Products of every weight row with every activation row; `out` is `[N, T]`.
pub(crate) fn matmul(w: &Matrix<'_>, x: &Quantized, out: &mut [f32]) {
    for (n, outputs) in out.chunks_exact_mut(x.rows()).enumerate() {
        for (t, output) in outputs.iter_mut().enumerate() {
            *output = dot(w, n, x.row(t));
        }
    }
}

/// The canonical order: sub-blocks from first to last; in each the integer sum is exact, then one
/// fused multiply-add for the scales and one for the minima.
fn dot(w: &Matrix<'_>, row: usize, x: QuantizedRow<'_>) -> f32 {
    let (mut sum, mut mins) = (0.0_f32, 0.0_f32);
    for (index, codes) in x.codes.iter().enumerate() {
        let block = SubBlock::read(w.format(), w.row(row), index);
        let scale = x.scales[index];
        sum = (block.scale * scale).mul_add(integer_dot(&block, codes), sum);
        mins = (block.min * scale).mul_add(x.sums[index], mins);
    }
    sum - mins
}

/// `inner[0] * sum of the first half + inner[1] * sum of the second`; below 2^24 except in Q6_K,
/// where the one rounding to `f32` is part of the canonical order.
fn integer_dot(block: &SubBlock, codes: &[i8; SUB_BLOCK]) -> f32 {
    let half = |range: std::ops::Range<usize>| -> i32 {
        range.map(|i| i32::from(block.codes[i]) * i32::from(codes[i])).sum()
    };
    let (first, second) = (half(0..16), half(16..32));
    let sum = i32::from(block.inner[0]) * first + i32::from(block.inner[1]) * second;
    #[expect(clippy::cast_precision_loss, reason = "rounded once, as the vector conversion does")]
    let sum = sum as f32;
    sum
}

/// See [`Quantized`].
pub(crate) fn quantize_block(x: &[f32; SUB_BLOCK], codes: &mut [i8; SUB_BLOCK]) -> (f32, f32) {
    // The bits of magnitudes order like the magnitudes, with infinity and then NaN on top.
    let absmax = f32::from_bits(x.iter().map(|x| x.abs().to_bits()).max().unwrap_or(0));
    if !absmax.is_finite() {
        *codes = [0; SUB_BLOCK];
        return (f32::NAN, 0.0);
    }
    let (scale, inverse) = block_scale(absmax);
    let mut sum = 0_i16;
    for (code, x) in codes.iter_mut().zip(x) {
        #[expect(clippy::cast_possible_truncation, reason = "|x * inverse| rounds to at most 127")]
        let rounded = (x * inverse).round_ties_even() as i8;
        *code = rounded;
        sum += i16::from(rounded);
    }
    (scale, f32::from(sum))
}
