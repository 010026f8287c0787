//! Dot products of quantized weights, in tiles of eight outputs by up to four activation rows.
//!
//! ```text
//! for each sub-block of 32:
//!     unpack 8 outputs' codes and scales            once for all rows of the tile
//!     for each row:
//!         8 integer dot products -> one vector      lane = output
//!         sums[row] = fma(scales * row scale, dots, sums[row])
//! ```
//!
//! The lanes are outputs, so the float sums run over sub-blocks in the oracle's order.

use std::arch::x86_64::*;

use super::unpack::{self, Tile};
use super::vector::{LANES, fold, lanes, load, load_codes, prefetch, store_codes, sum_each};
use crate::layout::SUB_BLOCK;
use crate::quantize::{Quantized, QuantizedRow, block_scale};
use crate::{Format, Matrix};

/// Activation rows in a tile: their sums stay in registers, and unpacking is shared by four.
const ROWS: usize = 4;

/// See [`crate::table::Table::matmul_quantized`].
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn matmul(w: &Matrix<'_>, x: &Quantized, out: &mut [f32]) {
    let rows = x.rows();
    for (index, out) in out.chunks_mut(LANES * rows).enumerate() {
        let first = index * LANES;
        // The last tile may lack outputs: it computes its last one several times instead.
        let columns = std::array::from_fn(|c| w.row((first + c).min(w.rows() - 1)));
        // Once is enough: later rows, and the last tile, ask for what they have.
        let mut next = if first + LANES < w.rows() { w.row(first + LANES) } else { columns[0] };
        for t in (0..rows).step_by(ROWS) {
            let format = w.format();
            match rows - t {
                1 => tile::<1>(format, columns, next, x, t, out),
                2 => tile::<2>(format, columns, next, x, t, out),
                3 => tile::<3>(format, columns, next, x, t, out),
                _ => tile::<4>(format, columns, next, x, t, out),
            }
            next = columns[0];
        }
    }
}

/// Eight outputs of rows `t..t + R`; `out` is `[8, T]` or what of it the matrix has. `next` is where
/// the bytes to prefetch start.
#[target_feature(enable = "avx2,fma,f16c")]
fn tile<const R: usize>(
    format: Format,
    columns: [&[u8]; LANES],
    next: &[u8],
    x: &Quantized,
    t: usize,
    out: &mut [f32],
) {
    let rows: [QuantizedRow<'_>; R] = std::array::from_fn(|row| x.row(t + row));
    let sums = match format {
        Format::Q8_0 => dots(rows, unpack::q8_0::<R>(columns), next, step(Format::Q8_0)),
        Format::Q4_0 => dots(rows, unpack::q4_0::<R>(columns), next, step(Format::Q4_0)),
        Format::Q4K => dots(rows, unpack::q4_k::<R>(columns), next, step(Format::Q4K)),
        Format::Q5K => dots(rows, unpack::q5_k::<R>(columns), next, step(Format::Q5K)),
        Format::Q6K => dots(rows, unpack::q6_k::<R>(columns), next, step(Format::Q6K)),
        Format::F32 | Format::F16 | Format::BF16 => unreachable!("{format} is not quantized"),
    };
    for (row, sums) in sums.into_iter().enumerate() {
        let outputs = out.iter_mut().skip(t + row).step_by(x.rows());
        for (output, sum) in outputs.zip(lanes(sums)) {
            *output = sum;
        }
    }
}

/// Bytes that a tile reads for one sub-block.
const fn step(format: Format) -> usize {
    LANES * format.block_bytes() * SUB_BLOCK / format.block_len()
}

/// Eight outputs for each of `R` rows; `unpack` gives the outputs' sub-blocks, asked for in order.
///
/// The eight weight rows are streams too short for the processor to foresee, but the next tile's
/// lie right behind them: with each sub-block, as many bytes of it are prefetched as this one has.
/// From memory, that is worth a third of the time.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn dots<const R: usize>(
    rows: [QuantizedRow<'_>; R],
    mut unpack: impl FnMut(usize) -> Tile,
    next: &[u8],
    step: usize,
) -> [__m256; R] {
    let count = rows[0].codes.len();
    let rows = rows.map(|row| QuantizedRow {
        codes: &row.codes[..count],
        scales: &row.scales[..count],
        sums: &row.sums[..count],
    });
    let (mut sums, mut mins) = ([_mm256_setzero_ps(); R], [_mm256_setzero_ps(); R]);
    for index in 0..count {
        for line in (0..step).step_by(64) {
            prefetch(next, index * step + line);
        }
        let tile = unpack(index);
        for (row, (sum, min)) in rows.iter().zip(sums.iter_mut().zip(&mut mins)) {
            let codes = load_codes(&row.codes[index]);
            let products = std::array::from_fn(|c| products(&tile, c, codes));
            let dots = _mm256_cvtepi32_ps(sum_each(products));
            let scale = _mm256_set1_ps(row.scales[index]);
            *sum = _mm256_fmadd_ps(_mm256_mul_ps(tile.scales, scale), dots, *sum);
            if let Some(minima) = tile.minima {
                let code_sum = _mm256_set1_ps(row.sums[index]);
                *min = _mm256_fmadd_ps(_mm256_mul_ps(minima, scale), code_sum, *min);
            }
        }
    }
    for (sum, min) in sums.iter_mut().zip(mins) {
        *sum = _mm256_sub_ps(*sum, min);
    }
    sums
}

/// Eight partial integer sums of output `c` of the tile.
///
/// Pairs of products never saturate 16 bits: `2 * 128 * 127` signed, `2 * 31 * 127` unsigned.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn products(tile: &Tile, c: usize, codes: __m256i) -> __m256i {
    let weights = tile.codes[c];
    let pairs = if tile.minima.is_some() {
        _mm256_maddubs_epi16(weights, codes)
    } else {
        // The instruction wants one side unsigned: move the weights' signs to the codes.
        _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(codes, weights))
    };
    let factors = tile.inner.map_or_else(|| _mm256_set1_epi16(1), |inner| inner[c]);
    _mm256_madd_epi16(pairs, factors)
}

/// See [`Quantized`].
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn quantize_block(x: &[f32; SUB_BLOCK], codes: &mut [i8; SUB_BLOCK]) -> (f32, f32) {
    let quarters = x.as_chunks::<LANES>().0;
    let x: [__m256; 4] = std::array::from_fn(|quarter| load(&quarters[quarter]));
    let absmax = absmax(x);
    if !absmax.is_finite() {
        *codes = [0; SUB_BLOCK];
        return (f32::NAN, 0.0);
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
    let eighths = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    // Integers this small add exactly in any order.
    (scale, fold(_mm256_cvtepi32_ps(eighths)))
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
