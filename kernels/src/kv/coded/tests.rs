//! Coded KV: accuracy, size, bytes that never change, bytes that are none.

use super::*;
use crate::kv::{BLOCK_SLOTS, KvFormat, read_kv, write_kv};
use crate::tests::Random;

/// Elements `[32, G, E]` of channels of different sizes, of which some are the same all the time.
fn channels(random: &mut Random, heads: usize, width: usize) -> Vec<f32> {
    let row = heads * width;
    let sizes: Vec<f32> = random.floats(row).iter().map(|x| x.exp()).collect();
    let offsets: Vec<f32> = random.floats(row).iter().map(|x| (3.0 * x).max(0.0)).collect();
    let one = |random: &mut Random| {
        let channels = sizes.iter().zip(&offsets);
        channels.map(|(size, offset)| size * (random.float() + offset)).collect::<Vec<_>>()
    };
    (0..BLOCK_SLOTS).flat_map(|_| one(random)).collect()
}

fn block(layout: &KvLayout, keys: &[f32], values: &[f32]) -> Vec<u8> {
    let row = layout.kv_heads * layout.head_width;
    let mut block = vec![0; layout.block_bytes()];
    for (slot, (key, value)) in keys.chunks_exact(row).zip(values.chunks_exact(row)).enumerate() {
        write_kv(layout, &mut block, slot, key, value);
    }
    block
}

/// Keys and values.
fn elements(layout: &KvLayout, block: &[u8]) -> [Vec<f32>; 2] {
    let [mut keys, mut values] =
        [(); 2].map(|()| vec![0.0; BLOCK_SLOTS * layout.kv_heads * layout.head_width]);
    read_kv(layout, block, &mut keys, &mut values);
    [keys, values]
}

fn encoded(layout: &KvLayout, block: &[u8], step: KvStep) -> Vec<u8> {
    let mut bytes = vec![7];
    encode_kv(layout, block, step, &mut bytes);
    assert_eq!(bytes.remove(0), 7, "what is there stays");
    assert!(coded_kv_bytes(layout).contains(&bytes.len()));
    bytes
}

/// Decodes `bytes`, behind which nothing is left.
fn decoded(layout: &KvLayout, bytes: &[u8]) -> Vec<u8> {
    let mut block = vec![0xff; layout.block_bytes()];
    assert_eq!(decode_kv(layout, bytes, &mut block), Ok(&[][..]));
    block
}

/// The steps that `bytes` say: of keys and of values.
fn steps(bytes: &[u8]) -> [f32; 2] {
    assert_eq!(bytes[0], CODED);
    [[bytes[1], bytes[2]], [bytes[3], bytes[4]]]
        .map(|half| f32::from_bits(u32::from(u16::from_le_bytes(half)) << 16))
}

fn root_mean_square(x: &[f32]) -> f32 {
    (x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32).sqrt()
}

/// Goal: no element is off by more than the bound, and an error has the size that the step promises.
/// Method: blocks of many shapes, some with elements far beyond the others, in a pool that rounds nothing.
#[test]
fn every_element_is_within_nine_sixteenths_of_a_step() {
    let mut random = Random(1);
    for (heads, width) in [(1, 1), (1, 4), (3, 5), (3, 6), (2, 48), (4, 64)] {
        for step in [KvStep::Fine, KvStep::Coarse] {
            for massive in [0.0, 1e3, -3e4] {
                let layout = KvLayout::new(KvFormat::F32, heads, width);
                let [mut keys, values] = [(); 2].map(|()| channels(&mut random, heads, width));
                if massive != 0.0 {
                    keys[3] = massive * root_mean_square(&keys) / 100.0;
                }
                let block = block(&layout, &keys, &values);
                let bytes = encoded(&layout, &block, step);
                let back = elements(&layout, &decoded(&layout, &bytes));
                if bytes[0] == EXACT {
                    assert!(heads * width < 4, "{heads} heads of {width} are worth coding");
                    assert_eq!(back, [keys, values]);
                    continue;
                }
                for ((x, back), step) in [keys, values].iter().zip(&back).zip(steps(&bytes)) {
                    let off: Vec<f32> = x.iter().zip(back).map(|(x, back)| x - back).collect();
                    let most = off.iter().fold(0.0, |most: f32, off| most.max(off.abs()));
                    let largest = x.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
                    assert!(most <= 0.5626 * step + largest * 1e-6, "{most}, a step is {step}");
                    let expected = if off.len() < 1000 { 0.4 } else { 0.3 };
                    assert!(root_mean_square(&off) <= expected * step, "a step is {step}");
                }
            }
        }
    }
}

