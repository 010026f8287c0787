//! The codecs of hidden states: the oracle's lines, compiled for this table's instructions, which
//! convert half precision besides.

use std::arch::x86_64::*;

use super::vector::{LANES, lanes, load, load_half_bytes};
use crate::wire::int4::{BLOCK, Packed};
use crate::wire::{Level, RowFault, Steps, float, int4, int8, scaled};

pub(super) static STEPS: Steps = Steps {
    // SAFETY: this table is given out only where the processor has the features; so below.
    encode_f16: |row, bytes| unsafe { encode_f16(row, bytes) },
    // SAFETY: as above.
    decode_f16: |bytes, row| unsafe { decode_f16(bytes, row) },
    // SAFETY: as above.
    encode_int8: |row, bytes| unsafe { encode_int8(row, bytes) },
    // SAFETY: as above.
    decode_int8: |bytes, row| unsafe { decode_int8(bytes, row) },
    // SAFETY: as above.
    encode_int4: |row, bytes| unsafe { encode_int4(row, bytes) },
    // SAFETY: as above.
    decode_int4: |bytes, row| unsafe { decode_int4(bytes, row) },
    // SAFETY: as above.
    encode_scaled: |row, level, scales, bytes| unsafe { encode_scaled(row, level, scales, bytes) },
    // SAFETY: as above.
    decode_scaled: |bytes, level, scales, row| unsafe { decode_scaled(bytes, level, scales, row) },
};

#[target_feature(enable = "avx2,fma,f16c")]
fn encode_f16(row: &[f32], bytes: &mut Vec<u8>) {
    float::encode_f16(row, bytes, |x| narrow(x));
}

#[target_feature(enable = "avx2,fma,f16c")]
fn decode_f16<'a>(bytes: &'a [u8], row: &mut [f32]) -> Result<&'a [u8], RowFault> {
    float::decode_f16(bytes, row, |halves| lanes(_mm256_cvtph_ps(load_half_bytes(halves))))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn narrow(x: &[f32; LANES]) -> [u16; LANES] {
    bytemuck::cast(_mm256_cvtps_ph::<{ _MM_FROUND_TO_NEAREST_INT }>(load(x)))
}

#[target_feature(enable = "avx2,fma,f16c")]
fn encode_int8(row: &[f32], bytes: &mut Vec<u8>) {
    int8::encode_row(row, bytes);
}

#[target_feature(enable = "avx2,fma,f16c")]
fn decode_int8<'a>(bytes: &'a [u8], row: &mut [f32]) -> Result<&'a [u8], RowFault> {
    int8::decode_row(bytes, row)
}

#[target_feature(enable = "avx2,fma,f16c")]
fn encode_int4(row: &[f32], bytes: &mut Vec<u8>) {
    int4::encode_row(row, bytes, |block, limit| pack(block, limit));
}

#[target_feature(enable = "avx2,fma,f16c")]
fn decode_int4<'a>(bytes: &'a [u8], row: &mut [f32]) -> Result<&'a [u8], RowFault> {
    int4::decode_row(bytes, row, |packed| unpack(packed))
}

/// See [`int4::pack`].
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn pack(block: &[f32; BLOCK], limit: f32) -> Packed {
    let magnitude = |x| _mm256_andnot_ps(_mm256_set1_ps(-0.0), x);
    let inlier = |x| _mm256_cmp_ps::<_CMP_LE_OQ>(magnitude(x), _mm256_set1_ps(limit));
    let block: [__m256; 4] = std::array::from_fn(|i| {
        let x = load(&block.as_chunks().0[i]);
        _mm256_and_ps(x, inlier(x))
    });
    let block = rotate(block);
    let [a, b, c, d] = block.map(magnitude);
    let loudest = largest(_mm256_max_ps(_mm256_max_ps(a, b), _mm256_max_ps(c, d)));
    let [a, b, c, d] = block.map(|x| _mm256_cmp_ps::<_CMP_EQ_OQ>(x, _mm256_set1_ps(loudest)));
    let positive = _mm256_movemask_ps(_mm256_or_ps(_mm256_or_ps(a, b), _mm256_or_ps(c, d))) != 0;
    let (scale, inverse) = int4::scale(loudest, positive);
    let codes = block.map(|x| {
        let scaled = _mm256_mul_ps(x, _mm256_set1_ps(inverse));
        let code = _mm256_cvtps_epi32(_mm256_min_ps(scaled, _mm256_set1_ps(7.0)));
        _mm256_and_si256(code, _mm256_set1_epi32(0xf))
    });
    let lower = _mm256_packus_epi32(codes[0], codes[1]);
    let upper = _mm256_packus_epi32(codes[2], codes[3]);
    let codes = _mm256_or_si256(lower, _mm256_slli_epi16::<4>(upper));
    // Packing keeps to the halves of its vectors: their quarters are 0, 2, 1 and 3.
    let codes = _mm256_permute4x64_epi64::<0b11_01_10_00>(codes);
    let codes =
        _mm_packus_epi16(_mm256_castsi256_si128(codes), _mm256_extracti128_si256::<1>(codes));
    let mut packed = [0; size_of::<Packed>()];
    packed[..scale.len()].copy_from_slice(&scale);
    packed[scale.len()..].copy_from_slice(&bytemuck::cast::<_, [u8; 16]>(codes));
    packed
}

