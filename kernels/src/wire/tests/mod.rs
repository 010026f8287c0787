//! The codecs: accuracy, bytes, and what a peer may not send.

mod calibration;
mod hostile;
mod int4;
mod int8;
mod residual;
mod scaled;
mod tables;

use super::*;
use crate::tests::{Random, assert_same_bits};
use residual::Residual;

/// All codecs; `scales` are those of the channels.
fn codecs(scales: &[f32]) -> Vec<Codec<'_>> {
    let scaled = Level::all().map(|level| Codec::Scaled { level, scales });
    [Codec::F32, Codec::F16, Codec::Int8, Codec::Int4].into_iter().chain(scaled).collect()
}

fn round_trip(codec: Codec<'_>, x: &[f32], width: usize) -> Vec<f32> {
    let rows = x.len() / width;
    let bytes = encode(codec, x, width);
    assert!(bytes.len() <= encoded_len_max(codec, rows, width));
    assert!(bytes.len() >= encoded_len_min(codec, rows, width));
    decode(codec, &bytes, rows, width).unwrap()
}

#[test]
fn f32_is_exact_and_f16_is_rounded_once_and_stays_finite() {
    let x = [1.0, -0.0, 1e-8, 70000.0, -1e30, f32::INFINITY, f32::NAN, 0.1];
    assert_same_bits(&round_trip(Codec::F32, &x, 4), &x, "f32");
    let tenth = half::f16::from_f32(0.1).to_f32();
    let expected = [1.0, -0.0, 0.0, 65504.0, -65504.0, f32::INFINITY, f32::NAN, tenth];
    assert_same_bits(&round_trip(Codec::F16, &x, 4), &expected, "f16");
}

#[test]
fn a_rows_bytes_do_not_depend_on_its_company() {
    let mut random = Random(2);
    for width in [100, 2500] {
        let x = random.wild_floats(7 * width);
        for codec in codecs(&vec![0.7; width]) {
            let alone: Vec<u8> =
                x.chunks(width).flat_map(|row| encode(codec, row, width)).collect();
            assert_eq!(encode(codec, &x, width), alone);
        }
    }
}

#[test]
fn appending_leaves_what_is_there() {
    let row = [1.0, -2.0, 3.0];
    for codec in codecs(&[1.0; 3]) {
        let mut bytes = vec![7];
        append(codec, &row, 3, &mut bytes);
        assert_eq!(bytes[0], 7);
        assert_eq!(bytes[1..], encode(codec, &row, 3));
    }
}

#[test]
#[should_panic(expected = "a scale for each channel")]
fn scales_of_another_width_are_refused() {
    let _ = encode(Codec::Scaled { level: Level::FINEST, scales: &[1.0; 3] }, &[0.0; 8], 4);
}
