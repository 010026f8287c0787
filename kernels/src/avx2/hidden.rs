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
    int4::encode_row(row, bytes, |block, inverse| pack(block, inverse));
}

#[target_feature(enable = "avx2,fma,f16c")]
fn decode_int4<'a>(bytes: &'a [u8], row: &mut [f32]) -> Result<&'a [u8], RowFault> {
    int4::decode_row(bytes, row, |codes, scale| unpack(codes, scale))
}

/// See [`int4::pack`].
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn pack(block: &[f32; BLOCK], inverse: f32) -> Packed {
    let (inverse, most) = (_mm256_set1_ps(inverse), _mm256_set1_ps(7.0));
    let codes = |i| {
        let scaled = _mm256_mul_ps(load(&block.as_chunks().0[i]), inverse);
        _mm256_cvtps_epi32(_mm256_min_ps(scaled, most))
    };
    let lower = _mm256_packs_epi32(codes(0), codes(1));
    let upper = _mm256_packs_epi32(codes(2), codes(3));
    // Packing keeps to the halves of its vectors: in words, 0 1 4 5, then 2 3 6 7.
    let bits = _mm256_and_si256(lower, _mm256_set1_epi16(0xf));
    let bytes = _mm256_or_si256(
        bits,
        _mm256_slli_epi16::<4>(_mm256_and_si256(upper, _mm256_set1_epi16(0xf))),
    );
    let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(bytes);
    let halves = (_mm256_castsi256_si128(ordered), _mm256_extracti128_si256::<1>(ordered));
    bytemuck::cast(_mm_packus_epi16(halves.0, halves.1))
}

/// See [`int4::unpack`].
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn unpack(codes: &Packed, scale: f32) -> [f32; BLOCK] {
    let (bytes, scale) = (load_half_bytes(codes), _mm256_set1_ps(scale));
    let (mask, sign) = (_mm_set1_epi8(0xf), _mm_set1_epi8(8));
    let signed = |nibbles| _mm_sub_epi8(_mm_xor_si128(_mm_and_si128(nibbles, mask), sign), sign);
    let (lower, upper) = (signed(bytes), signed(_mm_srli_epi16::<4>(bytes)));
    let eight =
        |bytes| lanes(_mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)), scale));
    bytemuck::cast([
        eight(lower),
        eight(_mm_srli_si128::<8>(lower)),
        eight(upper),
        eight(_mm_srli_si128::<8>(upper)),
    ])
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