/// See [`int4::unpack`].
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn unpack(&[a, b, ref codes @ ..]: &Packed) -> Option<[f32; BLOCK]> {
    let scale = int4::widened([a, b]);
    let (mask, sign) = (_mm_set1_epi8(0xf), _mm_set1_epi8(8));
    let signed = |nibbles| _mm_sub_epi8(_mm_xor_si128(_mm_and_si128(nibbles, mask), sign), sign);
    let codes = load_half_bytes(codes);
    let (lower, upper) = (signed(codes), signed(_mm_srli_epi16::<4>(codes)));
    let eight = |codes| {
        let codes = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(codes));
        _mm256_mul_ps(codes, _mm256_set1_ps(scale))
    };
    let upper_half = |codes| eight(_mm_srli_si128::<8>(codes));
    let block = rotate([eight(lower), upper_half(lower), eight(upper), upper_half(upper)]);
    scale.is_finite().then(|| bytemuck::cast(block.map(|x| lanes(x))))
}

/// [`crate::hadamard::rotate_piece`] of 32 values: the strides within a vector, then those between.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn rotate(block: [__m256; 4]) -> [__m256; 4] {
    let from =
        |signs: [f32; LANES], swapped, x| _mm256_add_ps(swapped, _mm256_xor_ps(x, load(&signs)));
    let [a, b, c, d] = block.map(|x| {
        let signs = [0.0, -0.0, 0.0, -0.0, 0.0, -0.0, 0.0, -0.0];
        let x = from(signs, _mm256_permute_ps::<0b10_11_00_01>(x), x);
        let signs = [0.0, 0.0, -0.0, -0.0, 0.0, 0.0, -0.0, -0.0];
        let x = from(signs, _mm256_permute_ps::<0b01_00_11_10>(x), x);
        let signs = [0.0, 0.0, 0.0, 0.0, -0.0, -0.0, -0.0, -0.0];
        from(signs, _mm256_permute2f128_ps::<1>(x, x), x)
    });
    let pair = |a, b| (_mm256_add_ps(a, b), _mm256_sub_ps(a, b));
    let ((a, b), (c, d)) = (pair(a, b), pair(c, d));
    let ((a, c), (b, d)) = (pair(a, c), pair(b, d));
    let scale = _mm256_set1_ps(1.0 / 32.0_f32.sqrt());
    [a, b, c, d].map(|x| _mm256_mul_ps(x, scale))
}

/// The largest lane; none is NaN.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn largest(v: __m256) -> f32 {
    let v = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
    let v = _mm_max_ps(v, _mm_movehl_ps(v, v));
    _mm_cvtss_f32(_mm_max_ss(v, _mm_movehdup_ps(v)))
}

#[target_feature(enable = "avx2,fma,f16c")]
fn encode_scaled(row: &[f32], level: Level, scales: &[f32], bytes: &mut Vec<u8>) {
    scaled::encode_row(row, level, scales, bytes);
}

#[target_feature(enable = "avx2,fma,f16c")]
fn decode_scaled<'a>(
    bytes: &'a [u8],
    level: Level,
    scales: &[f32],
    row: &mut [f32],
) -> Result<&'a [u8], RowFault> {
    scaled::decode_row(bytes, level, scales, row)
}
