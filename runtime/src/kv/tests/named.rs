//! Segments that are asked for by the name of their text, and which blocks are new to whoever keeps them.

use super::segments::{FREQUENCIES, all, bring, elsewhere, segments};
use super::*;
use crate::kv::key::SegmentKey;

/// Goal: who asks by name gets what who knows the text gets, and nothing of a name that is not here.
#[test]
fn a_name_gives_the_segment_that_its_text_gives() {
    for kv in [KvFormat::F32, KvFormat::F16, KvFormat::Q8, KvFormat::Q4] {
        let (options, tokens) = (shared(kv), text(0, 70));
        let segments = segments(&options, &tokens);
        let mut pool = elsewhere(&options, &tokens);
        // Heads of width 4 have blocks of one length in eight bits and in four.
        let tells = |format| {
            matches!((format, kv), (SegmentFormat::Exact, _) | (_, KvFormat::F32 | KvFormat::F16))
        };
        let suits = |format: &SegmentFormat| format.suits(kv) && tells(*format);
        for format in SegmentFormat::ALL.into_iter().filter(suits) {
            for layers in [
                shape().layers,
                LayerRange::new(shape().layers.start(), shape().layers.start() + 1).unwrap(),
            ] {
                for block in 0..2 {
                    let segment = segments.at(block, layers, format).unwrap();
                    let bytes = pool.export_named(segment.text(), layers, format);
                    assert_eq!(bytes, pool.export(&segment));
                    assert!(bytes.is_some());
                    assert_eq!(SegmentKey::of(segment.text(), layers, format), segment.key());
                    let other = TextKey(segment.key().0);
                    assert_eq!(pool.export_named(other, layers, format), None);
                }
            }
        }
        let first = segments.at(0, shape().layers, SegmentFormat::Exact).unwrap().text();
        let beyond = LayerRange::new(0, shape().layers.end() + 1).unwrap();
        assert_eq!(pool.export_named(first, beyond, SegmentFormat::Exact), None);
        assert_eq!(pool.export_named(first, LayerRange::all(0), SegmentFormat::Exact), None);
    }
    for format in SegmentFormat::ALL {
        assert_eq!(SegmentFormat::from_code(format.code()), Some(format));
    }
}

/// What is completed is told once, and what came as a segment, or is nobody's, was not completed here.
#[test]
fn blocks_that_passes_complete_are_told_once() {
    let (options, text) = (shared(KvFormat::F16), text(1, 100));
    let mut from = elsewhere(&options, &text);
    assert_eq!(from.take_completed(), [], "nobody asked");
    let bound = shape().bytes_max(&options, 300, 0);
    let mut pool = KvPool::new(shape(), bound, FREQUENCIES.to_vec()).unwrap();
    pool.note_what_is_completed();
    let all = all(&segments(&options, &text), SegmentFormat::Exact);
    bring(&mut pool, &mut from, &all, &[0]);
    let sequence = pool.open(&options);
    append(&mut pool, sequence, &[], &text, 32).unwrap();
    let unshared = pool.open(&KvOptions::default());
    append(&mut pool, unshared, &[], &text, 0).unwrap();
    let expected: Vec<_> = all[1..].iter().map(|one| (one.text(), one.layers())).collect();
    assert_eq!(pool.take_completed(), expected);
    assert_eq!(pool.take_completed(), []);
}
