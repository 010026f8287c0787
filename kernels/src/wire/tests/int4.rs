//! The `Int4` codec: accuracy, bytes, rules.

use super::*;
use crate::hadamard::rotate_piece;

/// Goal: no code is off by more than the bound. Method: rows without outliers, rotated before and after;
/// what was rotated back and forth is off by rounding besides.
#[test]
fn int4_is_within_an_eighth_of_its_blocks_largest() {
    let mut random = Random(1);
    for width in [32, 33, 100, 256, 288, 2048, 2300] {
        let x = random.floats(5 * width);
        let back = round_trip(Codec::Int4, &x, width);
        for (x, back) in x.chunks(width).zip(back.chunks(width)) {
            // What is left of the last block cannot be rotated: the values behind it are gone.
            for (x, back) in x.as_chunks::<32>().0.iter().zip(back.as_chunks::<32>().0) {
                let (mut x, mut back) = (*x, *back);
                rotate_piece(&mut x);
                rotate_piece(&mut back);
                let largest = x.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
                for (x, back) in x.iter().zip(&back) {
                    assert!((x - back).abs() <= 0.1275 * largest, "{back} for {x} of {largest}");
                }
            }
        }
    }
}

/// The errors of a part have at most half the energy of its inliers, and hardly ever a hundredth.
#[test]
fn int4_is_exact_on_outliers_which_cost_the_others_nothing() {
    let mut random = Random(2);
    for width in [64, 100, 288, 2048, 2300] {
        let mut x = random.floats(5 * width);
        for _ in 0..width / 16 {
            let at = random.below(x.len());
            x[at] = [1000.0, -1e30, f32::NAN, f32::NEG_INFINITY][random.below(4)];
        }
        let back = round_trip(Codec::Int4, &x, width);
        let (mut signal, mut noise) = (0.0, 0.0);
        for (x, back) in x.iter().zip(&back) {
            if x.abs() <= 100.0 {
                signal += x * x;
                noise += (back - x) * (back - x);
            } else {
                assert_same_bits(&[*back], &[*x], "outlier");
            }
        }
        assert!(noise <= signal / 120.0, "{noise} of {signal}");
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

/// The bytes that WIRE.md describes: a block whose rotation is known, and an outlier in another.
#[test]
fn int4_has_the_documented_bytes() {
    let mut row = [-1.0; 33];
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
