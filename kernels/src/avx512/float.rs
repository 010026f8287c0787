//! Dot products of float weights, in tiles of outputs by activation rows: 16 elements at a time in a
//! vector, whose lanes are the partial sums of the canonical order.

use std::arch::x86_64::*;
use std::ops::Range;

use super::vector::{LANES, load, load_bytes, load_half_bytes, load_part, prefetch, store_part};
use crate::layout::field;
use crate::matmul::Columns;
use crate::packed::{PANEL, VECTOR};
use crate::scratch::with_floats;
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

/// Activations of one row that the nearest cache holds beside a stream of weights.
const NEAR: usize = 2048;

/// Four rows at a time, laid side by side so that they are one stream; the fewer rows, the more outputs
/// in a tile.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn by_rows<K: Kind>(w: &Matrix<'_>, outputs: Range<usize>, x: &[f32], out: &Columns<'_>) {
    for (index, x) in x.chunks(4 * w.cols()).enumerate() {
        let rows = Rows { x, first: 4 * index, cols: w.cols() };
        match x.len() / w.cols() {
            1 if index == 0 && x.len() <= NEAR => row::<K>(w, outputs.clone(), x, out),
            1 => by_outputs::<K, 1, 6>(w, outputs.clone(), rows, out),
            2 => by_outputs::<K, 2, 8>(w, outputs.clone(), rows, out),
            3 => by_outputs::<K, 3, 6>(w, outputs.clone(), rows, out),
            _ => by_outputs::<K, 4, 6>(w, outputs.clone(), rows, out),
        }
    }
}

/// One row, output after output: its weights come from memory, fastest as one stream.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn row<K: Kind>(w: &Matrix<'_>, outputs: Range<usize>, x: &[f32], out: &Columns<'_>) {
    const OUTPUTS: usize = 8;
    let (laid, _) = x.as_chunks::<LANES>();
    for n in outputs.clone().step_by(OUTPUTS) {
        let count = OUTPUTS.min(outputs.end - n);
        // The last ones may be fewer than eight: the very last is computed several times instead.
        let w = std::array::from_fn(|output| w.row(n + output.min(count - 1)));
        let partials = in_turn::<K, OUTPUTS>(w, laid);
        let [dots] = dots::<K, 1, OUTPUTS>([partials], w, [x]);
        out.store(0, n, &dots[..count]);
    }
}

/// The partial sums of all whole vectors. A function of its own, so that they stay in registers,
/// whatever becomes of them later.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn in_turn<K: Kind, const N: usize>(w: [&[u8]; N], x: &[[f32; LANES]]) -> [__m512; N] {
    let bytes = LANES * K::FORMAT.block_bytes();
    let mut sums = [_mm512_setzero_ps(); N];
    for (w, sum) in w.iter().zip(&mut sums) {
        let w = &w[..x.len() * bytes];
        for (group, x) in x.iter().enumerate() {
            *sum = _mm512_fmadd_ps(widen::<K>(w, group * bytes), load(x), *sum);
        }
    }
    sums
}

/// Activation rows from row `first` on.
#[derive(Clone, Copy)]
struct Rows<'a> {
    x: &'a [f32],
    first: usize,
    cols: usize,
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn by_outputs<K: Kind, const R: usize, const N: usize>(
    w: &Matrix<'_>,
    outputs: Range<usize>,
    rows: Rows<'_>,
    out: &Columns<'_>,
) {
    let x: [&[f32]; R] = std::array::from_fn(|row| &rows.x[row * rows.cols..][..rows.cols]);
    let whole = outputs.end - outputs.len() % N;
    with_floats(rows.cols / LANES * LANES * R, |laid| {
        let laid = laid.as_chunks_mut::<LANES>().0.as_chunks_mut::<R>().0;
        for (group, laid) in laid.iter_mut().enumerate() {
            for (row, laid) in laid.iter_mut().enumerate() {
                laid.copy_from_slice(&x[row][group * LANES..][..LANES]);
            }
        }
        for n in (outputs.start..whole).step_by(N) {
            // The first rows bring the weights; the processor does not see ahead of a memory page, which
            // may be as short as a row.
            let first = rows.first == 0;
            let ahead = if first { w.rows_from(n + N, outputs.end.min(n + 2 * N)) } else { &[] };
            let w = std::array::from_fn(|output| w.row(n + output));
            let partials = partials::<K, R, N>(w, ahead, laid);
            for (row, dots) in dots::<K, R, N>(partials, w, x).iter().enumerate() {
                out.store(rows.first + row, n, dots);
            }
        }
        for n in whole..outputs.end {
            let w = [w.row(n)];
            let partials = partials::<K, R, 1>(w, &[], laid);
            for (row, dots) in dots::<K, R, 1>(partials, w, x).iter().enumerate() {
                out.store(rows.first + row, n, dots);
            }
        }
    });
}

