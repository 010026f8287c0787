//! Dot products of float weights, in tiles of outputs by activation rows: 32 elements at a time in
//! two vectors, whose lanes are the partial sums of the canonical order.

use std::arch::x86_64::*;
use std::ops::Range;

use super::vector::{LANES, lanes, load, load_bytes, load_half_bytes, prefetch};
use crate::layout::field;
use crate::matmul::Columns;
use crate::packed::{PANEL, VECTOR};
use crate::scalar::{PARTIALS, fold, value};
use crate::{Format, Matrix};

/// A float format, known when the functions of this table are compiled.
trait Kind {
    const FORMAT: Format;
}

macro_rules! kinds {
    ($($kind:ident)*) => {$(
        struct $kind;
        impl Kind for $kind {
            const FORMAT: Format = Format::$kind;
        }
    )*};
}
kinds!(F32 F16 BF16);

/// See [`crate::table::Table::matmul_float`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn matmul(w: &Matrix<'_>, panels: Range<usize>, x: &[f32], out: &Columns<'_>) {
    let outputs = panels.start * PANEL..w.rows().min(panels.end * PANEL);
    match w.format() {
        Format::F32 => by_rows::<F32>(w, outputs, x, out),
        Format::F16 => by_rows::<F16>(w, outputs, x, out),
        Format::BF16 => by_rows::<BF16>(w, outputs, x, out),
        Format::Q8_0 | Format::Q4_0 | Format::Q5_0 | Format::Q4K | Format::Q5K | Format::Q6K => {
            unreachable!("{} is not a float format", w.format())
        }
    }
}

/// Four rows at a time; the fewer rows, the more outputs in a tile: 24 of the 32 registers hold sums,
/// or, for one row, 8, because rows of a power of two in length would otherwise crowd each other out
/// of the first cache.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn by_rows<K: Kind>(w: &Matrix<'_>, outputs: Range<usize>, x: &[f32], out: &Columns<'_>) {
    for (index, x) in x.chunks(4 * w.cols()).enumerate() {
        let t = 4 * index;
        match x.len() / w.cols() {
            1 => by_outputs::<K, 1, 4>(w, outputs.clone(), x, t, out),
            2 => by_outputs::<K, 2, 6>(w, outputs.clone(), x, t, out),
            3 => by_outputs::<K, 3, 4>(w, outputs.clone(), x, t, out),
            _ => by_outputs::<K, 4, 3>(w, outputs.clone(), x, t, out),
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn by_outputs<K: Kind, const R: usize, const N: usize>(
    w: &Matrix<'_>,
    outputs: Range<usize>,
    x: &[f32],
    t: usize,
    out: &Columns<'_>,
) {
    let x: [&[f32]; R] = std::array::from_fn(|row| &x[row * w.cols()..][..w.cols()]);
    let whole = outputs.start..outputs.end - outputs.len() % N;
    for n in whole.clone().step_by(N) {
        // The first rows to come bring the weights; the processor does not see ahead of a memory page,
        // which may be as short as a row.
        let ahead = if t == 0 { w.rows_from(n + N, outputs.end.min(n + 2 * N)) } else { &[] };
        let dots = dots::<K, R, N>(std::array::from_fn(|output| w.row(n + output)), ahead, x);
        for (row, dots) in dots.iter().enumerate() {
            out.store(t + row, n, dots);
        }
    }
    for n in whole.end..outputs.end {
        for (row, dots) in dots::<K, R, 1>([w.row(n)], &[], x).iter().enumerate() {
            out.store(t + row, n, dots);
        }
    }
}

/// The canonical order of [`crate::scalar::dot`], for `N` outputs of `R` rows; `ahead` is asked for
/// meanwhile.
#[expect(clippy::needless_range_loop, reason = "several arrays share each index")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn dots<K: Kind, const R: usize, const N: usize>(
    w: [&[u8]; N],
    ahead: &[u8],
    x: [&[f32]; R],
) -> [[f32; N]; R] {
    let element = K::FORMAT.block_bytes();
    let groups = x[0].len() / PARTIALS;
    let w_groups = w.map(|w| &w[..groups * PARTIALS * element]);
    let x_groups = x.map(|x| &x.as_chunks::<LANES>().0.as_chunks::<2>().0[..groups]);
    let mut sums = [[[_mm512_setzero_ps(); 2]; R]; N];
    let step = ahead.len() / groups.max(1);
    for group in 0..groups {
        for line in (0..step).step_by(VECTOR) {
            prefetch(ahead, group * step + line);
        }
        for half in 0..2 {
            let at = (group * PARTIALS + half * LANES) * element;
            let weights: [__m512; N] = std::array::from_fn(|n| widen::<K>(w_groups[n], at));
            for row in 0..R {
                let x = load(&x_groups[row][group][half]);
                for n in 0..N {
                    sums[n][row][half] = _mm512_fmadd_ps(weights[n], x, sums[n][row][half]);
                }
            }
        }
    }
    let mut dots = [[0.0; N]; R];
    for (row, dots) in dots.iter_mut().enumerate() {
        for (n, dot) in dots.iter_mut().enumerate() {
            let [low, high] = sums[n][row].map(|sums| lanes(sums));
            let mut partials = [0.0; PARTIALS];
            partials[..LANES].copy_from_slice(&low);
            partials[LANES..].copy_from_slice(&high);
            for (k, partial) in (groups * PARTIALS..x[row].len()).zip(&mut partials) {
                *partial = value(K::FORMAT, w[n], k).mul_add(x[row][k], *partial);
            }
            *dot = fold(&partials);
        }
    }
    dots
}

/// Sixteen weights from byte `at` on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn widen<K: Kind>(row: &[u8], at: usize) -> __m512 {
    match K::FORMAT {
        Format::F32 => _mm512_castsi512_ps(load_bytes(field(row, at))),
        Format::F16 => _mm512_cvtph_ps(load_half_bytes(field(row, at))),
        Format::BF16 => {
            let wide = _mm512_cvtepu16_epi32(load_half_bytes(field(row, at)));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(wide))
        }
        Format::Q8_0 | Format::Q4_0 | Format::Q5_0 | Format::Q4K | Format::Q5K | Format::Q6K => {
            unreachable!("no float format")
        }
    }
}
