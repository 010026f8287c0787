//! The formats of segments, one beside the other.

use super::*;
use crate::kv::segment_format::is_finite;
use kernels::{CodedKvError, KvLayout};

/// A block of one layer, bell-shaped, nearly.
fn block(layout: &KvLayout) -> Vec<u8> {
    let mut state = 1_u32;
    let mut uniform = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(state >> 16).unwrap()) / 65_536.0 - 0.5
    };
    let row = layout.kv_heads * layout.head_width;
    let mut block = vec![0; layout.block_bytes()];
    for slot in 0..BLOCK_SLOTS {
        let [key, value]: [Vec<f32>; 2] =
            [(); 2].map(|()| (0..row).map(|_| (0..4).map(|_| uniform()).sum()).collect());
        kernels::write_kv(layout, &mut block, slot, &key, &value);
    }
    block
}

/// Goal: whoever accepts a format accepts what loses less. Method: every format's error in
/// one block, in a pool that rounds little.
#[test]
fn formats_are_in_the_order_of_what_they_lose() {
    let layout = KvLayout::new(kernels::KvFormat::F16, 2, 64);
    let block = block(&layout);
    let read = |block: &[u8]| {
        let [mut keys, mut values] = [(); 2].map(|()| vec![0.0; BLOCK_SLOTS * 128]);
        kernels::read_kv(&layout, block, &mut keys, &mut values);
        [keys, values].concat()
    };
    let mut before = -1.0;
    for format in SegmentFormat::ALL {
        let bytes = format.encode(layout, &block);
        assert!(format.layer_bytes(layout).contains(&bytes.len()), "{format}");
        let back = format.decode(layout, 1, &bytes).unwrap();
        let pairs = read(&block).into_iter().zip(read(&back));
        let error: f32 = pairs.map(|(x, back)| (x - back) * (x - back)).sum();
        assert!(error > before, "{format}: {error} after {before}");
        before = error;
    }
    assert!(SegmentFormat::ALL.is_sorted());
}

/// Goal: the bytes of a block's layers are those of parts of them, one behind the other, in every format.
/// Method: three layers, one of which is not finite, at once and one by one.
#[test]
fn layers_are_written_each_by_itself() {
    let layout = KvLayout::new(kernels::KvFormat::F16, 2, 8);
    let mut layers = [block(&layout), block(&layout), block(&layout)];
    layers[1][6..8].copy_from_slice(&[0x00, 0x7c]);
    for format in SegmentFormat::ALL {
        let parts: Vec<_> =
            layers.iter().map(|layer| format.encode(layout, layer).into_owned()).collect();
        let bytes = format.encode(layout, &layers.concat()).into_owned();
        assert_eq!(bytes, parts.concat(), "{format}");
        let back = format.decode(layout, 3, &bytes).unwrap().into_owned();
        for (part, back) in parts.iter().zip(back.chunks_exact(layout.block_bytes())) {
            assert_eq!(&*format.decode(layout, 1, part).unwrap(), back, "{format}");
        }
        assert!(!is_finite(layout, &back), "{format} says what is not finite");
    }
    let coded = SegmentFormat::CodedFine.encode(layout, &layers.concat()).into_owned();
    let too_few = SegmentFormat::CodedFine.decode(layout, 2, &coded);
    assert_eq!(too_few.unwrap_err(), CodedKvError::Long);
    let too_many = SegmentFormat::CodedFine.decode(layout, 4, &coded);
    assert_eq!(too_many.unwrap_err(), CodedKvError::Short);
}
