//! Dot products of packed weights, in tiles of sixteen outputs by up to eight activation rows.
//!
//! ```text
//! for each sub-block of 32 inputs:
//!     unpack the codes, group by group              once for all rows of the tile
//!     for each row: add 16 x 4 products             lane = output
//!     sums[row] = fma(scales * row scale, dots, sums[row])
//! ```
//!
//! The instruction multiplies unsigned codes with signed ones, so weights are moved up by a constant,
//! and each row begins at minus that constant times the sum of its codes.

use std::arch::x86_64::*;
use std::ops::Range;

use super::unpack::{Head, Unsigned, groups, inner};
use super::vector::{lanes, prefetch};
use crate::matmul::Columns;
use crate::packed::kind::{Kind, Q4_0, Q4K, Q5_0, Q5K, Q6K, Q8_0};
use crate::packed::{PANEL, VECTOR, visits};
use crate::quantize::{Codes, Quantized, RowTile};
use crate::{Format, Packed};

/// See [`crate::table::Table::matmul_packed`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn matmul(w: &Packed<'_>, panels: Range<usize>, x: &Quantized, out: &Columns<'_>) {
    match w.format() {
        Format::Q8_0 => by_tiles::<Q8_0>(w, panels, x, out),
        Format::Q4_0 => by_tiles::<Q4_0>(w, panels, x, out),
        Format::Q5_0 => by_tiles::<Q5_0>(w, panels, x, out),
        Format::Q4K => by_tiles::<Q4K>(w, panels, x, out),
        Format::Q5K => by_tiles::<Q5K>(w, panels, x, out),
        Format::Q6K => by_tiles::<Q6K>(w, panels, x, out),
        Format::F32 | Format::F16 | Format::BF16 => unreachable!("{} is not packed", w.format()),
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn by_tiles<K: Kind>(w: &Packed<'_>, panels: Range<usize>, x: &Quantized, out: &Columns<'_>) {
    for visit in visits(w, panels, x) {
        let (t, panel) = (visit.row, visit.panel);
        let mut store = |row: usize, sums| out.store(t + row, panel * PANEL, &lanes(sums));
        let (bytes, ahead, rows) = (w.panel(panel), visit.ahead, x.tile(t));
        match rows.rows {
            1 => dots::<K, 1>(bytes, ahead, rows, &mut store),
            2 => dots::<K, 2>(bytes, ahead, rows, &mut store),
            3 => dots::<K, 3>(bytes, ahead, rows, &mut store),
            4 => dots::<K, 4>(bytes, ahead, rows, &mut store),
            5 => dots::<K, 5>(bytes, ahead, rows, &mut store),
            6 => dots::<K, 6>(bytes, ahead, rows, &mut store),
            7 => dots::<K, 7>(bytes, ahead, rows, &mut store),
            _ => dots::<K, 8>(bytes, ahead, rows, &mut store),
        }
    }
}

/// Sixteen outputs for each of `R` rows; `ahead` is asked for meanwhile.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn dots<K: Kind, const R: usize>(
    panel: &[u8],
    ahead: &[u8],
    x: RowTile<'_>,
    store: &mut impl FnMut(usize, __m512),
) {
    let (mut sums, mut mins) = ([_mm512_setzero_ps(); R], [_mm512_setzero_ps(); R]);
    let step = ahead.len() * R / x.codes.len();
    let mut asked = 0;
    let codes = x.codes.as_chunks::<R>().0.chunks_exact(K::LAYOUT.subs);
    let code_sums = x.sums.as_chunks::<R>().0.chunks_exact(K::LAYOUT.subs);
    let scales = x.scales.as_chunks::<R>().0.chunks_exact(K::LAYOUT.subs);
    let weighted = x.weighted_sums.as_chunks::<R>().0.chunks_exact(K::LAYOUT.subs);
    let rows = codes.zip(code_sums).zip(scales.zip(weighted));
    for (block, ((codes, code_sums), (scales, weighted))) in
        panel.chunks_exact(K::LAYOUT.block_bytes()).zip(rows)
    {
        let head = Head::read::<K>(block);
        let subs = block[K::LAYOUT.head..].chunks_exact(K::LAYOUT.sub_bytes());
        let rows = codes.iter().zip(code_sums).zip(scales.iter().zip(weighted));
        for (sub, ((codes, code_sums), (scales, weighted))) in subs.zip(rows) {
            for line in (0..step).step_by(VECTOR) {
                prefetch(ahead, asked + line);
            }
            asked += step;
            let dots = integer_dots::<K, R>(sub, codes, code_sums);
            let (factors, minima) = head.of_sub::<K>(sub);
            for row in 0..R {
                let factors = _mm512_mul_ps(factors, _mm512_set1_ps(scales[row]));
                sums[row] = _mm512_fmadd_ps(factors, _mm512_cvtepi32_ps(dots[row]), sums[row]);
                if K::LAYOUT.minima {
                    mins[row] = _mm512_fmadd_ps(minima, _mm512_set1_ps(weighted[row]), mins[row]);
                }
            }
        }
    }
    for (row, (sum, min)) in sums.into_iter().zip(mins).enumerate() {
        store(row, if K::LAYOUT.minima { _mm512_sub_ps(sum, min) } else { sum });
    }
}

/// The integer dot products of one sub-block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn integer_dots<K: Kind, const R: usize>(
    sub: &[u8],
    codes: &[Codes; R],
    sums: &[[i32; 2]; R],
) -> [__m512i; R] {
    // The halves have sums of their own where their scales differ, and where there are registers for
    // it: two short chains of instructions take less time than a long one.
    let halves = K::INNER || R <= 4;
    let mut first = sums.map(|[first, second]| {
        _mm512_set1_epi32(-K::ADDED * if halves { first } else { first + second })
    });
    let mut second = sums.map(|[_, second]| _mm512_set1_epi32(-K::ADDED * second));
    for j in 0..4 {
        let [low, high] = groups::<K>(sub, j);
        for row in 0..R {
            first[row] = _mm512_dpbusd_epi32(first[row], low, _mm512_set1_epi32(codes[row][j]));
            let second = if halves { &mut second[row] } else { &mut first[row] };
            *second = _mm512_dpbusd_epi32(*second, high, _mm512_set1_epi32(codes[row][j + 4]));
        }
    }
    if K::INNER {
        let scales = inner(sub);
        for (first, second) in first.iter_mut().zip(second) {
            let scaled = _mm512_mullo_epi32(*first, scales[0]);
            *first = _mm512_add_epi32(scaled, _mm512_mullo_epi32(second, scales[1]));
        }
    } else if halves {
        for (first, second) in first.iter_mut().zip(second) {
            *first = _mm512_add_epi32(*first, second);
        }
    }
    first
}
