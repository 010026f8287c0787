//! The codecs of hidden states: the oracle's lines, compiled for this table's instructions, which
//! convert half precision besides.

use std::arch::x86_64::*;

use super::vector::{LANES, lanes, load, load_half_bytes};
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
    int4::encode_row(row, bytes);
}

#[target_feature(enable = "avx2,fma,f16c")]
fn decode_int4<'a>(bytes: &'a [u8], row: &mut [f32]) -> Result<&'a [u8], RowFault> {
    int4::decode_row(bytes, row)
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
