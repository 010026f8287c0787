//! Bytes that no sender made.

use super::*;

#[test]
fn a_shape_that_the_bytes_cannot_fill_is_refused_before_allocation() {
    for codec in [Codec::F32, Codec::F16, Codec::Int8, Codec::Int4] {
        assert!(decode(codec, &[0; 64], usize::MAX, usize::MAX).is_err());
        assert!(decode(codec, &[0; 64], 1 << 40, 1 << 20).is_err());
        assert!(decode(codec, &[0; 64], 1, usize::MAX).is_err());
        assert!(decode(codec, &[0; 64], 0, 7).is_err(), "left-over bytes");
        assert_eq!(decode(codec, &[], 0, 7), Ok(vec![]));
        assert!(decode(codec, &[], usize::MAX, 0).is_ok_and(|x| x.is_empty()));
    }
    let scaled = |scales| Codec::Scaled { level: Level::FINEST, scales };
    assert!(decode(scaled(&[1.0; 4]), &[0; 64], usize::MAX, 4).is_err());
    assert!(decode(scaled(&[1.0; 4]), &[0; 64], 13, 4).is_err());
    assert!(decode(scaled(&[1.0; 7]), &[0; 64], 0, 7).is_err(), "left-over bytes");
    assert_eq!(decode(scaled(&[1.0; 7]), &[], 0, 7), Ok(vec![]));
    assert!(decode(scaled(&[]), &[], usize::MAX, 0).is_ok_and(|x| x.is_empty()));
}

/// Goal: values or an error, and no more values than the documented multiple of the bytes. Method:
/// random bytes, and good ones with up to two of them changed.
#[test]
fn hostile_bytes_never_panic() {
    let mut random = Random(3);
    for round in 0..10_000 {
        let (rows, width) = (random.below(4), 1 + random.below(150));
        let scales: Vec<f32> = random.wild_floats(width);
        for codec in codecs(&scales) {
            let mut bytes = match round % 2 {
                0 => (0..random.below(600)).map(|_| random.bits().to_le_bytes()[0]).collect(),
                _ => encode(codec, &random.wild_floats(rows * width), width),
            };
            for _ in 0..random.below(3) {
                if !bytes.is_empty() {
                    let at = random.below(bytes.len());
                    bytes[at] = random.bits().to_le_bytes()[0];
                }
            }
            if let Ok(x) = decode(codec, &bytes, rows, width) {
                assert_eq!(x.len(), rows * width);
                assert!(4 * x.len() <= VALUE_BYTES_A_BYTE * bytes.len());
            }
        }
    }
}

/// The multiple that [`decode`] states, for the codec with the largest.
const VALUE_BYTES_A_BYTE: usize = 512;

/// The widest rows for the bytes that they have at least.
#[test]
fn no_row_has_more_values_than_its_bytes_allow() {
    for width in (1..9_000).chain([16_384, 65_536, 1_000_000]) {
        let scales = vec![1.0; width];
        for codec in codecs(&scales) {
            let multiple = match codec {
                Codec::F32 | Codec::F16 | Codec::Int8 => 4,
                Codec::Int4 => 8,
                Codec::Scaled { .. } => VALUE_BYTES_A_BYTE,
            };
            assert!(4 * width <= multiple * encoded_len_min(codec, 1, width), "{width}");
        }
    }
}

#[test]
fn every_cut_is_found() {
    let mut random = Random(4);
    for width in [5, 70, 600, 2100] {
        let x = Residual::new(&mut random, 2, width).x;
        let scales = vec![1.0; width];
        for codec in codecs(&scales) {
            let bytes = encode(codec, &x, width);
            for end in (0..bytes.len()).step_by(1 + width / 50) {
                assert!(decode(codec, &bytes[..end], 2, width).is_err(), "{} {end}", codec.name());
            }
            let more = [&bytes[..], &[0]].concat();
            assert!(decode(codec, &more, 2, width).is_err());
        }
    }
}
