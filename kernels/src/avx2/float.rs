//! Dot products of float weights, 32 elements at a time in four vectors: the partial sums of the
//! canonical order are their lanes.

use std::arch::x86_64::*;
use std::ops::Range;

use super::vector::{LANES, fold, load, load_bytes, load_half_bytes, store};
use crate::matmul::Columns;
use crate::packed::PANEL;
use crate::scalar::value;
use crate::{Format, Matrix};

/// Activation rows that share one reading of a weight row: three times four sums fit the sixteen
/// registers with the weights beside them.
const ROWS: usize = 3;

/// See [`crate::table::Table::matmul_float`].
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn matmul(w: &Matrix<'_>, panels: Range<usize>, x: &[f32], out: &Columns<'_>) {
    let cols = w.cols();
    for (tile, x) in x.chunks(ROWS * cols).enumerate() {
        let row = |t: usize| &x[t * cols..][..cols];
        for n in panels.start * PANEL..w.rows().min(panels.end * PANEL) {
            let mut outputs = [0.0; ROWS];
            match x.len() / cols {
                1 => outputs[..1].copy_from_slice(&dots(w, n, [row(0)])),
                2 => outputs[..2].copy_from_slice(&dots(w, n, [row(0), row(1)])),
                _ => outputs = dots(w, n, [row(0), row(1), row(2)]),
            }
            for (t, output) in outputs.iter().enumerate().take(x.len() / cols) {
                out.store(tile * ROWS + t, n, &[*output]);
            }
        }
    }
}

/// Dot product of two vectors of one length.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let widen = |bytes: &[u8; 32]| _mm256_castsi256_ps(load_bytes(bytes));
    let [dot] = strided_dots(bytemuck::cast_slice(b), [a], widen, |k| b[k]);
    dot
}

/// Row `n` of `w` times each row of `x`.
#[target_feature(enable = "avx2,fma,f16c")]
fn dots<const R: usize>(w: &Matrix<'_>, n: usize, x: [&[f32]; R]) -> [f32; R] {
    let row = w.row(n);
    let at = |k| value(w.format(), row, k);
    match w.format() {
        Format::F32 => {
            strided_dots(row, x, |bytes: &[u8; 32]| _mm256_castsi256_ps(load_bytes(bytes)), at)
        }
        Format::F16 => {
            strided_dots(row, x, |bytes: &[u8; 16]| _mm256_cvtph_ps(load_half_bytes(bytes)), at)
        }
        Format::BF16 => strided_dots(row, x, |bytes: &[u8; 16]| widen_bf16(bytes), at),
        Format::Q8_0 | Format::Q4_0 | Format::Q5_0 | Format::Q4K | Format::Q5K | Format::Q6K => {
            unreachable!("{} is not a float format", w.format())
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn widen_bf16(bytes: &[u8; 16]) -> __m256 {
    let wide = _mm256_cvtepu16_epi32(load_half_bytes(bytes));
    _mm256_castsi256_ps(_mm256_slli_epi32::<16>(wide))
}

/// The canonical order of [`crate::scalar::dot`] for `R` rows: `W` bytes hold eight weights that
/// `widen` makes floats, `at` gives the single weights behind the last whole 32.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn strided_dots<const W: usize, const R: usize>(
    weights: &[u8],
    x: [&[f32]; R],
    widen: impl Fn(&[u8; W]) -> __m256,
    at: impl Fn(usize) -> f32,
) -> [f32; R] {
    let groups = weights.as_chunks::<W>().0.as_chunks::<4>().0;
    let x_groups = x.map(|x| &x.as_chunks::<LANES>().0.as_chunks::<4>().0[..groups.len()]);
    let mut sums = [[_mm256_setzero_ps(); 4]; R];
    for (index, group) in groups.iter().enumerate() {
        for (part, weights) in group.iter().enumerate() {
            let weights = widen(weights);
            for (sums, x) in sums.iter_mut().zip(&x_groups) {
                sums[part] = _mm256_fmadd_ps(weights, load(&x[index][part]), sums[part]);
            }
        }
    }
    let done = groups.len() * 4 * LANES;
    let mut dots = [0.0; R];
    for ((dot, mut sums), x) in dots.iter_mut().zip(sums).zip(x) {
        if done < x.len() {
            add_rest(&mut sums, x, done, &at);
        }
        let low = _mm256_add_ps(sums[0], sums[1]);
        *dot = fold(_mm256_add_ps(low, _mm256_add_ps(sums[2], sums[3])));
    }
    dots
}

/// Adds the elements from `done` on to the first partial sums.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add_rest(sums: &mut [__m256; 4], x: &[f32], done: usize, at: impl Fn(usize) -> f32) {
    let mut partials = [[0.0; LANES]; 4];
    for (partials, sum) in partials.iter_mut().zip(&*sums) {
        store(partials, *sum);
    }
    for (k, (partial, x)) in (done..).zip(partials.as_flattened_mut().iter_mut().zip(&x[done..])) {
        *partial = at(k).mul_add(*x, *partial);
    }
    for (partials, sum) in partials.iter().zip(sums) {
        *sum = load(partials);
    }
}
