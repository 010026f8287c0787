//! Dot products of packed weights, in tiles of eight outputs by up to four activation rows.
//!
//! As in the wider table, but for the products: the instruction of these processors adds two products
//! of an unsigned and a signed byte in 16 bits, and saturates. Nibbles leave room for the sum of a
//! whole sub-block, five bits for half of one, six for two groups. Whole bytes take their signs off
//! the weights and put them on the activations instead.
//!
//! AVX-VNNI adds four products in 32 bits with one instruction; all else is the same. That instruction
//! has run on no processor yet: tests run the same code with its twin of AVX-512, whose encoding alone
//! differs.

use std::arch::asm;
use std::arch::x86_64::*;
use std::ops::Range;

use super::unpack::{Half, Head, Sums, codes, inner};
use super::vector::{LANES, lanes, load, prefetch, store_codes, sum_halves};
use crate::layout::SUB_BLOCK;
use crate::matmul::Columns;
use crate::packed::kind::{Kind, Q4_0, Q4K, Q5_0, Q5K, Q6K, Q8_0};
use crate::packed::{GROUP, PANEL, VECTOR, visits};
use crate::quantize::{Codes, Quantized, RowTile, block_scale};
use crate::{Format, Packed};

/// Activation rows that share one unpacking: their sums stay in registers.
const ROWS: usize = 4;

/// How bytes are multiplied and added: in two steps, by AVX-VNNI, or by AVX-512 VNNI. Tables have
/// functions made for one of these only where the processor has it.
pub(super) const TWO_STEPS: u8 = 0;
pub(super) const VEX: u8 = 1;
#[cfg(test)]
pub(super) const EVEX: u8 = 2;

/// Groups of four inputs in a sub-block.
const GROUPS: usize = SUB_BLOCK / GROUP;

