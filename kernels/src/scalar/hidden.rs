//! The codecs of hidden states.

use crate::wire::{Steps, float, int4, int8, scaled};

pub(crate) static STEPS: Steps = Steps {
    encode_f16: |row, bytes| float::encode_f16(row, bytes, narrow),
    decode_f16: |bytes, row| float::decode_f16(bytes, row, widen),
    encode_int8: |row, bytes| int8::encode_row(row, bytes),
    decode_int8: |bytes, row| int8::decode_row(bytes, row),
    encode_int4: |row, bytes| int4::encode_row(row, bytes, int4::pack),
    decode_int4: |bytes, row| int4::decode_row(bytes, row, int4::unpack),
    encode_scaled: |row, level, scales, bytes| scaled::encode_row(row, level, scales, bytes),
    decode_scaled: |bytes, level, scales, row| scaled::decode_row(bytes, level, scales, row),
};

fn narrow(x: &[f32; 8]) -> [u16; 8] {
    x.map(|x| half::f16::from_f32(x).to_bits())
}

fn widen(bytes: &[u8; 16]) -> [f32; 8] {
    let halves = bytes.as_chunks().0;
    std::array::from_fn(|i| half::f16::from_le_bytes(halves[i]).to_f32())
}
