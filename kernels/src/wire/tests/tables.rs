//! Every table against the oracle.

use super::*;
use crate::scalar;
use crate::table::available;

/// Widths that end in the middle of every vector, block, piece and part.
const WIDTHS: [usize; 16] = [1, 2, 7, 8, 31, 33, 64, 65, 100, 288, 511, 512, 896, 1025, 2048, 2200];

/// Goal: the same bytes and the same values from every table. Method: rows plain and wild, at an
/// address that no vector likes.
#[test]
fn every_table_codes_to_the_oracles_bits() {
    let mut random = Random(11);
    for width in WIDTHS {
        let rows = 3;
        let tiny: Vec<f32> = random.floats(rows * width).iter().map(|x| x * 1e-40).collect();
        let huge: Vec<f32> = random.floats(rows * width).iter().map(|x| x * 1e37).collect();
        let residual = Residual::new(&mut random, rows, width);
        let plain = random.floats(rows * width);
        let wild = random.wild_floats(rows * width);
        for x in [plain, wild, tiny, huge, residual.x, vec![0.0; rows * width]] {
            let unaligned = [&[0.5], &x[..]].concat();
            let scales: Vec<f32> = residual.sizes.iter().map(|size| size * 0.9).collect();
            for codec in codecs(&scales) {
                check(codec, &unaligned[1..], width);
            }
        }
    }
}

fn check(codec: Codec<'_>, x: &[f32], width: usize) {
    let mut expected = vec![0xa5];
    append_with(&scalar::TABLE, codec, x, width, &mut expected);
    let mut expected_values = vec![f32::NAN; x.len()];
    decode_with(&scalar::TABLE, codec, &expected[1..], width, &mut expected_values).unwrap();
    for table in available() {
        let mut bytes = vec![0xa5];
        append_with(table, codec, x, width, &mut bytes);
        assert_eq!(bytes, expected, "{} {} {width}", table.name, codec.name());
        let mut values = vec![f32::NAN; x.len()];
        decode_with(table, codec, &bytes[1..], width, &mut values).unwrap();
        assert_same_bits(&values, &expected_values, table.name);
    }
}

/// Errors and values of bytes that no sender made.
#[test]
fn every_table_takes_the_same_bytes() {
    let mut random = Random(12);
    for _ in 0..3_000 {
        let width = 1 + random.below(150);
        let scales = vec![1.0; width];
        for codec in codecs(&scales).into_iter().skip(1).step_by(2) {
            let mut bytes = encode(codec, &random.wild_floats(2 * width), width);
            let at = random.below(bytes.len());
            bytes[at] = random.bits().to_le_bytes()[0];
            let decoded = |table| {
                let mut values = vec![f32::NAN; 2 * width];
                decode_with(table, codec, &bytes, width, &mut values).map(|()| values)
            };
            let expected = decoded(&scalar::TABLE);
            for table in available() {
                match (decoded(table), &expected) {
                    (Ok(got), Ok(expected)) => assert_same_bits(&got, expected, table.name),
                    (got, expected) => assert_eq!(got.err(), expected.clone().err()),
                }
            }
        }
    }
}
