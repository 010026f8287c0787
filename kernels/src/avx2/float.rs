//! Dot products of float weights, 16 elements at a time in two vectors: the partial sums of the
//! canonical order are their lanes.

use std::arch::x86_64::*;
use std::ops::Range;

use super::vector::{LANES, fold, lanes, load, load_bytes, load_half_bytes};
use crate::matmul::Columns;
use crate::packed::PANEL;
use crate::scalar::{PARTIALS, value};
use crate::{Format, Matrix};

/// A tile of two rows by three outputs: its twelve sums leave room for the weights.
const ROWS: usize = 2;
const OUTPUTS: usize = 3;

/// See [`crate::table::Table::matmul_float`].
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn matmul(w: &Matrix<'_>, panels: Range<usize>, x: &[f32], out: &Columns<'_>) {
    let cols = w.cols();
    let end = w.rows().min(panels.end * PANEL);
    for (tile, x) in x.chunks(ROWS * cols).enumerate() {
        let (t, row) = (tile * ROWS, |row: usize| &x[row * cols..][..cols]);
        for n in (panels.start * PANEL..end).step_by(OUTPUTS) {
            let count = OUTPUTS.min(end - n);
            // The last tile may lack outputs: it computes its last one several times instead.
            let w_rows = std::array::from_fn(|output| w.row(n + output.min(count - 1)));
            if x.len() == cols {
                let dots = dots::<1>(w.format(), w_rows, [row(0)]);
                out.store(t, n, &dots[0][..count]);
            } else {
                let dots = dots::<2>(w.format(), w_rows, [row(0), row(1)]);
                out.store(t, n, &dots[0][..count]);
                out.store(t + 1, n, &dots[1][..count]);
            }
        }
    }
}

/// Dot product of two vectors of one length.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let widen = |bytes: &[u8; 32]| _mm256_castsi256_ps(load_bytes(bytes));
    let [[dot]] = strided_dots([bytemuck::cast_slice(b)], [a], widen, |_, k| b[k]);
    dot
}

/// Rows of weights times rows of `x`.
#[target_feature(enable = "avx2,fma,f16c")]
fn dots<const R: usize>(
    format: Format,
    w: [&[u8]; OUTPUTS],
    x: [&[f32]; R],
) -> [[f32; OUTPUTS]; R] {
    let at = |row: &[u8], k| value(format, row, k);
    match format {
        Format::F32 => {
            strided_dots(w, x, |bytes: &[u8; 32]| _mm256_castsi256_ps(load_bytes(bytes)), at)
        }
        Format::F16 => {
            strided_dots(w, x, |bytes: &[u8; 16]| _mm256_cvtph_ps(load_half_bytes(bytes)), at)
        }
        Format::BF16 => strided_dots(w, x, |bytes: &[u8; 16]| widen_bf16(bytes), at),
        Format::Q8_0 | Format::Q4_0 | Format::Q5_0 | Format::Q4K | Format::Q5K | Format::Q6K => {
            unreachable!("{format} is not a float format")
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn widen_bf16(bytes: &[u8; 16]) -> __m256 {
    let wide = _mm256_cvtepu16_epi32(load_half_bytes(bytes));
    _mm256_castsi256_ps(_mm256_slli_epi32::<16>(wide))
}

/// The canonical order of [`crate::scalar::dot`] for `N` outputs of `R` rows: `W` bytes hold eight
/// weights that `widen` makes floats, `at` gives the single weights behind the last whole 16.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn strided_dots<const W: usize, const N: usize, const R: usize>(
    weights: [&[u8]; N],
    x: [&[f32]; R],
    widen: impl Fn(&[u8; W]) -> __m256,
    at: impl Fn(&[u8], usize) -> f32,
) -> [[f32; N]; R] {
    let count = x[0].len() / PARTIALS;
    let groups = weights.map(|w| &w.as_chunks::<W>().0.as_chunks::<2>().0[..count]);
    let x_groups = x.map(|x| &x.as_chunks::<LANES>().0.as_chunks::<2>().0[..count]);
    let mut sums = [[[_mm256_setzero_ps(); 2]; R]; N];
    for group in 0..count {
        for half in 0..2 {
            let weights: [__m256; N] = std::array::from_fn(|n| widen(&groups[n][group][half]));
            for row in 0..R {
                let x = load(&x_groups[row][group][half]);
                for n in 0..N {
                    sums[n][row][half] = _mm256_fmadd_ps(weights[n], x, sums[n][row][half]);
                }
            }
        }
    }
    let done = count * PARTIALS;
    let mut dots = [[0.0; N]; R];
    for (row, dots) in dots.iter_mut().enumerate() {
        for (n, dot) in dots.iter_mut().enumerate() {
            let mut sums = sums[n][row];
            if done < x[row].len() {
                add_rest(&mut sums, x[row], done, |k| at(weights[n], k));
            }
            *dot = fold(_mm256_add_ps(sums[0], sums[1]));
        }
    }
    dots
}

/// Adds the elements from `done` on to the first partial sums.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add_rest(sums: &mut [__m256; 2], x: &[f32], done: usize, at: impl Fn(usize) -> f32) {
    let mut partials = sums.map(|sum| lanes(sum));
    for (k, (partial, x)) in (done..).zip(partials.as_flattened_mut().iter_mut().zip(&x[done..])) {
        *partial = at(k).mul_add(*x, *partial);
    }
    *sums = partials.map(|partials| load(&partials));
}
