//! Operations on one element at a time.

use std::ops::Range;

use crate::disjoint::Disjoint;
use crate::pool::Pool;
use crate::share::share_rows;
use crate::table::{self, Table};

/// Elements that go to a thread together.
const STRIP: usize = 1024;

/// `gate = silu(gate) * up`, where `silu(g) = g / (1 + exp(-g))`.
///
/// Any shape, the same for both. Shazeer 2020 (arXiv:2002.05202).
///
/// # Panics
///
/// Where lengths differ.
pub fn swiglu(pool: &Pool, gate: &mut [f32], up: &[f32]) {
    swiglu_with(table::current(), pool, gate, up);
}

/// [`swiglu`] by the functions of `table`.
pub(crate) fn swiglu_with(table: &Table, pool: &Pool, gate: &mut [f32], up: &[f32]) {
    assert_eq!(gate.len(), up.len(), "gate and up have one shape");
    strips(pool, gate, |range, gate| (table.swiglu)(gate, &up[range]));
}

/// `x = x + y`.
///
/// # Panics
///
/// Where lengths differ.
pub fn add(pool: &Pool, x: &mut [f32], y: &[f32]) {
    assert_eq!(x.len(), y.len(), "summands have one shape");
    strips(pool, x, |range, x| {
        for (x, y) in x.iter_mut().zip(&y[range]) {
            *x += y;
        }
    });
}

/// `x[t] = x[t] + y`, row by row.
///
/// `x` is `[T, N]`, `y` is `[N]`.
///
/// # Panics
///
/// Where `y` is empty, or `x` is no whole number of rows.
pub fn add_to_rows(pool: &Pool, x: &mut [f32], y: &[f32]) {
    let width = y.len();
    assert!(x.len().is_multiple_of(width), "x is [T, {width}], not {} long", x.len());
    let (rows, x) = (x.len() / width, &Disjoint::new(x));
    share_rows(pool, rows, width, |rows| {
        // SAFETY: no other piece has these rows.
        let rows = unsafe { x.slice(rows.start * width..rows.end * width) };
        for row in rows.chunks_exact_mut(width) {
            for (x, y) in row.iter_mut().zip(y) {
                *x += y;
            }
        }
    });
}

/// Calls `each` with parts of `x` and where they lie, on as many threads as it is worth.
fn strips(pool: &Pool, x: &mut [f32], each: impl Fn(Range<usize>, &mut [f32]) + Sync) {
    let (len, x) = (x.len(), &Disjoint::new(x));
    share_rows(pool, len.div_ceil(STRIP), STRIP, |strips| {
        let range = strips.start * STRIP..len.min(strips.end * STRIP);
        // SAFETY: no other piece has these strips.
        each(range.clone(), unsafe { x.slice(range) });
    });
}