/// Goal: the size is what the channels' entropy promises. Method: independent channels of known sizes; a
/// bell curve of deviation `d` has `log2(d / step) + 2.05` bits where it is wide.
#[test]
fn a_block_is_about_as_small_as_its_information() {
    let mut random = Random(2);
    let (heads, width) = (4, 64);
    let layout = KvLayout::new(KvFormat::F16, heads, width);
    let row = heads * width;
    let [keys, values] = [(); 2].map(|()| channels(&mut random, heads, width));
    let bytes = encoded(&layout, &block(&layout, &keys, &values), KvStep::Fine);
    let mut bits = 0.0;
    for (x, step) in [keys, values].iter().zip(steps(&bytes)) {
        for channel in 0..row {
            let of: Vec<f32> = x.iter().skip(channel).step_by(row).copied().collect();
            let mean = of.iter().sum::<f32>() / of.len() as f32;
            let off: Vec<f32> = of.iter().map(|x| x - mean).collect();
            bits += (root_mean_square(&off) / step).log2().max(-2.0) + 2.05;
        }
    }
    let bits = 32.0 * bits;
    let actual = 8.0 * bytes.len() as f32;
    assert!(actual < 1.2 * bits, "{actual} bits for {bits}");
    assert!(bytes.len() * 7 < layout.block_bytes() * 3);
}

/// A pool's own rounding is small beside the steps: what is coded is about the same from all formats.
#[test]
fn every_format_of_a_pool_is_coded() {
    let mut random = Random(3);
    let [keys, values] = [(); 2].map(|()| channels(&mut random, 2, 32));
    for format in KvFormat::ALL {
        let layout = KvLayout::new(format, 2, 32);
        let block = block(&layout, &keys, &values);
        let bytes = encoded(&layout, &block, KvStep::Coarse);
        assert!(bytes.len() < block.len(), "{format}: {} of {}", bytes.len(), block.len());
        let back = elements(&layout, &decoded(&layout, &bytes));
        let steps = steps(&bytes);
        for ((x, back), step) in elements(&layout, &block).iter().zip(&back).zip(steps) {
            let off: Vec<f32> = x.iter().zip(back).map(|(x, back)| x - back).collect();
            assert!(root_mean_square(&off) < 0.4 * step, "{format}");
        }
    }
}

/// What no code can say goes as it is.
#[test]
fn what_is_not_finite_or_not_worth_coding_is_exact() {
    let mut random = Random(4);
    let layout = KvLayout::new(KvFormat::F32, 2, 32);
    let [keys, values] = [(); 2].map(|()| channels(&mut random, 2, 32));
    for wild in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -f32::MAX] {
        let mut keys = keys.clone();
        keys[70] = wild;
        let block = block(&layout, &keys, &values);
        let bytes = encoded(&layout, &block, KvStep::Fine);
        assert_eq!((bytes[0], &bytes[1..]), (EXACT, &block[..]), "{wild}");
        assert_eq!(decoded(&layout, &bytes), block);
    }
    for huge in [1e35, f32::MAX, 1e-38, 1e-45, 0.0] {
        let keys: Vec<f32> = keys.iter().map(|x| x.clamp(-1.0, 1.0) * huge).collect();
        let block = block(&layout, &keys, &values);
        let bytes = encoded(&layout, &block, KvStep::Fine);
        let back = elements(&layout, &decoded(&layout, &bytes));
        assert!(back.iter().flatten().all(|x| x.is_finite()), "{huge}");
    }
    // Half of the elements are escapes, which are more than half precision takes.
    let layout = KvLayout::new(KvFormat::F16, 1, 16);
    let wild = |random: &mut Random| {
        let sign = [1.0, -1.0][random.below(2)];
        sign * [2048.0, 1.0 / 2048.0][random.below(2)]
    };
    let [keys, values]: [Vec<f32>; 2] =
        [(); 2].map(|()| (0..16 * BLOCK_SLOTS).map(|_| wild(&mut random)).collect());
    let block = block(&layout, &keys, &values);
    let bytes = encoded(&layout, &block, KvStep::Fine);
    assert_eq!((bytes[0], &bytes[1..]), (EXACT, &block[..]));
    // Bytes that are no numbers at all: every one is a scale or a code of something.
    let layout = KvLayout::new(KvFormat::Q4, 1, 4);
    let block: Vec<u8> =
        (0..layout.block_bytes()).map(|_| random.bits().to_le_bytes()[0]).collect();
    let bytes = encoded(&layout, &block, KvStep::Fine);
    let _ = decoded(&layout, &bytes);
}

#[test]
fn layers_stand_one_behind_the_other() {
    let mut random = Random(5);
    let layout = KvLayout::new(KvFormat::F16, 1, 32);
    let mut bytes = Vec::new();
    let mut blocks = Vec::new();
    for step in [KvStep::Fine, KvStep::Coarse, KvStep::Fine] {
        let [keys, values] = [(); 2].map(|()| channels(&mut random, 1, 32));
        blocks.push(block(&layout, &keys, &values));
        encode_kv(&layout, &blocks[blocks.len() - 1], step, &mut bytes);
    }
    let mut rest = &bytes[..];
    for block in blocks {
        let mut back = block.clone();
        rest = decode_kv(&layout, rest, &mut back).unwrap();
        let [x, back] = [&block, &back].map(|block| elements(&layout, block).concat());
        let off: Vec<f32> = x.iter().zip(&back).map(|(x, back)| x - back).collect();
        assert!(root_mean_square(&off) < 0.5 * root_mean_square(&x));
    }
    assert!(rest.is_empty());
}

