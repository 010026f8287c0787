//! The `Int8` codec: accuracy, bytes, rules.

use super::super::int8::OUTLIER_RATIO;
use super::*;

#[test]
fn int8_is_within_half_a_code_and_exact_on_outliers() {
    let mut random = Random(1);
    for width in [1, 2, 63, 64, 65, 256, 300] {
        let mut x = random.floats(5 * width);
        for _ in 0..width / 16 {
            let at = random.below(x.len());
            x[at] = [1000.0, -1e30, f32::NAN, f32::NEG_INFINITY][random.below(4)];
        }
        let back = round_trip(Codec::Int8, &x, width);
        for (x, back) in x.chunks(width).zip(back.chunks(width)) {
            for (x, back) in x.chunks(64).zip(back.chunks(64)) {
                let mut sorted: Vec<f32> = x.iter().map(|x| x.abs()).collect();
                sorted.sort_by(f32::total_cmp);
                let limit = OUTLIER_RATIO * sorted[(x.len() - 1) / 2];
                let absmax =
                    sorted.iter().filter(|&&x| x <= limit).fold(0.0, |a: f32, b| a.max(*b));
                for (x, back) in x.iter().zip(back) {
                    if x.abs() <= limit {
                        assert!((x - back).abs() <= absmax / 253.9, "{back} for {x}");
                    } else {
                        assert_same_bits(&[*back], &[*x], "outlier");
                    }
                }
            }
        }
    }
}

#[test]
fn int8_sends_blocks_that_codes_cannot_hold_exactly() {
    let rows = [[f32::NAN; 70], [f32::INFINITY; 70], [f32::MAX; 70], [-2e38; 70]];
    for row in rows {
        assert_same_bits(&round_trip(Codec::Int8, &row, 70), &row, "exact block");
    }
    assert_eq!(round_trip(Codec::Int8, &[0.0; 70], 70), [0.0; 70]);
    assert_eq!(round_trip(Codec::Int8, &[1e-40; 70], 70), [0.0; 70]);
}

/// The bytes that WIRE.md describes.
#[test]
fn int8_has_the_documented_bytes() {
    let mut row = [0.5; 66];
    row[3] = -1.0;
    row[5] = 100.0;
    row[64] = f32::NAN;
    row[65] = f32::NAN;
    let bytes = encode(Codec::Int8, &row, 66);
    let scale = 1.0_f32 / 127.0;
    let mut expected = vec![1];
    expected.extend(scale.to_le_bytes());
    let code = |i| {
        if i == 3 {
            129
        } else if i == 5 {
            0
        } else {
            64
        }
    };
    expected.extend((0..64).map(code));
    expected.push(5);
    expected.extend(100.0_f32.to_le_bytes());
    expected.push(255);
    expected.extend([f32::NAN.to_le_bytes(), f32::NAN.to_le_bytes()].concat());
    assert_eq!(bytes, expected);
}

#[test]
fn every_broken_rule_has_its_error() {
    let good = encode(Codec::Int8, &[1.0, 2.0, 100.0, 3.0], 4);
    assert_eq!(good.len(), 1 + 4 + 4 + 5);
    let fault = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        decode(Codec::Int8, &bytes, 1, 4).unwrap_err()
    };
    assert_eq!(fault(0, 3), WireError::Block(BlockFault::OutlierCount));
    assert_eq!(fault(4, 0x80), WireError::Block(BlockFault::Scale));
    assert_eq!(fault(4, 0x7f), fault(4, 0xff));
    assert_eq!(fault(5, 0x80), WireError::Block(BlockFault::Code));
    assert_eq!(fault(9, 4), WireError::Block(BlockFault::OutlierIndex));
    let length = |actual| WireError::length(Codec::Int8, 1, 4, actual);
    assert_eq!(fault(0, 0), length(14));
    assert_eq!(fault(0, 255), length(14));
    let cut = decode(Codec::Int8, &good[..13], 1, 4).unwrap_err();
    assert_eq!(cut, length(13));
    let mut twice = encode(Codec::Int8, &[1.0, 100.0, 100.0, 1.0], 4);
    twice[14] = 1;
    let again = decode(Codec::Int8, &twice, 1, 4).unwrap_err();
    assert_eq!(again, WireError::Block(BlockFault::OutlierIndex), "indices must ascend");
}
