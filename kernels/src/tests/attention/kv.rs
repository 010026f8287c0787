//! Keys and values: what is read back is what was written, as near as the format promises.

use super::*;
use crate::hadamard::rotate;
use crate::table::{available, current};
use crate::tests::assert_same_bits;

/// Keys `[E, 32]` and values `[32, E]` of the first KV head of `sequence`'s first block.
fn read(table: &Table, sequence: &Sequence) -> (Vec<f32>, Vec<f32>) {
    let tile = vec![f32::NAN; BLOCK_SLOTS * sequence.layout.head_width];
    let (mut keys, mut values) = (tile.clone(), tile);
    let blocks = sequence.blocks();
    let kv = PagedKv { layout: sequence.layout, blocks: &blocks, layer_at: LAYER_AT };
    let head = kv.head(0, 0);
    (table.attention.read_keys)(&sequence.layout, head, &mut keys);
    (table.attention.read_values)(&sequence.layout, head, &mut values);
    (keys, values)
}

/// Largest error that `format` allows in a group whose largest magnitude is `absmax` and whose range
/// is `range`; the last part is the coarseness of the smallest `f16`.
fn bound(format: KvFormat, absmax: f32, range: f32) -> f32 {
    match format {
        KvFormat::F32 => 0.0,
        KvFormat::F16 => absmax / 2048.0 + 3e-8,
        KvFormat::Q8 => absmax / 253.0 + 4e-6,
        KvFormat::Q4 => range / 29.9 + absmax / 1024.0,
    }
}

#[test]
fn every_slot_reads_back_within_the_formats_bound() {
    let mut random = Random(1);
    for width in [1, 2, 6, 8, 20, 48, 64, 80, 96, 128] {
        for format in KvFormat::ALL {
            for scale in [1.0, 1e-3, 300.0] {
                let layout = KvLayout::new(format, 1, width);
                let mut sequence = Sequence::new(&mut random, layout, BLOCK_SLOTS);
                sequence.keys.iter_mut().for_each(|x| *x = *x * scale + scale);
                sequence.values.iter_mut().for_each(|x| *x = *x * scale + scale);
                sequence.write(current());
                let mut written = sequence.keys.clone();
                if format.rotates_keys() {
                    rotate(&mut written, width);
                }
                let group = 32.min(1 << width.trailing_zeros());
                let (keys, values) = read(current(), &sequence);
                for (index, written) in written.chunks(group).enumerate() {
                    let (slot, first) = (index * group / width, index * group % width);
                    let key = |i: usize| keys[(first + i) * BLOCK_SLOTS + slot];
                    check(format, written, key);
                }
                for (written, values) in sequence.values.chunks(group).zip(values.chunks(group)) {
                    check(format, written, |i| values[i]);
                }
            }
        }
    }
}

/// Goal: a whole block comes back as it was written, keys not turned. Method: several heads, whose
/// order a wrong stride would change; within twice the format's bound, because turning back adds the
/// errors of a whole group.
#[test]
fn a_block_is_read_back_position_by_position() {
    let mut random = Random(5);
    for (heads, width) in [(1, 1), (3, 6), (2, 48), (4, 64)] {
        for format in KvFormat::ALL {
            let layout = KvLayout::new(format, heads, width);
            let rows = BLOCK_SLOTS * heads * width;
            let [keys, values] = [(); 2].map(|()| random.floats(rows));
            let mut block = vec![0; layout.block_bytes()];
            let slots = keys.chunks(heads * width).zip(values.chunks(heads * width));
            for (slot, (key, value)) in slots.enumerate() {
                crate::write_kv(&layout, &mut block, slot, key, value);
            }
            let [mut read_keys, mut read_values] = [(); 2].map(|()| vec![f32::NAN; rows]);
            crate::read_kv(&layout, &block, &mut read_keys, &mut read_values);
            for (read, written) in [(read_keys, &keys), (read_values, &values)] {
                for (read, written) in read.chunks(width).zip(written.chunks(width)) {
                    let absmax = written.iter().fold(0.0, |max: f32, x| max.max(x.abs()));
                    #[expect(clippy::cast_precision_loss, reason = "widths are small")]
                    let bound = bound(format, absmax, 2.0 * absmax) * (width as f32).sqrt();
                    for (read, written) in read.iter().zip(written) {
                        let exact = format == KvFormat::F32 && read == written;
                        assert!(exact || (read - written).abs() <= bound, "{format} {width}");
                    }
                }
            }
        }
    }
}

