//! Every table against the oracle, and the oracle against double precision.

use super::*;
use crate::scalar;
use crate::table::{available, current};
use crate::tests::assert_same_bits;

/// Widths with and without whole vectors, groups of every size, and one and several stretches.
const WIDTHS: [usize; 9] = [1, 2, 6, 8, 48, 64, 80, 96, 128];

#[test]
fn every_table_returns_the_oracles_bits() {
    let mut random = Random(1);
    for (case, width) in WIDTHS.into_iter().enumerate() {
        let kv_heads = 1 + case % 2;
        let heads = kv_heads * [1, 2, 3, 8][case % 4];
        for format in KvFormat::ALL {
            let layout = KvLayout::new(format, kv_heads, width);
            let mut sequence = Sequence::new(&mut random, layout, 300);
            for wild in [false, true] {
                if wild {
                    sequence.keys = random.wild_floats(sequence.keys.len());
                    sequence.values = random.wild_floats(sequence.values.len());
                    sequence.write(current());
                }
                for view in [View::ALL, windowed(1, 0), windowed(70, 5), windowed(1000, 40)] {
                    let rows = 1 + random.below(11);
                    let positions: Vec<u32> = (289..).take(rows).collect();
                    let q = random.floats(positions.len() * heads * width);
                    let sink_q = Some(random.floats(q.len()));
                    let rows = Rows { sequence: &sequence, q, sink_q, positions, view };
                    let expected = rows.attend(&scalar::TABLE, &one_thread(), heads);
                    for table in available() {
                        let got = rows.attend(table, &one_thread(), heads);
                        let what = format!("{} {format} {width} {view:?}", table.name);
                        assert_same_bits(&got, &expected, &what);
                    }
                }
            }
        }
    }
}

/// The weighted mean that row `t` and head `h` of `rows` stand for, in double precision.
fn exact(rows: &Rows<'_>, heads: usize, t: usize, h: usize) -> Vec<f64> {
    let Sequence { layout, keys, values, .. } = rows.sequence;
    let (width, position) = (layout.head_width, rows.positions[t]);
    let at = |j: u32| (j as usize * layout.kv_heads + h / (heads / layout.kv_heads)) * width;
    let sees = |j: &u32| {
        let in_window = rows.view.window.is_none_or(|window| *j + window > position);
        in_window || *j < rows.view.sinks
    };
    let seen: Vec<u32> = (0..=position).filter(sees).collect();
    let score = |&j: &u32| {
        let q = rows.sink_q.as_ref().filter(|_| j < rows.view.sinks).unwrap_or(&rows.q);
        let q = &q[(t * heads + h) * width..][..width];
        let key = &keys[at(j)..][..width];
        let dot: f64 = q.iter().zip(key).map(|(q, k)| f64::from(*q) * f64::from(*k)).sum();
        (dot / (width as f64).sqrt()).exp()
    };
    let weights: Vec<f64> = seen.iter().map(score).collect();
    let sum: f64 = weights.iter().sum();
    let mean = |e| {
        let value = |j: &u32| f64::from(values[at(*j) + e]);
        seen.iter().zip(&weights).map(|(j, weight)| weight / sum * value(j)).sum()
    };
    (0..width).map(mean).collect()
}

/// Goal: the result is the softmax over the right positions. Method: compare with double precision;
/// sinks are scored by queries of their own, so a wrong choice of positions or queries is far off.
///
/// The bounds: rounding alone for f32; relative 2^-11 of keys and values for f16; codes' half steps for
/// the others, most of which average out over the positions.
#[test]
fn the_oracle_agrees_with_double_precision_in_every_format() {
    let mut random = Random(3);
    let bounds = [1e-5, 3e-3, 0.03, 0.6];
    for (format, bound) in KvFormat::ALL.into_iter().zip(bounds) {
        for (heads, kv_heads, width) in [(6, 3, 16), (2, 1, 64), (1, 1, 6)] {
            let layout = KvLayout::new(format, kv_heads, width);
            let sequence = Sequence::new(&mut random, layout, 320);
            for view in
                [View::ALL, windowed(1, 0), windowed(50, 0), windowed(35, 3), windowed(260, 33)]
            {
                for first in [0, 31, 37, 255, 300] {
                    let positions: Vec<u32> = (first..first + 3).collect();
                    let q = random.floats(3 * heads * width);
                    let sink_q = Some(random.floats(q.len()));
                    let rows = Rows { sequence: &sequence, q, sink_q, positions, view };
                    let got = rows.attend(current(), &one_thread(), heads);
                    for (index, got) in got.chunks(width).enumerate() {
                        let exact = exact(&rows, heads, index / heads, index % heads);
                        for (got, exact) in got.iter().zip(exact) {
                            let error = (f64::from(*got) - exact).abs();
                            assert!(error < bound, "{format} {view:?} {first}: {got} for {exact}");
                        }
                    }
                }
            }
        }
    }
}

/// Scores of plus and minus thousands: one weight is 1, the others 0, and nothing overflows.
#[test]
fn extreme_scores_pick_their_position() {
    let mut random = Random(4);
    let width = 64;
    let layout = KvLayout::new(KvFormat::F32, 1, width);
    for best in [0, 40, 255, 256, 299] {
        let mut keys = vec![-100.0; 300 * width];
        keys[best * width..][..width].fill(100.0);
        let values = random.floats(300 * width);
        let sequence = Sequence::of(layout, keys, values);
        let q = vec![1000.0; width];
        let rows =
            Rows { sequence: &sequence, q, sink_q: None, positions: vec![299], view: View::ALL };
        let got = rows.attend(current(), &one_thread(), 1);
        assert_same_bits(&got, &sequence.values[best * width..][..width], "the best one's value");
    }
}

/// Without `sink_q`, sinks are scored like all others.
#[test]
fn sinks_without_queries_of_their_own_take_the_rows() {
    let mut random = Random(5);
    let layout = KvLayout::new(KvFormat::F16, 1, 16);
    let sequence = Sequence::new(&mut random, layout, 60);
    let (q, view) = (random.floats(16), windowed(10, 4));
    let attend = |sink_q| {
        let rows = Rows { sequence: &sequence, q: q.clone(), sink_q, positions: vec![50], view };
        rows.attend(current(), &one_thread(), 1)
    };
    assert_same_bits(&attend(None), &attend(Some(q.clone())), "the same queries");
    assert_ne!(attend(None), attend(Some(random.floats(16))));
}
