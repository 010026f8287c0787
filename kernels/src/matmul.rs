//! Matrix products of activations with stored weights.

use std::cell::Cell;

use rayon::prelude::*;

use crate::Matrix;
use crate::quantize::Quantized;
use crate::scratch::{with_floats, with_kept};
use crate::table::{self, Table};

/// Multiply-adds below which threads are not worth waking: half a million take 12 us (Q8_0) to 30 us
/// (K-quants, f32) on one core, a few times what waking a second one costs.
pub(crate) const PARALLEL_WORK_MIN: usize = 1 << 19;

/// Outputs are handed to threads in multiples of this: the width of a tile of the vector tables.
const OUTPUT_STEP: usize = 8;

/// Pieces for each thread, so that one that was interrupted does not hold up the others.
const PIECES_PER_THREAD: usize = 4;

thread_local! {
    static QUANTIZED: Cell<Quantized> = Cell::default();
}

/// `out[t, n] = sum over k of w[n, k] * x[t, k]`.
///
/// | argument | shape    |                                                            |
/// |----------|----------|------------------------------------------------------------|
/// | `w`      | `[N, K]` | any [`Format`](crate::Format)                              |
/// | `x`      | `[T, K]` | quantized to 8 bits in blocks of 32 when the weights are   |
/// | `out`    | `[T, N]` | overwritten                                                |
///
/// Reads the weights once for several rows, and shares the outputs among the threads of rayon's
/// current pool where the work is worth it. Row `t` of `out` depends on row `t` of `x` alone. With
/// quantized weights, a NaN or an infinity in a row of `x` makes the whole row of `out` NaN.
///
/// # Panics
///
/// Where `x` is not a whole number of rows, or `out` has another number of them.
pub fn matmul(w: &Matrix<'_>, x: &[f32], out: &mut [f32]) {
    matmul_with(table::current(), w, x, out);
}

/// [`matmul`] by the functions of `table`.
pub(crate) fn matmul_with(table: &Table, w: &Matrix<'_>, x: &[f32], out: &mut [f32]) {
    assert!(x.len().is_multiple_of(w.cols()), "x is [T, {}], not {} long", w.cols(), x.len());
    let rows = x.len() / w.cols();
    assert_eq!(out.len(), rows * w.rows(), "out is [{rows}, {}]", w.rows());
    if rows == 0 {
        return;
    }
    if w.format().is_quantized() {
        with_kept(&QUANTIZED, |quantized| {
            quantized.fill(x, w.cols(), table.quantize_block);
            let quantized = &*quantized;
            spread(w, rows, out, |w, out| (table.matmul_quantized)(w, quantized, out));
        });
    } else {
        spread(w, rows, out, |w, out| (table.matmul_float)(w, x, out));
    }
}

/// Has `multiply` compute all outputs, `[N, T]` for pieces of `w`, and turns them to `[T, N]`.
fn spread(
    w: &Matrix<'_>,
    rows: usize,
    out: &mut [f32],
    multiply: impl Fn(&Matrix<'_>, &mut [f32]) + Sync,
) {
    if rows == 1 {
        return share(w, 1, out, &multiply);
    }
    with_floats(out.len(), |turned| {
        share(w, rows, turned, &multiply);
        for (t, out) in out.chunks_exact_mut(w.rows()).enumerate() {
            for (out, outputs) in out.iter_mut().zip(turned.chunks_exact(rows)) {
                *out = outputs[t];
            }
        }
    });
}

/// Computes `out`, `[N, T]`, on as many threads as the work is worth.
fn share(
    w: &Matrix<'_>,
    rows: usize,
    out: &mut [f32],
    multiply: &(impl Fn(&Matrix<'_>, &mut [f32]) + Sync),
) {
    let work = rows.saturating_mul(w.rows()).saturating_mul(w.cols());
    let threads = if work < PARALLEL_WORK_MIN { 1 } else { rayon::current_num_threads() };
    if threads == 1 {
        return multiply(w, out);
    }
    let piece = w.rows().div_ceil(threads * PIECES_PER_THREAD).next_multiple_of(OUTPUT_STEP);
    out.par_chunks_mut(piece * rows).enumerate().for_each(|(index, out)| {
        let first = index * piece;
        multiply(&w.slice(first..first + out.len() / rows), out);
    });
}