/// The canonical order of [`crate::scalar::dot`], for `N` outputs of `R` rows whose whole vectors are in
/// `partials`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn dots<K: Kind, const R: usize, const N: usize>(
    mut partials: [[__m512; N]; R],
    w: [&[u8]; N],
    x: [&[f32]; R],
) -> [[f32; N]; R] {
    let done = x[0].len() / LANES * LANES;
    if done < x[0].len() {
        let rest = w.map(|w| &w[done * K::FORMAT.block_bytes()..]);
        add_rest::<K, R, N>(&mut partials, rest, x.map(|x| &x[done..]));
    }
    let mut dots = [[0.0; N]; R];
    let vectors = partials.as_flattened().chunks(LANES);
    for (vectors, dots) in vectors.zip(dots.as_flattened_mut().chunks_mut(LANES)) {
        store_part(dots, fold(vectors));
    }
    dots
}

/// The partial sums of all whole vectors, all outputs at once; `ahead` is asked for meanwhile. A function
/// of its own as [`in_turn`] is.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn partials<K: Kind, const R: usize, const N: usize>(
    w: [&[u8]; N],
    ahead: &[u8],
    laid: &[[[f32; LANES]; R]],
) -> [[__m512; N]; R] {
    let bytes = LANES * K::FORMAT.block_bytes();
    let whole = w.map(|w| &w[..laid.len() * bytes]);
    let step = ahead.len() / laid.len().max(1);
    let mut sums = [[_mm512_setzero_ps(); R]; N];
    for (group, x) in laid.iter().enumerate() {
        for line in (0..step).step_by(VECTOR) {
            prefetch(ahead, group * step + line);
        }
        let weights: [__m512; N] = std::array::from_fn(|n| widen::<K>(whole[n], group * bytes));
        for row in 0..R {
            let x = load(&x[row]);
            for n in 0..N {
                sums[n][row] = _mm512_fmadd_ps(weights[n], x, sums[n][row]);
            }
        }
    }
    std::array::from_fn(|row| sums.map(|sums| sums[row]))
}

/// Adds the products of the last elements, fewer than a vector.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn add_rest<K: Kind, const R: usize, const N: usize>(
    partials: &mut [[__m512; N]; R],
    w: [&[u8]; N],
    x: [&[f32]; R],
) {
    let there = (1 << x[0].len()) - 1;
    for (n, w) in w.into_iter().enumerate() {
        let mut bytes = [0; VECTOR];
        bytes[..w.len()].copy_from_slice(w);
        let weights = widen::<K>(&bytes, 0);
        for (partials, x) in partials.iter_mut().zip(x) {
            partials[n] = _mm512_mask3_fmadd_ps(weights, load_part(x), partials[n], there);
        }
    }
}

/// The dot products of up to sixteen vectors of partial sums, in their order: of each, the upper half
/// onto the lower, four times, as the canonical order has it.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn fold(vectors: &[__m512]) -> __m512 {
    let vector = |at: usize| vectors.get(at).copied().unwrap_or_else(|| _mm512_setzero_ps());
    // Halves of two, then quarters of four: vectors `first`, 4, 8 and 12 further.
    let quarters = |first: usize| {
        let halves = [first, first + 8].map(|at| {
            let (a, b) = (vector(at), vector(at + 4));
            _mm512_add_ps(_mm512_shuffle_f32x4::<0x44>(a, b), _mm512_shuffle_f32x4::<0xee>(a, b))
        });
        let [a, b] = halves;
        _mm512_add_ps(_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0xdd>(a, b))
    };
    // Pairs of eight, then the sums of sixteen.
    let pairs = [0, 2].map(|first| {
        let (a, b) = (quarters(first), quarters(first + 1));
        _mm512_add_ps(_mm512_shuffle_ps::<0x44>(a, b), _mm512_shuffle_ps::<0xee>(a, b))
    });
    let [a, b] = pairs;
    _mm512_add_ps(_mm512_shuffle_ps::<0x88>(a, b), _mm512_shuffle_ps::<0xdd>(a, b))
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
