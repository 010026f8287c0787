//! Dot products of float weights, 32 elements at a time in eight vectors: the partial sums of the
//! canonical order are their lanes.

use std::arch::aarch64::*;
use std::ops::Range;

use super::vector::{LANES, load, load_bytes, load_half_bytes, store, widen};
use crate::matmul::Columns;
use crate::packed::PANEL;
use crate::scalar::{PARTIALS, fold, value};
use crate::{Format, Matrix};

/// Activation rows that share one reading of a weight row: three times eight sums fit the 32 registers
/// with the weights beside them.
const ROWS: usize = 3;

/// Vectors of partial sums.
const PARTS: usize = PARTIALS / LANES;

/// See [`crate::table::Table::matmul_float`].
#[target_feature(enable = "neon")]
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
#[target_feature(enable = "neon")]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let [dot] = strided_dots(bytemuck::cast_slice(b), [a], |bytes| floats(bytes), |k| b[k]);
    dot
}

/// Row `n` of `w` times each row of `x`.
#[target_feature(enable = "neon")]
fn dots<const R: usize>(w: &Matrix<'_>, n: usize, x: [&[f32]; R]) -> [f32; R] {
    let row = w.row(n);
    let at = |k| value(w.format(), row, k);
    match w.format() {
        Format::F32 => strided_dots(row, x, |bytes| floats(bytes), at),
        Format::F16 => strided_dots(row, x, |bytes| widen(bytes), at),
        Format::BF16 => strided_dots(row, x, |bytes| widen_bf16(bytes), at),
        Format::Q8_0 | Format::Q4_0 | Format::Q5_0 | Format::Q4K | Format::Q5K | Format::Q6K => {
            unreachable!("{} is not a float format", w.format())
        }
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn floats(bytes: &[u8; 16]) -> float32x4_t {
    vreinterpretq_f32_u8(load_bytes(bytes))
}

#[inline]
#[target_feature(enable = "neon")]
fn widen_bf16(bytes: &[u8; 8]) -> float32x4_t {
    vreinterpretq_f32_u32(vshll_n_u16::<16>(vreinterpret_u16_u8(load_half_bytes(bytes))))
}

/// The canonical order of [`crate::scalar::dot`] for `R` rows: `W` bytes hold four weights that
/// `widen` makes floats, `at` gives the single weights behind the last whole 32.
#[inline]
#[target_feature(enable = "neon")]
fn strided_dots<const W: usize, const R: usize>(
    weights: &[u8],
    x: [&[f32]; R],
    widen: impl Fn(&[u8; W]) -> float32x4_t,
    at: impl Fn(usize) -> f32,
) -> [f32; R] {
    let groups = weights.as_chunks::<W>().0.as_chunks::<PARTS>().0;
    let x_groups = x.map(|x| &x.as_chunks::<LANES>().0.as_chunks::<PARTS>().0[..groups.len()]);
    let mut sums = [[vdupq_n_f32(0.0); PARTS]; R];
    for (index, group) in groups.iter().enumerate() {
        for (part, weights) in group.iter().enumerate() {
            let weights = widen(weights);
            for (sums, x) in sums.iter_mut().zip(&x_groups) {
                sums[part] = vfmaq_f32(sums[part], weights, load(&x[index][part]));
            }
        }
    }
    let done = groups.len() * PARTIALS;
    let mut dots = [0.0; R];
    for ((dot, sums), x) in dots.iter_mut().zip(sums).zip(x) {
        let mut partials = [0.0; PARTIALS];
        for (partials, sum) in partials.as_chunks_mut().0.iter_mut().zip(sums) {
            store(partials, sum);
        }
        for ((k, x), partial) in (done..).zip(&x[done..]).zip(&mut partials) {
            *partial = at(k).mul_add(*x, *partial);
        }
        *dot = fold(&partials);
    }
    dots
}
