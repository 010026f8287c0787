//! Dot products of packed weights, in tiles of four outputs times up to four activation rows, several
//! tiles side by side.
//!
//! As in the wide tables, but all bytes are signed, as the instructions want them: codes without a sign
//! have at most six bits.

use std::arch::aarch64::*;
use std::ops::Range;

use super::attend::prefetch;
use super::integer::{add_products, untangle};
use super::unpack::{Head, Quarter, codes, inner};
use super::vector::{LANES, lanes, load, load_codes, store_codes};
use crate::layout::SUB_BLOCK;
use crate::matmul::Columns;
use crate::packed::kind::{Kind, Q4_0, Q4K, Q5_0, Q5K, Q6K, Q8_0};
use crate::packed::{PANEL, visits};
use crate::quantize::{Codes, Quantized, RowTile, block_scale};
use crate::{Format, Packed};

/// Activation rows that share one unpacking: their sums stay in registers.
const ROWS: usize = 4;

/// See [`crate::table::Table::matmul_packed`].
///
/// # Safety
///
/// The processor has the instructions `I`.
#[target_feature(enable = "neon")]
pub(super) unsafe fn matmul<const I: u8>(
    w: &Packed<'_>,
    panels: Range<usize>,
    x: &Quantized,
    out: &Columns<'_>,
) {
    let by_tiles = match w.format() {
        Format::Q8_0 => by_tiles::<Q8_0, I>,
        Format::Q4_0 => by_tiles::<Q4_0, I>,
        Format::Q5_0 => by_tiles::<Q5_0, I>,
        Format::Q4K => by_tiles::<Q4K, I>,
        Format::Q5K => by_tiles::<Q5K, I>,
        Format::Q6K => by_tiles::<Q6K, I>,
        Format::F32 | Format::F16 | Format::BF16 => unreachable!("{} is not packed", w.format()),
    };
    // SAFETY: the caller's promise.
    unsafe { by_tiles(w, panels, x, out) }
}

/// A loop over `0..Q`, with `Q` two or four, that is no loop in the program: the compiler would leave one
/// of this length, and then the sums, which it indexes, could not stay in registers.
macro_rules! unrolled {
    ($count:ident, |$q:ident| $body:block) => {{
        unrolled!($q = 0, $body);
        unrolled!($q = 1, $body);
        if $count == 4 {
            unrolled!($q = 2, $body);
            unrolled!($q = 3, $body);
        }
    }};
    ($q:ident = $value:literal, $body:block) => {{
        let $q: Quarter = $value;
        $body
    }};
}

/// # Safety
///
/// The processor has the instructions `I`.
#[target_feature(enable = "neon")]
unsafe fn by_tiles<K: Kind, const I: u8>(
    w: &Packed<'_>,
    panels: Range<usize>,
    x: &Quantized,
    out: &Columns<'_>,
) {
    for visit in visits(w, panels, x) {
        let (t, panel, tile) = (visit.row, visit.panel, x.tile(visit.row));
        prefetch(visit.ahead);
        let bytes = w.panel(panel);
        for first in (0..tile.rows).step_by(ROWS) {
            let mut store = |row: usize, quarter: Quarter, sums| {
                out.store(t + first + row, panel * PANEL + quarter * LANES, &lanes(sums));
            };
            // All of a panel at once where its sums fit the registers, else one half and the other.
            let dots = match tile.rows - first {
                1 => dots::<K, I, 1, 4>,
                2 => dots::<K, I, 2, 4>,
                3 => dots::<K, I, 3, 2>,
                _ => dots::<K, I, 4, 2>,
            };
            // SAFETY: the caller's promise.
            unsafe { dots(bytes, tile, first, &mut store) };
        }
    }
}

/// Sixteen outputs, `Q` quarters at a time, for the `R` rows of the tile from `first` on.
///
/// # Safety
///
/// The processor has the instructions `I`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn dots<K: Kind, const I: u8, const R: usize, const Q: usize>(
    panel: &[u8],
    tile: RowTile<'_>,
    first: usize,
    store: &mut impl FnMut(usize, Quarter, float32x4_t),
) {
    for quarter in (0..PANEL / LANES).step_by(Q) {
        let (mut sums, mut mins) = ([[vdupq_n_f32(0.0); R]; Q], [[vdupq_n_f32(0.0); R]; Q]);
        let mut at = first;
        for block in panel.chunks_exact(K::LAYOUT.block_bytes()) {
            let heads: [Head; Q] = std::array::from_fn(|q| Head::read::<K>(block, quarter + q));
            for sub in block[K::LAYOUT.head..].chunks_exact(K::LAYOUT.sub_bytes()) {
                let (codes, code_sums) = (rows::<_, R>(tile.codes, at), rows(tile.sums, at));
                let scales = rows::<_, R>(tile.scales, at);
                let weighted_sums = rows::<_, R>(tile.weighted_sums, at);
                unrolled!(Q, |q| {
                    // SAFETY: the caller's promise.
                    let dots =
                        unsafe { integer_dots::<K, I, R>(sub, quarter + q, codes, code_sums) };
                    let (factors, minima) = heads[q].of_sub::<K>(sub, quarter + q);
                    for row in 0..R {
                        let factors = vmulq_n_f32(factors, scales[row]);
                        sums[q][row] = vfmaq_f32(sums[q][row], factors, vcvtq_f32_s32(dots[row]));
                        if K::LAYOUT.minima {
                            mins[q][row] = vfmaq_n_f32(mins[q][row], minima, weighted_sums[row]);
                        }
                    }
                });
                at += tile.rows;
            }
        }
        for q in 0..Q {
            for (row, (sum, min)) in sums[q].into_iter().zip(mins[q]).enumerate() {
                let sum = if K::LAYOUT.minima { vsubq_f32(sum, min) } else { sum };
                store(row, quarter + q, sum);
            }
        }
    }
}

