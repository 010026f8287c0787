//! Activations as 8-bit codes: what the quantized dot products multiply weights with.

use crate::layout::SUB_BLOCK;

/// Magnitudes below which a block counts as zero: `127 / absmax` stays finite well above it.
pub(crate) const SMALLEST: f32 = 1e-30;

/// `T` rows of `K` activations, quantized row by row in blocks of 32.
///
/// Block `b` of row `t` holds `round(x * 127 / absmax)` (half to even) and the scale
/// `absmax / 127`. A block with a NaN or an infinity has codes 0 and a NaN for its scale, so that
/// every output that reads it becomes NaN rather than something plausible.
#[derive(Default)]
pub(crate) struct Quantized {
    /// `[T, K]`, as blocks.
    codes: Vec<[i8; SUB_BLOCK]>,
    /// `[T, K / 32]`.
    scales: Vec<f32>,
    /// `[T, K / 32]`: the sum of each block's codes, an integer.
    sums: Vec<f32>,
    blocks: usize,
}

/// One row of [`Quantized`]; all slices have `K / 32` elements.
#[derive(Clone, Copy)]
pub(crate) struct QuantizedRow<'a> {
    pub(crate) codes: &'a [[i8; SUB_BLOCK]],
    pub(crate) scales: &'a [f32],
    pub(crate) sums: &'a [f32],
}

/// Quantizes one block: fills the codes, returns `(scale, sum of codes)`.
pub(crate) type QuantizeBlock = fn(&[f32; SUB_BLOCK], &mut [i8; SUB_BLOCK]) -> (f32, f32);

impl Quantized {
    /// Replaces the content by `x`, `[T, cols]` with `cols` a multiple of 32.
    pub(crate) fn fill(&mut self, x: &[f32], cols: usize, quantize_block: QuantizeBlock) {
        let (blocks, rest) = x.as_chunks::<SUB_BLOCK>();
        assert!(rest.is_empty() && cols.is_multiple_of(SUB_BLOCK), "rows are whole blocks");
        self.blocks = cols / SUB_BLOCK;
        self.codes.resize(blocks.len(), [0; SUB_BLOCK]);
        self.scales.clear();
        self.sums.clear();
        for (block, codes) in blocks.iter().zip(&mut self.codes) {
            let (scale, sum) = quantize_block(block, codes);
            self.scales.push(scale);
            self.sums.push(sum);
        }
    }

    /// Number of rows, `T`.
    pub(crate) fn rows(&self) -> usize {
        self.scales.len() / self.blocks
    }

    pub(crate) fn row(&self, row: usize) -> QuantizedRow<'_> {
        let range = row * self.blocks..(row + 1) * self.blocks;
        QuantizedRow {
            codes: &self.codes[range.clone()],
            scales: &self.scales[range.clone()],
            sums: &self.sums[range],
        }
    }
}

/// The two factors of a block whose largest magnitude is `absmax`: `(scale, 1 / scale)`.
#[inline(always)]
pub(crate) fn block_scale(absmax: f32) -> (f32, f32) {
    if absmax < SMALLEST { (0.0, 0.0) } else { (absmax / 127.0, 127.0 / absmax) }
}
