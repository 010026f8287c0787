//! The `Int4` codec: accuracy, bytes, rules.

use super::super::int4::OUTLIER_RATIO;
use super::*;

/// The bound of the codec: each piece is off, in root mean square, by at most an eighth of the largest
/// magnitude that it has rotated, which is at most its Euclidean norm.
#[test]
fn int4_is_within_its_bound_and_exact_on_outliers() {
    let mut random = Random(1);
    for width in [1, 2, 31, 32, 33, 100, 256, 288, 2048, 2300] {
        let mut x = random.floats(5 * width);
        for _ in 0..width / 16 {
            let at = random.below(x.len());
            x[at] = [1000.0, -1e30, f32::NAN, f32::NEG_INFINITY][random.below(4)];
        }
        let back = round_trip(Codec::Int4, &x, width);
        for (x, back) in x.chunks(width).zip(back.chunks(width)) {
            for (x, back) in x.chunks(2048).zip(back.chunks(2048)) {
                check_part(x, back);
            }
        }
    }
}

fn check_part(x: &[f32], back: &[f32]) {
    let mut sorted: Vec<f32> = x.iter().map(|x| x.abs()).collect();
    sorted.sort_by(f32::total_cmp);
    let limit = OUTLIER_RATIO * sorted[(x.len() - 1) / 2];
    let mut from = 0;
    while from < x.len() {
        let len = 256.min(1 << (x.len() - from).ilog2());
        let (x, back) = (&x[from..][..len], &back[from..][..len]);
        let (mut signal, mut noise) = (0.0, 0.0);
        for (x, back) in x.iter().zip(back) {
            if x.abs() <= limit {
                signal += f64::from(*x).powi(2);
                noise += f64::from(back - x).powi(2);
            } else {
                assert_same_bits(&[*back], &[*x], "outlier");
            }
        }
        let bound = (signal / 64.0) * len as f64;
        assert!(noise <= bound * 1.01, "{noise} of {signal} in {len}");
        from += len;
    }
}

#[test]
fn int4_sends_parts_that_codes_cannot_hold_exactly() {
    for row in [[f32::NAN; 70], [f32::INFINITY; 70], [f32::MAX; 70], [-2e36; 70]] {
        assert_same_bits(&round_trip(Codec::Int4, &row, 70), &row, "exact part");
    }
    assert_eq!(round_trip(Codec::Int4, &[0.0; 70], 70), [0.0; 70]);
    assert_eq!(round_trip(Codec::Int4, &[1e-40; 70], 70), [0.0; 70]);
    let halves: Vec<f32> =
        (0..70_u8).map(|i| if i % 2 == 0 { f32::from(i) } else { f32::NAN }).collect();
    assert_eq!(
        encode(Codec::Int4, &halves, 70).len(),
        encoded_len_min(Codec::Int4, 1, 70) + 6 * 35
    );
    let most: Vec<f32> = halves.iter().map(|x| if *x == 8.0 { f32::NAN } else { *x }).collect();
    assert_eq!(encode(Codec::Int4, &most, 70).len(), 2 + 4 * 70);
}

/// The bytes that WIRE.md describes: one piece of 32, whose rotation is known.
#[test]
fn int4_has_the_documented_bytes() {
    let mut row = [0.0; 33];
    // The rotation of 33 values: 32 and 1. An impulse becomes a constant.
    row[..32].fill(-1.0);
    row[32] = 100.0;
    let mut expected = vec![1, 0, 32, 0];
    expected.extend(100.0_f32.to_le_bytes());
    // -sqrt(32) = -5.6569 at the front, a scale of 0.70711, in bf16 0.70703: the code is -8.
    expected.extend([0x35, 0x3f]);
    expected.push(8);
    expected.extend([0; 15]);
    expected.extend([0; 18]);
    assert_eq!(encode(Codec::Int4, &row, 33), expected);
}

#[test]
fn every_broken_rule_of_int4_has_its_error() {
    let row = [1.0, 2.0, 100.0, 3.0];
    let good = encode(Codec::Int4, &row, 4);
    assert_eq!(good.len(), 2 + 6 + 18);
    let fault = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        decode(Codec::Int4, &bytes, 1, 4).unwrap_err()
    };
    assert_eq!(fault(0, 3), WireError::Block(BlockFault::OutlierCount));
    assert_eq!(fault(2, 4), WireError::Block(BlockFault::OutlierIndex));
    assert_eq!(fault(3, 1), WireError::Block(BlockFault::OutlierIndex));
    let mut infinite = good.clone();
    infinite[8..10].copy_from_slice(&[0x80, 0x7f]);
    let infinite = decode(Codec::Int4, &infinite, 1, 4).unwrap_err();
    assert_eq!(infinite, WireError::Block(BlockFault::Scale));
    let length = WireError::length(Codec::Int4, 1, 4, good.len());
    assert_eq!(fault(0, 0), length);
    assert_eq!(fault(0, 2), length);
}
