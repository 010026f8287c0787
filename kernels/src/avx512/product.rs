//! Matrix products in tiles of sums that stay in registers while the depth runs: what scores and
//! weighted values both are.

use std::arch::x86_64::*;

use super::vector::{LANES, load, load_part, store, store_part};
use crate::attention::Product;

/// See [`crate::attention::Steps::multiply_add`]. Lanes are columns; a tile of sums stays in registers while `k` runs.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn multiply_add(product: &Product<'_>, c: &mut [f32]) {
    let mut rest = c;
    let mut row = 0;
    // Eight chains of sums at least hide the latency of an addition, where there are as many.
    while !rest.is_empty() {
        row += match rest.len() / product.width {
            1 => rows::<1, 4>(product, row, &mut rest),
            2 => rows::<2, 4>(product, row, &mut rest),
            3 => rows::<3, 4>(product, row, &mut rest),
            4 => rows::<4, 4>(product, row, &mut rest),
            5 => rows::<5, 4>(product, row, &mut rest),
            6 | 7 => rows::<6, 4>(product, row, &mut rest),
            _ => rows::<8, 2>(product, row, &mut rest),
        };
    }
}

/// `R` rows from `row` on, taken off the front of `c`; returns `R`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn rows<const R: usize, const V: usize>(
    product: &Product<'_>,
    row: usize,
    c: &mut &mut [f32],
) -> usize {
    let width = product.width;
    let c = c.split_off_mut(..R * width).expect("so many rows are left");
    let mut column = 0;
    while V > 2 && width - column >= V * LANES {
        tile::<R, V>(product, row, column, c);
        column += V * LANES;
    }
    while width - column >= 2 * LANES {
        tile::<R, 2>(product, row, column, c);
        column += 2 * LANES;
    }
    while width > column {
        last_tile::<R>(product, row, column, c);
        column += LANES;
    }
    R
}

/// Columns `column..column + 16 V` of `R` rows from `row` on; `c` begins with the first of these rows.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn tile<const R: usize, const V: usize>(
    product: &Product<'_>,
    row: usize,
    column: usize,
    c: &mut [f32],
) {
    let width = product.width;
    let a = product.rows::<R>(row);
    let mut sums = [[_mm512_setzero_ps(); V]; R];
    for (sums, c) in sums.iter_mut().zip(c.chunks_exact(width)) {
        for (sum, c) in sums.iter_mut().zip(c[column..][..V * LANES].as_chunks().0) {
            *sum = load(c);
        }
    }
    for (k, b) in product.b.chunks_exact(width).enumerate() {
        let (b, _) = b[column..][..V * LANES].as_chunks();
        for (sums, a) in sums.iter_mut().zip(&a) {
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = _mm512_fmadd_ps(_mm512_set1_ps(a[k]), load(b), *sum);
            }
        }
    }
    for (sums, c) in sums.into_iter().zip(c.chunks_exact_mut(width)) {
        for (sum, c) in sums.into_iter().zip(c[column..][..V * LANES].as_chunks_mut().0) {
            store(c, sum);
        }
    }
}

/// As [`tile`], for the next sixteen columns or those that are left.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn last_tile<const R: usize>(product: &Product<'_>, row: usize, column: usize, c: &mut [f32]) {
    let width = product.width;
    let a = product.rows::<R>(row);
    let mut sums = [_mm512_setzero_ps(); R];
    for (sum, c) in sums.iter_mut().zip(c.chunks_exact(width)) {
        *sum = load_part(&c[column..]);
    }
    for (k, b) in product.b.chunks_exact(width).enumerate() {
        let b = load_part(&b[column..]);
        for (sum, a) in sums.iter_mut().zip(&a) {
            *sum = _mm512_fmadd_ps(_mm512_set1_ps(a[k]), b, *sum);
        }
    }
    for (sum, c) in sums.into_iter().zip(c.chunks_exact_mut(width)) {
        store_part(&mut c[column..], sum);
    }
}
