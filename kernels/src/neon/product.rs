//! Matrix products in tiles of sums that stay in registers while the depth runs: what scores and
//! weighted values both are.

use std::arch::aarch64::*;

use super::vector::{LANES, load, store};
use crate::attention::Product;

/// See [`crate::attention::Steps::multiply_add`]. Lanes are columns; a tile of sums stays in registers while `k` runs.
#[target_feature(enable = "neon")]
pub(super) fn multiply_add(product: &Product<'_>, c: &mut [f32]) {
    let mut rest = c;
    let mut row = 0;
    // Many chains of sums hide the latency of an addition; 24 leave room for the factors.
    while !rest.is_empty() {
        row += match rest.len() / product.width {
            1 => rows::<1, 8>(product, row, &mut rest),
            2 => rows::<2, 8>(product, row, &mut rest),
            3 => rows::<3, 8>(product, row, &mut rest),
            4 | 8 => rows::<4, 4>(product, row, &mut rest),
            5 | 10 => rows::<5, 4>(product, row, &mut rest),
            _ => rows::<6, 4>(product, row, &mut rest),
        };
    }
}

/// `R` rows from `row` on, taken off the front of `c`; returns `R`.
#[inline]
#[target_feature(enable = "neon")]
fn rows<const R: usize, const V: usize>(
    product: &Product<'_>,
    row: usize,
    c: &mut &mut [f32],
) -> usize {
    let width = product.width;
    let c = c.split_off_mut(..R * width).expect("so many rows are left");
    let mut column = 0;
    while width - column >= V * LANES {
        tile::<R, V>(product, row, column, c);
        column += V * LANES;
    }
    while width - column >= LANES {
        tile::<R, 1>(product, row, column, c);
        column += LANES;
    }
    if column < width {
        product.add_columns(row, column, c);
    }
    R
}

/// Columns `column..column + 4 V` of `R` rows from `row` on; `c` begins with the first of these rows.
#[inline]
#[target_feature(enable = "neon")]
fn tile<const R: usize, const V: usize>(
    product: &Product<'_>,
    row: usize,
    column: usize,
    c: &mut [f32],
) {
    let width = product.width;
    let a = product.rows::<R>(row);
    let mut sums = [[vdupq_n_f32(0.0); V]; R];
    for (sums, c) in sums.iter_mut().zip(c.chunks_exact(width)) {
        for (sum, c) in sums.iter_mut().zip(c[column..][..V * LANES].as_chunks().0) {
            *sum = load(c);
        }
    }
    for (k, b) in product.b.chunks_exact(width).enumerate() {
        let b = b[column..][..V * LANES].as_chunks().0;
        for v in 0..V {
            let b = load(&b[v]);
            for (sums, a) in sums.iter_mut().zip(&a) {
                sums[v] = vfmaq_n_f32(sums[v], b, a[k]);
            }
        }
    }
    for (sums, c) in sums.into_iter().zip(c.chunks_exact_mut(width)) {
        for (sum, c) in sums.into_iter().zip(c[column..][..V * LANES].as_chunks_mut().0) {
            store(c, sum);
        }
    }
}