/// The fields of `R` rows of a sub-block, the first of which lie at `at`.
#[inline(always)]
fn rows<T, const R: usize>(fields: &[T], at: usize) -> &[T; R] {
    fields[at..]
        .first_chunk()
        .expect("the tile has these rows, and as many sub-blocks as the weights")
}

/// The integer dot products of one sub-block of four outputs.
///
/// # Safety
///
/// The processor has the instructions `I`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn integer_dots<K: Kind, const I: u8, const R: usize>(
    sub: &[u8],
    quarter: Quarter,
    rows: &[Codes; R],
    code_sums: &[[i32; 2]; R],
) -> [int32x4_t; R] {
    let weights = codes::<K>(sub, quarter);
    let rows = |half: usize| rows.each_ref().map(|codes| load_codes(&codes.as_chunks().0[half]));
    let [mut sums, mut second] = [[vdupq_n_s32(0); R]; 2];
    // SAFETY: the caller's promise.
    unsafe { add_products::<K, I, R>(&mut sums, &weights[0], rows(0)) };
    let rest = if K::INNER { &mut second } else { &mut sums };
    // SAFETY: the caller's promise.
    unsafe { add_products::<K, I, R>(rest, &weights[1], rows(1)) };
    if !K::INNER {
        finish::<K, I, R>(&mut sums, code_sums.map(|[first, second]| first + second));
        return sums;
    }
    finish::<K, I, R>(&mut sums, code_sums.map(|[first, _]| first));
    finish::<K, I, R>(&mut second, code_sums.map(|[_, second]| second));
    let scales = inner(sub, quarter);
    for (sum, second) in sums.iter_mut().zip(second) {
        *sum = vmlaq_s32(vmulq_s32(*sum, scales[0]), second, scales[1]);
    }
    sums
}

/// Makes lanes outputs and the sums those of codes that count from zero: what is stored counts from a
/// zero of its own.
#[inline]
#[target_feature(enable = "neon")]
fn finish<K: Kind, const I: u8, const R: usize>(sums: &mut [int32x4_t; R], code_sums: [i32; R]) {
    untangle::<I, R>(sums);
    for (sum, code_sum) in sums.iter_mut().zip(code_sums) {
        *sum = vsubq_s32(*sum, vdupq_n_s32(K::LAYOUT.zero * code_sum));
    }
}

/// See [`Quantized`].
#[target_feature(enable = "neon")]
pub(super) fn quantize_block(x: &[f32; SUB_BLOCK], codes: &mut Codes) -> (f32, [i32; 2]) {
    let parts = x.as_chunks::<LANES>().0;
    let x: [float32x4_t; SUB_BLOCK / LANES] = std::array::from_fn(|part| load(&parts[part]));
    // The bits of magnitudes order like the magnitudes, with infinity and then NaN on top.
    let largest = x.map(|x| vreinterpretq_u32_f32(vabsq_f32(x)));
    let largest = largest.into_iter().fold(vdupq_n_u32(0), |a, b| vmaxq_u32(a, b));
    let absmax = f32::from_bits(vmaxvq_u32(largest));
    if !absmax.is_finite() {
        *codes = Codes::default();
        return (f32::NAN, [0; 2]);
    }
    let (scale, inverse) = block_scale(absmax);
    // This conversion rounds half to even.
    let rounded = x.map(|x| vmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(x, inverse))));
    let mut sums = [0; 2];
    for (half, codes) in codes.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let eight = |at: usize| vmovn_s16(vcombine_s16(rounded[at], rounded[at + 1]));
        let sixteen = vcombine_s8(eight(half * 4), eight(half * 4 + 2));
        store_codes(codes, sixteen);
        sums[half] = i32::from(vaddlvq_s8(sixteen));
    }
    (scale, sums)
}
