//! Dot products of float weights, 16 elements at a time in two vectors: the partial sums of the
//! canonical order are their lanes.

use std::arch::x86_64::*;
use std::ops::Range;

use super::vector::{LANES, fold, lanes, load, load_bytes, load_half_bytes, prefetch};
use crate::matmul::Columns;
use crate::packed::{PANEL, VECTOR};
use crate::scalar::{PARTIALS, value};
use crate::{Format, Matrix};

/// See [`crate::table::Table::matmul_float`].
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn matmul(w: &Matrix<'_>, panels: Range<usize>, x: &[f32], out: &Columns<'_>) {
    let outputs = panels.start * PANEL..w.rows().min(panels.end * PANEL);
    for (index, x) in x.chunks(2 * w.cols()).enumerate() {
        let rows = Rows { x, first: 2 * index };
        // The twelve sums of either tile leave room for the weights.
        match x.len() / w.cols() {
            1 => by_outputs::<1, 6>(w, outputs.clone(), rows, out),
            _ => by_outputs::<2, 3>(w, outputs.clone(), rows, out),
        }
    }
}

/// Activation rows from row `first` on.
#[derive(Clone, Copy)]
struct Rows<'a> {
    x: &'a [f32],
    first: usize,
}

#[target_feature(enable = "avx2,fma,f16c")]
fn by_outputs<const R: usize, const N: usize>(
    w: &Matrix<'_>,
    outputs: Range<usize>,
    rows: Rows<'_>,
    out: &Columns<'_>,
) {
    let x: [&[f32]; R] = std::array::from_fn(|row| &rows.x[row * w.cols()..][..w.cols()]);
    for n in outputs.clone().step_by(N) {
        let count = N.min(outputs.end - n);
        // The last tile may lack outputs: it computes its last one several times instead.
        let tile = std::array::from_fn(|output| w.row(n + output.min(count - 1)));
        // The first rows bring the weights from memory; the processor sees several rows apart too late.
        let first = rows.first == 0;
        let ahead = if first { w.rows_from(n + N, outputs.end.min(n + 2 * N)) } else { &[] };
        for (row, dots) in dots::<R, N>(w.format(), tile, ahead, x).iter().enumerate() {
            out.store(rows.first + row, n, &dots[..count]);
        }
    }
}

/// Dot product of two vectors of one length.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let widen = |bytes: &[u8; 32]| _mm256_castsi256_ps(load_bytes(bytes));
    let [[dot]] = strided_dots([bytemuck::cast_slice(b)], &[], [a], widen, |_, k| b[k]);
    dot
}

/// Rows of weights times rows of `x`; `ahead` is asked for meanwhile.
#[target_feature(enable = "avx2,fma,f16c")]
fn dots<const R: usize, const N: usize>(
    format: Format,
    w: [&[u8]; N],
    ahead: &[u8],
    x: [&[f32]; R],
) -> [[f32; N]; R] {
    let at = |row: &[u8], k| value(format, row, k);
    match format {
        Format::F32 => {
            strided_dots(w, ahead, x, |bytes: &[u8; 32]| _mm256_castsi256_ps(load_bytes(bytes)), at)
        }
        Format::F16 => strided_dots(
            w,
            ahead,
            x,
            |bytes: &[u8; 16]| _mm256_cvtph_ps(load_half_bytes(bytes)),
            at,
        ),
        Format::BF16 => strided_dots(w, ahead, x, |bytes: &[u8; 16]| widen_bf16(bytes), at),
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
    ahead: &[u8],
    x: [&[f32]; R],
    widen: impl Fn(&[u8; W]) -> __m256,
    at: impl Fn(&[u8], usize) -> f32,
) -> [[f32; N]; R] {
    let count = x[0].len() / PARTIALS;
    let groups = weights.map(|w| &w.as_chunks::<W>().0.as_chunks::<2>().0[..count]);
    let x_groups = x.map(|x| &x.as_chunks::<LANES>().0.as_chunks::<2>().0[..count]);
    let mut sums = [[[_mm256_setzero_ps(); 2]; R]; N];
    let step = ahead.len() / count.max(1);
    for group in 0..count {
        for line in (0..step).step_by(VECTOR) {
            prefetch(ahead, group * step + line);
        }
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