fn check(format: KvFormat, written: &[f32], read: impl Fn(usize) -> f32) {
    let absmax = written.iter().fold(0.0, |max: f32, x| max.max(x.abs()));
    let fold = |f: fn(f32, f32) -> f32| written.iter().copied().reduce(f).unwrap();
    let bound = bound(format, absmax, fold(f32::max) - fold(f32::min));
    for (i, written) in written.iter().enumerate() {
        let error = (read(i) - written).abs();
        assert!(error <= bound, "{format}: {} for {written}, bound {bound}", read(i));
    }
}

#[test]
fn every_table_writes_and_reads_the_same() {
    let mut random = Random(2);
    for width in [1, 2, 6, 8, 20, 48, 64, 80, 96, 128] {
        for format in KvFormat::ALL {
            for wild in [false, true] {
                let layout = KvLayout::new(format, 2, width);
                let mut sequence = Sequence::new(&mut random, layout, 29);
                if wild {
                    sequence.keys = random.wild_floats(sequence.keys.len());
                    sequence.values = random.wild_floats(sequence.values.len());
                }
                sequence.write(&crate::scalar::TABLE);
                let (bytes, (keys, values)) =
                    (sequence.blocks.clone(), read(&crate::scalar::TABLE, &sequence));
                for table in available() {
                    sequence.write(table);
                    // Half precision may keep another NaN.
                    assert!(wild || sequence.blocks == bytes, "{} {format}", table.name);
                    let got = read(table, &sequence);
                    assert_same_bits(&got.0, &keys, table.name);
                    assert_same_bits(&got.1, &values, table.name);
                }
            }
        }
    }
}

#[test]
fn writing_a_slot_leaves_the_others_alone() {
    let mut random = Random(3);
    for format in KvFormat::ALL {
        let layout = KvLayout::new(format, 1, 48);
        let mut sequence = Sequence::new(&mut random, layout, BLOCK_SLOTS);
        let before = read(current(), &sequence);
        let around = |sequence: &Sequence| {
            let (before, rest) = sequence.blocks[0].split_at(LAYER_AT);
            [before, &rest[layout.block_bytes()..]].concat()
        };
        let outside = around(&sequence);
        for slot in 0..BLOCK_SLOTS {
            let new = random.floats(96);
            let block = &mut sequence.blocks[0][LAYER_AT..][..layout.block_bytes()];
            crate::write_kv(&layout, block, slot, &new[..48], &new[48..]);
            let after = read(current(), &sequence);
            for other in slot + 1..BLOCK_SLOTS {
                let key = |tile: &[f32]| {
                    tile.iter().skip(other).step_by(BLOCK_SLOTS).copied().collect::<Vec<_>>()
                };
                assert_eq!(key(&after.0), key(&before.0), "{format}");
                assert_eq!(after.1[other * 48..][..48], before.1[other * 48..][..48], "{format}");
            }
        }
        assert_eq!(around(&sequence), outside);
    }
}

#[test]
fn a_group_that_codes_cannot_hold_reads_as_nan_alone() {
    for format in [KvFormat::Q8, KvFormat::Q4] {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30] {
            let layout = KvLayout::new(format, 1, 64);
            let mut value = vec![1.0; 64];
            value[3] = bad;
            let sequence = Sequence::of(layout, vec![1.0; 64], value);
            let (_, values) = read(current(), &sequence);
            assert!(values[..32].iter().all(|x| x.is_nan()), "{format} {bad}");
            assert!(values[32..64].iter().all(|x| (x - 1.0).abs() < 1e-2), "{format} {bad}");
        }
    }
}

#[test]
fn rotation_keeps_products_and_spreads_a_large_element() {
    let mut random = Random(4);
    for width in [2, 6, 48, 64, 128] {
        let (mut a, mut b) = (random.floats(3 * width), random.floats(3 * width));
        let dot =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        let before = dot(&a, &b);
        rotate(&mut a, width);
        rotate(&mut b, width);
        assert!((dot(&a, &b) - before).abs() < 1e-4, "{width}");
    }
    let mut one = vec![0.0; 64];
    one[5] = 8.0;
    rotate(&mut one, 64);
    assert!(one.iter().all(|x| x.abs() == 1.0));
}

#[test]
fn formats_have_names_and_sizes() {
    for format in KvFormat::ALL {
        assert_eq!(KvFormat::from_name(format.name()), Some(format));
    }
    assert_eq!(KvFormat::from_name("q5"), None);
    let bytes = |format| KvLayout::new(format, 4, 64).block_bytes() / (4 * BLOCK_SLOTS);
    assert_eq!(KvFormat::ALL.map(bytes), [512, 256, 136, 80]);
}
