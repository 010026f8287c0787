//! Quant blocks made by hand, field by field, against the values that their format defines.

use super::Random;
use crate::{Format, Matrix, dequantize_row};

fn half(value: f32) -> [u8; 2] {
    half::f16::from_f32(value).to_le_bytes()
}

fn values(format: Format, block: &[u8]) -> Vec<f32> {
    let mut out = vec![0.0; format.block_len()];
    let w = Matrix::new(format, 1, format.block_len(), block).unwrap();
    dequantize_row(&w, 0, &mut out);
    out
}

/// A code below `end` for each of 256 values, and a generator for what else a block needs.
fn codes(seed: u64, end: usize) -> ([u8; 256], Random) {
    let mut random = Random(seed);
    (std::array::from_fn(|_| u8::try_from(random.below(end)).unwrap()), random)
}

#[test]
fn float_formats_are_their_own_values() {
    assert_eq!(values(Format::F32, &1.25_f32.to_le_bytes()), [1.25]);
    assert_eq!(values(Format::F16, &[0x00, 0xc1]), [-2.5]);
    assert_eq!(values(Format::BF16, &[0x20, 0xc0]), [-2.5]);
}

#[test]
fn q8_0_is_scale_times_code() {
    let codes: [i8; 32] = std::array::from_fn(|i| (i8::try_from(i).unwrap() * 4) ^ -128);
    let mut block = half(0.5).to_vec();
    block.extend(codes.map(i8::cast_unsigned));
    let expected = codes.map(|code| 0.5 * f32::from(code));
    assert_eq!(values(Format::Q8_0, &block), expected);
}

#[test]
fn q4_0_has_its_first_half_in_the_low_nibbles() {
    let mut block = half(0.25).to_vec();
    block.extend((0..16_u8).map(|i| i | (15 - i) << 4));
    let low = (0..16_u8).map(|i| 0.25 * (f32::from(i) - 8.0));
    let high = (0..16_u8).map(|i| 0.25 * (f32::from(15 - i) - 8.0));
    assert_eq!(values(Format::Q4_0, &block), low.chain(high).collect::<Vec<_>>());
}

/// Packs eight 6-bit scales and minima, bit by bit from the definition.
fn pack_sub_scales(scales: &[u8; 8], minima: &[u8; 8]) -> [u8; 12] {
    let mut packed = [0; 12];
    for i in 0..4 {
        packed[i] = scales[i] | scales[i + 4] >> 4 << 6;
        packed[i + 4] = minima[i] | minima[i + 4] >> 4 << 6;
        packed[i + 8] = scales[i + 4] & 15 | (minima[i + 4] & 15) << 4;
    }
    packed
}

/// A Q4_K (`bits` 4) or Q5_K (`bits` 5) block and the values it stands for.
fn affine_block(bits: u32) -> (Vec<u8>, Vec<f32>) {
    let (codes, mut random) = codes(u64::from(bits), 1 << bits);
    let mut six_bits = || std::array::from_fn(|_| u8::try_from(random.below(64)).unwrap());
    let (scales, minima) = (six_bits(), six_bits());
    let (mut high, mut low) = ([0; 32], [0; 128]);
    for (k, code) in codes.iter().enumerate() {
        let (sub, i) = (k / 32, k % 32);
        low[sub / 2 * 32 + i] |= (code & 15) << (sub % 2 * 4);
        high[i] |= code >> 4 << sub;
    }
    let mut block = [half(0.5), half(0.125)].concat();
    block.extend(pack_sub_scales(&scales, &minima));
    if bits == 5 {
        block.extend(high);
    }
    block.extend(low);
    let value = |(k, code): (usize, &u8)| {
        let (scale, min) = (f32::from(scales[k / 32]), f32::from(minima[k / 32]));
        0.5 * scale * f32::from(*code) - 0.125 * min
    };
    (block, codes.iter().enumerate().map(value).collect())
}

#[test]
fn q4_k_has_a_scale_and_a_minimum_for_every_32() {
    let (block, expected) = affine_block(4);
    assert_eq!(values(Format::Q4K, &block), expected);
}

#[test]
fn q5_k_keeps_its_fifth_bits_apart() {
    let (block, expected) = affine_block(5);
    assert_eq!(values(Format::Q5K, &block), expected);
}

#[test]
fn q6_k_has_a_scale_for_every_16() {
    let (codes, mut random) = codes(6, 64);
    let scales: [i8; 16] = std::array::from_fn(|_| random.bits().to_le_bytes()[0].cast_signed());
    let (mut low, mut high) = ([0; 128], [0; 64]);
    for (k, code) in codes.iter().enumerate() {
        let (part, quarter, i) = (k / 128, k % 128 / 32, k % 32);
        low[part * 64 + quarter % 2 * 32 + i] |= (code & 15) << (quarter / 2 * 4);
        high[part * 32 + i] |= code >> 4 << (quarter * 2);
    }
    let mut block = [low.as_slice(), &high].concat();
    block.extend(scales.map(i8::cast_unsigned));
    block.extend(half(0.5));
    let value =
        |(k, code): (usize, &u8)| 0.5 * f32::from(scales[k / 16]) * (f32::from(*code) - 32.0);
    assert_eq!(
        values(Format::Q6K, &block),
        codes.iter().enumerate().map(value).collect::<Vec<_>>()
    );
}

#[test]
fn formats_know_their_sizes_and_numbers() {
    let known = (0..64).filter_map(Format::from_ggml).collect::<Vec<_>>();
    assert_eq!(known.len(), Format::ALL.len());
    assert_eq!(Format::Q4K.row_bytes(512), Some(288));
    assert_eq!(Format::Q4K.row_bytes(500), None);
    assert_eq!(Format::F32.row_bytes(usize::MAX), None);
    assert_eq!(Format::from_ggml(12), Some(Format::Q4K));
    assert_eq!(Format::from_ggml(10), None);
}