/// See [`crate::table::Table::matmul_packed`].
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn matmul<const I: u8>(
    w: &Packed<'_>,
    panels: Range<usize>,
    x: &Quantized,
    out: &Columns<'_>,
) {
    match w.format() {
        Format::Q8_0 => by_tiles::<Q8_0, I>(w, panels, x, out),
        Format::Q4_0 => by_tiles::<Q4_0, I>(w, panels, x, out),
        Format::Q5_0 => by_tiles::<Q5_0, I>(w, panels, x, out),
        Format::Q4K => by_tiles::<Q4K, I>(w, panels, x, out),
        Format::Q5K => by_tiles::<Q5K, I>(w, panels, x, out),
        Format::Q6K => by_tiles::<Q6K, I>(w, panels, x, out),
        Format::F32 | Format::F16 | Format::BF16 => unreachable!("{} is not packed", w.format()),
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn by_tiles<K: Kind, const I: u8>(
    w: &Packed<'_>,
    panels: Range<usize>,
    x: &Quantized,
    out: &Columns<'_>,
) {
    for visit in visits(w, panels, x) {
        let (t, panel, tile) = (visit.row, visit.panel, x.tile(visit.row));
        let (bytes, ahead) = (w.panel(panel), visit.ahead);
        for first in (0..tile.rows).step_by(ROWS) {
            let mut store = |row: usize, half: usize, sums| {
                out.store(t + first + row, panel * PANEL + half * LANES, &lanes(sums));
            };
            // Asking once is enough.
            let ahead = if first == 0 { ahead } else { &[] };
            match tile.rows - first {
                1 => dots::<K, I, 1, 2>(bytes, ahead, tile, first, 0, &mut store),
                2 => dots::<K, I, 2, 2>(bytes, ahead, tile, first, 0, &mut store),
                3 => {
                    dots::<K, I, 3, 1>(bytes, ahead, tile, first, 0, &mut store);
                    dots::<K, I, 3, 1>(bytes, &[], tile, first, 1, &mut store);
                }
                _ => {
                    dots::<K, I, 4, 1>(bytes, ahead, tile, first, 0, &mut store);
                    dots::<K, I, 4, 1>(bytes, &[], tile, first, 1, &mut store);
                }
            }
        }
    }
}

/// Eight outputs of each of `H` halves of a panel from `half` on, for the `R` rows of the tile from
/// `first` on; `ahead` is asked for meanwhile.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn dots<K: Kind, const I: u8, const R: usize, const H: usize>(
    panel: &[u8],
    ahead: &[u8],
    tile: RowTile<'_>,
    first: usize,
    half: Half,
    store: &mut impl FnMut(usize, usize, __m256),
) {
    let (mut sums, mut mins) = ([[_mm256_setzero_ps(); R]; H], [[_mm256_setzero_ps(); R]; H]);
    let step = ahead.len() * tile.rows / tile.codes.len();
    let mut asked = 0;
    let mut codes = tile.codes.chunks_exact(tile.rows);
    let mut scales = tile.scales.chunks_exact(tile.rows);
    let mut code_sums = tile.sums.chunks_exact(tile.rows);
    let mut weighted_sums = tile.weighted_sums.chunks_exact(tile.rows);
    for block in panel.chunks_exact(K::LAYOUT.block_bytes()) {
        let heads: [Head; H] = std::array::from_fn(|h| Head::read::<K>(block, half + h));
        for sub in block[K::LAYOUT.head..].chunks_exact(K::LAYOUT.sub_bytes()) {
            for line in (0..step).step_by(VECTOR) {
                prefetch(ahead, asked + line);
            }
            asked += step;
            let codes = rows::<_, R>(codes.next(), first);
            let scales = rows::<_, R>(scales.next(), first);
            let code_sums = rows::<_, R>(code_sums.next(), first);
            let weighted_sums = rows::<_, R>(weighted_sums.next(), first);
            for h in 0..H {
                let dots = integer_dots::<K, I, R>(sub, half + h, codes, code_sums);
                let (factors, minima) = heads[h].of_sub::<K>(sub, half + h);
                for row in 0..R {
                    let factors = _mm256_mul_ps(factors, _mm256_set1_ps(scales[row]));
                    let dots = _mm256_cvtepi32_ps(dots[row]);
                    sums[h][row] = _mm256_fmadd_ps(factors, dots, sums[h][row]);
                    if K::LAYOUT.minima {
                        let sum = _mm256_set1_ps(weighted_sums[row]);
                        mins[h][row] = _mm256_fmadd_ps(minima, sum, mins[h][row]);
                    }
                }
            }
        }
    }
    for h in 0..H {
        for (row, (sum, min)) in sums[h].into_iter().zip(mins[h]).enumerate() {
            let sum = if K::LAYOUT.minima { _mm256_sub_ps(sum, min) } else { sum };
            store(row, half + h, sum);
        }
    }
}

/// Rows `first..first + R` of a sub-block's fields.
#[inline(always)]
fn rows<T, const R: usize>(fields: Option<&[T]>, first: usize) -> &[T; R] {
    let fields = fields.expect("weights and activations have as many sub-blocks");
    fields[first..].first_chunk().expect("the tile has these rows")
}

/// The integer dot products of one sub-block of eight outputs.
#[expect(clippy::needless_range_loop, reason = "several arrays share each index")]
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn integer_dots<K: Kind, const I: u8, const R: usize>(
    sub: &[u8],
    half: Half,
    rows: &[Codes; R],
    code_sums: &[[i32; 2]; R],
) -> [__m256i; R] {
    // Weights count from a zero of their own: what that adds is taken off at the beginning.
    let begin = |sum: i32| _mm256_set1_epi32(-K::LAYOUT.zero * sum);
    let mut sums = code_sums.map(|[a, b]| begin(if K::INNER { a } else { a + b }));
    let mut first = sums;
    let mut pairs = [_mm256_setzero_si256(); R];
    for group in 0..GROUPS {
        let weights = codes::<K>(sub, half, group);
        for row in 0..R {
            let codes = _mm256_set1_epi32(rows[row][group]);
            let (weights, codes) = signs_on_codes::<K>(weights, codes);
            if I != TWO_STEPS {
                sums[row] = add_dots::<I>(sums[row], weights, codes);
                continue;
            }
            let products = _mm256_maddubs_epi16(weights, codes);
            pairs[row] = _mm256_add_epi16(pairs[row], products);
            if (group + 1).is_multiple_of(K::GROUPS_IN_16_BITS) {
                let fours = _mm256_madd_epi16(pairs[row], _mm256_set1_epi16(1));
                sums[row] = _mm256_add_epi32(sums[row], fours);
                pairs[row] = _mm256_setzero_si256();
            }
        }
        if K::INNER && group + 1 == GROUPS / 2 {
            first = std::mem::replace(&mut sums, code_sums.map(|[_, second]| begin(second)));
        }
    }
    if K::INNER {
        let scales = inner(sub, half);
        for (sum, first) in sums.iter_mut().zip(first) {
            let first = _mm256_mullo_epi32(first, scales[0]);
            *sum = _mm256_add_epi32(first, _mm256_mullo_epi32(*sum, scales[1]));
        }
    }
    sums
}

/// The factors of the same products, the weights without a sign.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn signs_on_codes<K: Kind>(weights: __m256i, codes: __m256i) -> (__m256i, __m256i) {
    if K::BYTES {
        // A weight of -128 stays -128, which as an unsigned byte is right. 2 * 128 * 127 fits 16 bits.
        (_mm256_abs_epi8(weights), _mm256_sign_epi8(codes, weights))
    } else {
        (weights, codes)
    }
}

