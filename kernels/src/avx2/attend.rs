//! The steps of attention: the oracle's lines compiled for this table's instructions, and what plain
//! Rust has no vectors for: half precision, and a product's tiles of sums in registers.

use std::arch::x86_64::*;

use super::vector::{LANES, lanes, load, load_half_bytes, store};
use crate::attention::{Partial, Product, Softmax, Steps, merge};
use crate::kv::{KvLayout, read_keys, read_values, write_head};
use crate::scalar;

pub(super) static STEPS: Steps = Steps {
    write_head: |layout, head, slot, key, value| {
        // SAFETY: `table` gives this function out only where the processor has the features.
        unsafe { write(layout, head, slot, key, value) }
    },
    read_keys: |layout, head, tile| {
        // SAFETY: `table` gives this function out only where the processor has the features.
        unsafe { keys(layout, head, tile) }
    },
    read_values: |layout, head, tile| {
        // SAFETY: `table` gives this function out only where the processor has the features.
        unsafe { values(layout, head, tile) }
    },
    multiply_add: |product, c| {
        // SAFETY: `table` gives this function out only where the processor has the features.
        unsafe { multiply_add(product, c) }
    },
    soften: |softmax| {
        // SAFETY: `table` gives this function out only where the processor has the features.
        unsafe { soften(softmax) }
    },
    merge: |total, part| {
        // SAFETY: `table` gives this function out only where the processor has the features.
        unsafe { merge_parts(total, part) }
    },
};

#[target_feature(enable = "avx2,fma,f16c")]
fn write(layout: &KvLayout, head: &mut [u8], slot: usize, key: &[f32], value: &[f32]) {
    write_head(layout, head, slot, key, value, |x| narrow(x));
}

#[target_feature(enable = "avx2,fma,f16c")]
fn keys(layout: &KvLayout, head: &[u8], tile: &mut [f32]) {
    read_keys(layout, head, tile, |halves| widen(halves));
}

#[target_feature(enable = "avx2,fma,f16c")]
fn values(layout: &KvLayout, head: &[u8], tile: &mut [f32]) {
    read_values(layout, head, tile, |halves| widen(halves));
}

#[target_feature(enable = "avx2,fma,f16c")]
fn soften(softmax: &mut Softmax<'_, '_>) {
    scalar::soften(softmax);
}

#[target_feature(enable = "avx2,fma,f16c")]
fn merge_parts(total: &mut Partial<'_>, part: &Partial<'_>) {
    merge(total, part);
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn widen(halves: &[u8; 16]) -> [f32; LANES] {
    lanes(_mm256_cvtph_ps(load_half_bytes(halves)))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn narrow(x: &[f32; LANES]) -> [u16; LANES] {
    let halves = _mm256_cvtps_ph::<{ _MM_FROUND_TO_NEAREST_INT }>(load(x));
    bytemuck::cast(halves)
}

/// See [`scalar::multiply_add`]. Lanes are columns; a tile of sums stays in registers while `k` runs.
#[target_feature(enable = "avx2,fma,f16c")]
fn multiply_add(product: &Product<'_>, c: &mut [f32]) {
    let mut rest = c;
    let mut row = 0;
    // Eight chains of sums at least hide the latency of an addition; twelve fill the registers.
    while !rest.is_empty() {
        row += match rest.len() / product.width {
            1 => rows::<1, 4>(product, row, &mut rest),
            2 => rows::<2, 4>(product, row, &mut rest),
            3 => rows::<3, 4>(product, row, &mut rest),
            4 | 8 => rows::<4, 2>(product, row, &mut rest),
            5 | 10 => rows::<5, 2>(product, row, &mut rest),
            _ => rows::<6, 2>(product, row, &mut rest),
        };
    }
}

/// `R` rows from `row` on, taken off the front of `c`; returns `R`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
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
        for r in 0..R {
            let a = product.a[(row + r) * product.a_stride..].iter();
            for (a, b) in a.zip(product.b.chunks_exact(width)) {
                for (c, b) in c[r * width..][..width].iter_mut().zip(b).skip(column) {
                    *c = a.mul_add(*b, *c);
                }
            }
        }
    }
    R
}

/// Columns `column..column + 8 V` of `R` rows from `row` on; `c` begins with the first of these rows.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn tile<const R: usize, const V: usize>(
    product: &Product<'_>,
    row: usize,
    column: usize,
    c: &mut [f32],
) {
    let (width, depth) = (product.width, product.depth());
    let a: [&[f32]; R] =
        std::array::from_fn(|r| &product.a[(row + r) * product.a_stride..][..depth]);
    let mut sums = [[_mm256_setzero_ps(); V]; R];
    for (sums, c) in sums.iter_mut().zip(c.chunks_exact(width)) {
        for (sum, c) in sums.iter_mut().zip(c[column..][..V * LANES].as_chunks().0) {
            *sum = load(c);
        }
    }
    for (k, b) in product.b.chunks_exact(width).enumerate() {
        let b = b[column..][..V * LANES].as_chunks().0;
        for (sums, a) in sums.iter_mut().zip(&a) {
            let a = _mm256_set1_ps(a[k]);
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = _mm256_fmadd_ps(a, load(b), *sum);
            }
        }
    }
    for (sums, c) in sums.into_iter().zip(c.chunks_exact_mut(width)) {
        for (sum, c) in sums.into_iter().zip(c[column..][..V * LANES].as_chunks_mut().0) {
            store(c, sum);
        }
    }
}
