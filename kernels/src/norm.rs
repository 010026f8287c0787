//! Root-mean-square normalization.

use crate::disjoint::Disjoint;
use crate::pool::Pool;
use crate::share::share_rows;
use crate::table::{self, Table};

/// `out[t] = x[t] / sqrt(mean(x[t]^2) + eps) * weight`, row by row.
///
/// `x` and `out` are `[T, D]`, `weight` is `[D]`. Zhang and Sennrich 2019 (arXiv:1910.07467).
/// The sum of squares is taken in the order of a float dot product.
///
/// # Panics
///
/// Where `weight` is empty, `x` is no whole number of rows, or `out` has another length.
pub fn rms_norm(pool: &Pool, x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    rms_norm_with(table::current(), pool, x, weight, eps, out);
}

/// [`rms_norm`] by the functions of `table`.
pub(crate) fn rms_norm_with(
    table: &Table,
    pool: &Pool,
    x: &[f32],
    weight: &[f32],
    eps: f32,
    out: &mut [f32],
) {
    let width = weight.len();
    assert!(x.len().is_multiple_of(width), "x is [T, {width}], not {} long", x.len());
    assert_eq!(out.len(), x.len(), "out is [T, {width}]");
    let out = &Disjoint::new(out);
    share_rows(pool, x.len() / width, width, |rows| {
        let rows = rows.start * width..rows.end * width;
        // SAFETY: no other piece has these rows.
        let out = unsafe { out.slice(rows.clone()) };
        for (x, out) in x[rows].chunks_exact(width).zip(out.chunks_exact_mut(width)) {
            #[expect(clippy::cast_precision_loss, reason = "widths are far below 2^24")]
            let mean = (table.sum_of_squares)(x) / width as f32;
            (table.scale)(x, 1.0 / (mean + eps).sqrt(), weight, out);
        }
    });
}