/// Adds four products in each lane.
///
/// As assembly, because a function that names the feature could not be inlined into the code that all
/// instructions share.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add_dots<const I: u8>(mut sums: __m256i, weights: __m256i, codes: __m256i) -> __m256i {
    #[cfg(test)]
    if I == EVEX {
        // SAFETY: see `TWO_STEPS`; no memory is touched.
        unsafe {
            asm!(
                "{{evex}} vpdpbusd {}, {}, {}",
                inout(ymm_reg) sums,
                in(ymm_reg) weights,
                in(ymm_reg) codes,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        return sums;
    }
    // SAFETY: see `TWO_STEPS`; no memory is touched.
    unsafe {
        asm!(
            "{{vex}} vpdpbusd {}, {}, {}",
            inout(ymm_reg) sums,
            in(ymm_reg) weights,
            in(ymm_reg) codes,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

/// See [`Quantized`].
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn quantize_block(x: &[f32; SUB_BLOCK], codes: &mut Codes) -> (f32, [i32; 2]) {
    let quarters = x.as_chunks::<LANES>().0;
    let x: [__m256; 4] = std::array::from_fn(|quarter| load(&quarters[quarter]));
    let absmax = absmax(x);
    if !absmax.is_finite() {
        *codes = Codes::default();
        return (f32::NAN, [0; 2]);
    }
    let (scale, inverse) = block_scale(absmax);
    let inverse = _mm256_set1_ps(inverse);
    // This conversion rounds half to even.
    let rounded = x.map(|x| _mm256_cvtps_epi32(_mm256_mul_ps(x, inverse)));
    let low = _mm256_packs_epi32(rounded[0], rounded[1]);
    let packed = _mm256_packs_epi16(low, _mm256_packs_epi32(rounded[2], rounded[3]));
    // Packing works within 128-bit halves: put the runs of four back in order.
    let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    let packed = _mm256_permutevar8x32_epi32(packed, order);
    store_codes(codes, packed);
    let pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), packed);
    (scale, sum_halves(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1))))
}

/// The largest magnitude; the bits of magnitudes order like the magnitudes, NaN on top.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn absmax(x: [__m256; 4]) -> f32 {
    let magnitude = _mm256_set1_epi32(i32::MAX);
    let bits = x.map(|x| _mm256_and_si256(_mm256_castps_si256(x), magnitude));
    let max =
        _mm256_max_epi32(_mm256_max_epi32(bits[0], bits[1]), _mm256_max_epi32(bits[2], bits[3]));
    let max = _mm_max_epi32(_mm256_castsi256_si128(max), _mm256_extracti128_si256::<1>(max));
    let max = _mm_max_epi32(max, _mm_shuffle_epi32::<0b01_00_11_10>(max));
    let max = _mm_max_epi32(max, _mm_shuffle_epi32::<0b10_11_00_01>(max));
    f32::from_bits(_mm_cvtsi128_si32(max).cast_unsigned())
}
