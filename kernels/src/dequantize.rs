//! Stored weights as plain numbers.

use crate::Matrix;
use crate::layout::SUB_BLOCK;
use crate::scalar::{SubBlock, value};

/// Writes row `row` of `w` to `out`, `[K]`, as for an embedding.
///
/// Exactly the values that the format defines, each product and difference rounded once.
///
/// # Panics
///
/// Where `w` has no such row, or `out` another length than its rows.
pub fn dequantize_row(w: &Matrix<'_>, row: usize, out: &mut [f32]) {
    assert!(row < w.rows(), "row {row} of {}", w.rows());
    assert_eq!(out.len(), w.cols(), "out is one row");
    let (format, bytes) = (w.format(), w.row(row));
    if !format.is_quantized() {
        for (k, out) in out.iter_mut().enumerate() {
            *out = value(format, bytes, k);
        }
        return;
    }
    for (index, out) in out.as_chunks_mut::<SUB_BLOCK>().0.iter_mut().enumerate() {
        let block = SubBlock::read(format, bytes, index);
        for (i, out) in out.iter_mut().enumerate() {
            let scale = block.scale * f32::from(block.inner[i / 16]);
            *out = scale * f32::from(block.codes[i]) - block.min;
        }
    }
}