/// Goal: no bytes harm, and most changes are seen. Method: every length, every byte changed, and noise.
#[test]
fn bytes_that_are_no_code_are_refused_or_give_numbers() {
    let mut random = Random(6);
    let layout = KvLayout::new(KvFormat::F32, 1, 6);
    let [mut keys, values] = [(); 2].map(|()| channels(&mut random, 1, 6));
    keys[9] = 1e4;
    let good = encoded(&layout, &block(&layout, &keys, &values), KvStep::Coarse);
    let mut block = vec![0; layout.block_bytes()];
    let mut decode = |bytes: &[u8]| {
        decode_kv(&layout, bytes, &mut block).map(<[u8]>::len)?;
        assert!(
            bytes[0] == EXACT || elements(&layout, &block).iter().flatten().all(|x| x.is_finite())
        );
        Ok(())
    };
    for end in 0..good.len() {
        assert_eq!(decode(&good[..end]), Err(CodedKvError::Short), "{end} bytes");
    }
    let mut changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        decode(&bytes)
    };
    assert_eq!(changed(0, 2), Err(CodedKvError::Form(2)));
    assert_eq!(changed(2, 0xff), Err(CodedKvError::Step));
    assert_eq!(changed(4, 0x00), Err(CodedKvError::Step));
    assert_eq!(good[7..11], [1, 0, 0, 0], "one escape");
    assert_eq!(changed(10, 0xff), Err(CodedKvError::Short));
    let mut found = 0;
    for (at, byte) in good.iter().enumerate().skip(13) {
        found += usize::from(changed(at, byte ^ 1 << random.below(8)).is_err());
    }
    assert!(found + 1 >= good.len() - 13, "{found} of {} changes found", good.len() - 13);
    for at in 1..13 {
        for byte in 0..=255 {
            let _ = changed(at, byte);
        }
    }
    for _ in 0..20_000 {
        let len = random.below(300);
        let mut bytes: Vec<u8> = (0..len).map(|_| random.bits().to_le_bytes()[0]).collect();
        let head = random.below(good.len().min(len + 1));
        bytes[..head].copy_from_slice(&good[..head]);
        let _ = decode(&bytes);
    }
}

/// An escape that nothing stands for, and one that is missing.
#[test]
fn escapes_are_as_many_as_codes_that_stand_for_one() {
    let mut random = Random(7);
    let layout = KvLayout::new(KvFormat::F32, 1, 8);
    let [mut keys, values] = [(); 2].map(|()| channels(&mut random, 1, 8));
    keys[9] = 1e4;
    let good = encoded(&layout, &block(&layout, &keys, &values), KvStep::Coarse);
    let count = usize::from(good[7]);
    let escapes = 11..11 + 2 * count;
    let of = |count: usize, escapes: &[u8]| {
        let count = u32::try_from(count).unwrap().to_le_bytes();
        let rest = &good[11 + 2 * usize::from(good[7])..];
        let bytes = [&good[..7], &count, escapes, rest].concat();
        decode_kv(&layout, &bytes, &mut vec![0; layout.block_bytes()]).map(<[u8]>::len)
    };
    assert!(count > 0);
    assert_eq!(of(count, &good[escapes.clone()]), Ok(0));
    assert_eq!(of(count - 1, &good[11..9 + 2 * count]), Err(CodedKvError::Escapes));
    let more = [&good[escapes], &[1, 0]].concat();
    assert_eq!(of(count + 1, &more), Err(CodedKvError::Escapes));
}

/// Goal: all machines write the same bytes and read the same values. Method: a sum of both, as they are
/// on this one; a difference here is another format, and wants other names of segments.
#[test]
fn codes_never_change() {
    let mut random = Random(8);
    let mut sum = 0_u64;
    for (heads, width) in [(1, 4), (2, 32), (1, 5)] {
        for format in KvFormat::ALL {
            let layout = KvLayout::new(format, heads, width);
            let block = {
                let [mut keys, values] = [(); 2].map(|()| uneven(&mut random, heads * width));
                keys[1] = 200.0;
                block(&layout, &keys, &values)
            };
            for step in [KvStep::Fine, KvStep::Coarse] {
                let bytes = encoded(&layout, &block, step);
                for byte in bytes.iter().chain(&decoded(&layout, &bytes)) {
                    sum = sum.wrapping_mul(0x0100_0000_01b3) ^ u64::from(*byte);
                }
            }
        }
    }
    assert_eq!(sum, 0xa50b_dbe2_4301_566d, "{sum:#x}");
}

/// As [`channels`], from basic operations alone.
fn uneven(random: &mut Random, row: usize) -> Vec<f32> {
    let mut elements = Vec::new();
    for _ in 0..BLOCK_SLOTS {
        for channel in 0..row {
            let size = 0.1 + (channel % 7) as f32;
            elements.push(random.float() * size + (channel % 3) as f32);
        }
    }
    elements
}
