//! Matrix products of activations with stored weights.

use std::cell::Cell;
use std::ops::Range;

use crate::disjoint::Disjoint;
use crate::packed::PANEL;
use crate::quantize::Quantized;
use crate::scratch::with_kept;
use crate::table::{self, Table};
use crate::{Matrix, Packed, Pool};

/// Multiply-adds below which threads are not worth asking: a few microseconds of work, several times
/// what it takes until an awake thread has its piece. Miri, which is slow, is to see threads at any work.
pub(crate) const PARALLEL_WORK_MIN: usize = if cfg!(miri) { 1 } else { 1 << 17 };

/// Pieces for each thread, so that one that was interrupted does not hold up the others.
const PIECES_PER_THREAD: usize = 6;

/// Bytes of weights in a piece, at most: what stays in a core's second cache while many rows pass.
const PIECE_BYTES_MAX: usize = 1 << 18;

thread_local! {
    static QUANTIZED: Cell<Quantized> = Cell::default();
}

/// Weights as a product reads them.
#[derive(Clone, Copy, Debug)]
pub enum Weights<'a> {
    /// Float weights, as they are stored.
    Plain(Matrix<'a>),
    /// Quantized weights.
    Packed(Packed<'a>),
}

/// One product of a [`matmul`].
#[derive(Debug)]
pub struct Product<'a> {
    /// `[N, K]`
    pub weights: Weights<'a>,
    /// `[T, N]`, overwritten.
    pub out: &'a mut [f32],
}

/// `out[t, n] = sum over k of weights[n, k] * x[t, k]`, for every product, each with its own `N`.
///
/// `x` is `[T, K]`. It is quantized to 8 bits in blocks of 32, once, if any of the weights are.
///
/// Reads the weights once for several rows, and shares the outputs of all products among the threads
/// of `pool` where the work is worth it. Row `t` of an output depends on row `t` of `x` alone. With
/// quantized weights, a NaN or an infinity in a row of `x` makes the whole row of the output NaN.
///
/// # Panics
///
/// Where products differ in `K`, `x` is not a whole number of rows, an output has another number of
/// them, or [`Weights::Plain`] has a quantized format.
pub fn matmul(pool: &Pool, x: &[f32], products: &mut [Product<'_>]) {
    matmul_with(table::current(), pool, x, products);
}

/// [`matmul`] by the functions of `table`.
pub(crate) fn matmul_with(table: &Table, pool: &Pool, x: &[f32], products: &mut [Product<'_>]) {
    let Some(cols) = products.first().map(|product| product.weights.cols()) else { return };
    assert!(x.len().is_multiple_of(cols), "x is [T, {cols}], not {} long", x.len());
    let rows = x.len() / cols;
    for Product { weights, out } in &*products {
        assert_eq!(weights.cols(), cols, "all products read the same x");
        assert_eq!(out.len(), rows * weights.rows(), "out is [{rows}, {}]", weights.rows());
    }
    if rows == 0 {
        return;
    }
    let packed = |product: &Product<'_>| matches!(product.weights, Weights::Packed(_));
    with_kept(&QUANTIZED, |quantized| {
        if products.iter().any(packed) {
            quantized.fill(pool, table, x, cols);
        }
        share(pool, rows, products, &|weights, panels, out| match weights {
            Weights::Plain(w) => (table.matmul_float)(w, panels, x, out),
            Weights::Packed(w) => (table.matmul_packed)(w, panels, quantized, out),
        });
    });
}

/// Has `multiply` compute all outputs, on as many threads as the work is worth.
fn share(
    pool: &Pool,
    rows: usize,
    products: &mut [Product<'_>],
    multiply: &(dyn Fn(&Weights<'_>, Range<usize>, &Columns<'_>) + Sync),
) {
    let mut panels = 0;
    let parts: Vec<_> = products
        .iter_mut()
        .map(|Product { weights, out }| {
            let first = panels;
            panels += weights.rows().div_ceil(PANEL);
            (first..panels, *weights, Columns::new(out, weights.rows()))
        })
        .collect();
    let in_piece = panels_in_piece(pool, rows, panels, &parts[0].1);
    pool.run(panels.div_ceil(in_piece), &|piece| {
        let range = piece * in_piece..(piece + 1) * in_piece;
        for (part, weights, out) in &parts {
            let (first, end) = (range.start.max(part.start), range.end.min(part.end));
            if first < end {
                multiply(weights, first - part.start..end - part.start, out);
            }
        }
    });
}

/// How many of `panels` panels like those of `weights` make a piece of work.
fn panels_in_piece(pool: &Pool, rows: usize, panels: usize, weights: &Weights<'_>) -> usize {
    let panel_work = PANEL.saturating_mul(weights.cols()).saturating_mul(rows);
    let fair = match pool.threads() {
        1 => panels,
        _ if panel_work.saturating_mul(panels) < PARALLEL_WORK_MIN => panels,
        threads => panels.div_ceil(threads * PIECES_PER_THREAD),
    };
    fair.min(PIECE_BYTES_MAX.div_ceil(weights.panel_bytes()))
}

impl Weights<'_> {
    /// Number of outputs, `N`.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::Plain(w) => w.rows(),
            Self::Packed(w) => w.rows(),
        }
    }

    /// Number of inputs, `K`.
    #[must_use]
    pub fn cols(&self) -> usize {
        match self {
            Self::Plain(w) => w.cols(),
            Self::Packed(w) => w.cols(),
        }
    }

    fn panel_bytes(&self) -> usize {
        match self {
            Self::Plain(w) => PANEL * w.row(0).len(),
            Self::Packed(w) => w.panel(0).len(),
        }
    }
}

/// An output `[T, N]` of which each piece of work writes columns of its own.
pub(crate) struct Columns<'a> {
    out: Disjoint<'a, f32>,
    width: usize,
}

impl<'a> Columns<'a> {
    pub(crate) fn new(out: &'a mut [f32], width: usize) -> Self {
        Self { out: Disjoint::new(out), width }
    }

    /// Writes `values` to row `t`, from column `n` on; those beyond the last column are dropped.
    pub(crate) fn store(&self, t: usize, n: usize, values: &[f32]) {
        let count = values.len().min(self.width.saturating_sub(n));
        let from = t * self.width + n.min(self.width);
        // SAFETY: tables store the columns of the panels that they were asked for, and each panel
        // belongs to one piece of work, which runs on one thread.
        let out = unsafe { self.out.slice(from..from + count) };
        out.copy_from_slice(&values[..count]);
    }
}
