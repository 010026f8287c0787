//! Packed panels against the blocks that they were made of.

use super::Random;
use crate::scalar::SubBlock;
use crate::{Format, Matrix, Packed, Pool, ShapeError, pack};

fn quantized() -> impl Iterator<Item = Format> {
    Format::ALL.into_iter().filter(|format| format.is_quantized())
}

#[test]
fn packing_keeps_every_code_and_scale() {
    let (mut random, pool) = (Random(11), Pool::new(2).unwrap());
    for format in quantized() {
        for (rows, blocks) in [(1, 1), (15, 2), (16, 1), (17, 3), (150, 1)] {
            let cols = blocks * format.block_len();
            let bytes = random.weights(format, rows, cols);
            let stored = Matrix::new(format, rows, cols, &bytes).unwrap();
            let mut out = vec![0xff; Packed::len(format, rows, cols).unwrap()];
            pack(&pool, &stored, &mut out);
            let packed = Packed::new(format, rows, cols, &out).unwrap();
            for row in 0..rows {
                for index in 0..packed.sub_blocks() {
                    let expected = SubBlock::read(format, stored.row(row), index);
                    assert_eq!(packed.sub_block(row, index), expected, "{packed:?} {row} {index}");
                }
            }
        }
    }
}

#[test]
fn a_packed_matrix_is_at_most_three_percent_larger() {
    for format in quantized() {
        let (rows, cols) = (64, 2048);
        let stored = rows * format.row_bytes(cols).unwrap();
        let packed = Packed::len(format, rows, cols).unwrap();
        assert!((stored..=stored + stored * 3 / 100).contains(&packed), "{format}");
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let bytes = [0; 1024];
    let new = |format, rows, cols, len: usize| Packed::new(format, rows, cols, &bytes[..len]);
    assert!(new(Format::Q4_0, 16, 32, 288).is_ok());
    assert_eq!(
        new(Format::Q4_0, 16, 32, 287).unwrap_err().to_string(),
        "a packed Q4_0 matrix of 16 x 32 cannot have 287 bytes, it has 288"
    );
    assert_eq!(
        new(Format::F16, 16, 32, 1024).unwrap_err(),
        ShapeError::NotPacked { format: Format::F16 }
    );
    assert!(matches!(new(Format::Q4K, 16, 32, 0).unwrap_err(), ShapeError::PartialBlock { .. }));
    assert!(matches!(new(Format::Q8_0, 0, 32, 0).unwrap_err(), ShapeError::Empty { .. }));
    assert_eq!(Packed::len(Format::Q8_0, usize::MAX, 1 << 40), None);
}
