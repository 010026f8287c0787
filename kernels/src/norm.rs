//! Root-mean-square normalization.

use crate::table::{self, Table};

/// `out[t] = x[t] / sqrt(mean(x[t]^2) + eps) * weight`, row by row.
///
/// `x` and `out` are `[T, D]`, `weight` is `[D]`. Zhang and Sennrich 2019 (arXiv:1910.07467).
/// The sum of squares is taken in the order of a float dot product.
///
/// # Panics
///
/// Where `weight` is empty, `x` is no whole number of rows, or `out` has another length.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    rms_norm_with(table::current(), x, weight, eps, out);
}

/// [`rms_norm`] by the functions of `table`.
pub(crate) fn rms_norm_with(table: &Table, x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    let width = weight.len();
    assert!(x.len().is_multiple_of(width), "x is [T, {width}], not {} long", x.len());
    assert_eq!(out.len(), x.len(), "out is [T, {width}]");
    for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
        #[expect(clippy::cast_precision_loss, reason = "widths are far below 2^24")]
        let mean = (table.sum_of_squares)(x) / width as f32;
        let scale = 1.0 / (mean + eps).sqrt();
        for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
            *out = x * scale * weight;
        }
    }
}
