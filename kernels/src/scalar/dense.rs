//! Dot products of float weights with float activations.

use std::ops::Range;

use crate::matmul::Columns;
use crate::packed::PANEL;
use crate::{Format, Matrix};

/// Partial sums of a float dot product: a vector of sixteen, or two of eight.
pub(crate) const PARTIALS: usize = 16;

/// Products of the weight rows of some panels with every activation row; `x` is `[T, K]`.
pub(crate) fn matmul(w: &Matrix<'_>, panels: Range<usize>, x: &[f32], out: &Columns<'_>) {
    for n in panels.start * PANEL..w.rows().min(panels.end * PANEL) {
        let weights = w.row(n);
        for (t, x) in x.chunks_exact(w.cols()).enumerate() {
            out.store(t, n, &[strided_dot(x, |k| value(w.format(), weights, k))]);
        }
    }
}

/// Dot product of two vectors of one length in the canonical order.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    strided_dot(a, |k| b[k])
}

/// The canonical order: partial sum `j` takes the elements `k` with `k mod 16 == j`, ascending, by
/// fused multiply-add; then [`fold`].
fn strided_dot(a: &[f32], b: impl Fn(usize) -> f32) -> f32 {
    let mut partials = [0.0_f32; PARTIALS];
    for (k, a) in a.iter().enumerate() {
        let partial = &mut partials[k % PARTIALS];
        *partial = b(k).mul_add(*a, *partial);
    }
    fold(&partials)
}

/// Adds 16 partial sums: the upper half onto the lower, four times.
pub(crate) fn fold(partials: &[f32; PARTIALS]) -> f32 {
    let lane = |j: usize| partials[j] + partials[j + 8];
    fold_lanes(&std::array::from_fn(lane))
}

/// Adds eight lanes: upper half onto lower half, three times.
pub(crate) fn fold_lanes(lanes: &[f32; 8]) -> f32 {
    let quarter = |j: usize| lanes[j] + lanes[j + 4];
    let half = |j: usize| quarter(j) + quarter(j + 2);
    half(0) + half(1)
}

/// Element `k` of a row of float weights.
///
/// # Panics
///
/// Where `format` is quantized or the row is too short.
pub(crate) fn value(format: Format, row: &[u8], k: usize) -> f32 {
    match format {
        Format::F32 => f32::from_le_bytes(row.as_chunks().0[k]),
        Format::F16 => half::f16::from_le_bytes(row.as_chunks().0[k]).to_f32(),
        Format::BF16 => half::bf16::from_le_bytes(row.as_chunks().0[k]).to_f32(),
        Format::Q8_0 | Format::Q4_0 | Format::Q5_0 | Format::Q4K | Format::Q5K | Format::Q6K => {
            unreachable!("{format} has no elements of its own")
        }
    }
}
