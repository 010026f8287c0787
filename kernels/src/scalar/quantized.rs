//! Dot products of quantized weights with quantized activations.

use std::ops::Range;

use crate::Packed;
use crate::layout::SUB_BLOCK;
use crate::matmul::Columns;
use crate::packed::{Layout, PANEL};
use crate::quantize::{Codes, Quantized, ROW_TILE, RowTile, block_scale};
use crate::scalar::SubBlock;

/// Products of the weight rows of some panels with every activation row.
pub(crate) fn matmul(w: &Packed<'_>, panels: Range<usize>, x: &Quantized, out: &Columns<'_>) {
    for n in panels.start * PANEL..w.rows().min(panels.end * PANEL) {
        for t in 0..x.rows() {
            let tile = x.tile(t - t % ROW_TILE);
            out.store(t, n, &[dot(w, n, tile, t % ROW_TILE)]);
        }
    }
}

/// The canonical order: sub-blocks from first to last; in each the integer sum is exact, then one
/// fused multiply-add for the scales and, in formats that have minima, one for these; last, their
/// difference.
fn dot(w: &Packed<'_>, n: usize, x: RowTile<'_>, row: usize) -> f32 {
    let (mut sum, mut mins) = (0.0_f32, 0.0_f32);
    for index in 0..w.sub_blocks() {
        let (block, at) = (w.sub_block(n, index), index * x.rows + row);
        sum = (block.scale * x.scales[at]).mul_add(integer_dot(&block, &x.codes[at]), sum);
        mins = block.min.mul_add(x.weighted_sums[at], mins);
    }
    if Layout::of(w.format()).minima { sum - mins } else { sum }
}

/// `inner[0] * sum of the first half + inner[1] * sum of the second`: an integer below 2^24, and so an
/// exact `f32`. The largest, of Q6_K, is `2 * 128 * 16 * 32 * 127`.
fn integer_dot(block: &SubBlock, codes: &Codes) -> f32 {
    let codes: &[i8; SUB_BLOCK] = bytemuck::cast_ref(codes);
    let half = |range: Range<usize>| -> i32 {
        range.map(|i| i32::from(block.codes[i]) * i32::from(codes[i])).sum()
    };
    let (first, second) = (half(0..16), half(16..32));
    let sum = i32::from(block.inner[0]) * first + i32::from(block.inner[1]) * second;
    #[expect(clippy::cast_precision_loss, reason = "below 2^24")]
    let sum = sum as f32;
    sum
}

/// See [`Quantized`].
pub(crate) fn quantize_block(x: &[f32; SUB_BLOCK], codes: &mut Codes) -> (f32, [i32; 2]) {
    // The bits of magnitudes order like the magnitudes, with infinity and then NaN on top.
    let absmax = f32::from_bits(x.iter().map(|x| x.abs().to_bits()).max().unwrap_or(0));
    if !absmax.is_finite() {
        *codes = Codes::default();
        return (f32::NAN, [0; 2]);
    }
    let (scale, inverse) = block_scale(absmax);
    let bytes: &mut [i8; SUB_BLOCK] = bytemuck::cast_mut(codes);
    let mut sums = [0; 2];
    for (i, (code, x)) in bytes.iter_mut().zip(x).enumerate() {
        #[expect(clippy::cast_possible_truncation, reason = "|x * inverse| rounds to at most 127")]
        let rounded = (x * inverse).round_ties_even() as i8;
        *code = rounded;
        sums[i / 16] += i32::from(rounded);
    }
    (scale, sums)
}
