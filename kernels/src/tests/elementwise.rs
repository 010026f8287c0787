//! Norms, activations and rotary positions.

use super::{Random, assert_same_bits};
use crate::elementwise::swiglu_with;
use crate::norm::rms_norm_with;
use crate::rope::rope_with;
use crate::table::available;
use crate::{Pool, RopeLayout, RopeTurns, add, add_to_rows, rms_norm, rope, scalar, swiglu};

fn one_thread() -> Pool {
    Pool::new(1).unwrap()
}

#[test]
fn every_table_normalizes_to_the_oracles_bits() {
    let mut random = Random(1);
    for width in [1, 5, 32, 100, 256] {
        for x in [random.floats(3 * width), random.wild_floats(3 * width)] {
            let weight = random.floats(width);
            let norm = |table| {
                let mut out = vec![f32::NAN; x.len()];
                rms_norm_with(table, &one_thread(), &x, &weight, 1e-5, &mut out);
                out
            };
            for table in available() {
                assert_same_bits(&norm(table), &norm(&scalar::TABLE), table.name);
            }
        }
    }
}

#[test]
fn every_table_activates_to_the_oracles_bits() {
    let mut random = Random(2);
    for len in [1, 7, 8, 9, 40, 1000] {
        let wide: Vec<f32> = random.floats(len).iter().map(|x| x * 40.0).collect();
        for gate in [random.wild_floats(len), wide] {
            let up = random.floats(len);
            let activated = |table: &crate::table::Table| {
                let mut gate = gate.clone();
                (table.swiglu)(&mut gate, &up);
                gate
            };
            for table in available() {
                assert_same_bits(&activated(table), &activated(&scalar::TABLE), table.name);
            }
        }
    }
}

#[test]
fn rms_norm_agrees_with_double_precision() {
    let mut random = Random(3);
    let (x, weight) = (random.floats(2 * 300), random.floats(300));
    let mut out = vec![0.0; 600];
    rms_norm(&one_thread(), &x, &weight, 1e-5, &mut out);
    for (x, out) in x.chunks(300).zip(out.chunks(300)) {
        let squares: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum();
        let scale = 1.0 / (squares / 300.0 + 1e-5).sqrt();
        for ((x, weight), out) in x.iter().zip(&weight).zip(out) {
            let exact = f64::from(*x) * scale * f64::from(*weight);
            assert!((f64::from(*out) - exact).abs() <= 1e-6 * exact.abs(), "{out} for {exact}");
        }
    }
}

#[test]
fn swiglu_agrees_with_double_precision() {
    let mut random = Random(4);
    let (gate, up) = (random.floats(500), random.floats(500));
    let mut out = gate.clone();
    swiglu(&one_thread(), &mut out, &up);
    for ((gate, up), out) in gate.iter().zip(&up).zip(&out) {
        let g = f64::from(*gate);
        let exact = g / (1.0 + (-g).exp()) * f64::from(*up);
        assert!((f64::from(*out) - exact).abs() <= 1e-6 * exact.abs(), "{out} for {exact}");
    }
}

#[test]
fn add_adds() {
    let mut x = [1.0, 2.0];
    add(&one_thread(), &mut x, &[10.0, -2.0]);
    assert_eq!(x, [11.0, 0.0]);
}

/// Goal: every row gets all of it once, however many threads share the rows. Method: more rows than
/// one thread keeps to itself.
#[test]
fn a_row_is_added_to_each_row() {
    const ROWS: usize = 300;
    let mut random = Random(7);
    let (x, y) = (random.floats(ROWS * 100), random.floats(100));
    let expected: Vec<f32> = x.iter().zip(y.iter().cycle()).map(|(x, y)| x + y).collect();
    for threads in [1, 3] {
        let mut sum = x.clone();
        add_to_rows(&Pool::new(threads).unwrap(), &mut sum, &y);
        assert_same_bits(&sum, &expected, "added");
    }
}

/// Each pair turned in double precision, for heads wider than their rotary part.
#[test]
fn rope_turns_the_pairs_of_its_layout_and_leaves_the_rest() {
    let mut random = Random(5);
    let frequencies = [1.0, 0.1, 0.011];
    let (heads, width) = (2, 8);
    let positions = [0, 7, 999];
    let turns = RopeTurns::new(&frequencies, &positions);
    for layout in [RopeLayout::Interleaved, RopeLayout::HalfSplit] {
        let x = random.floats(positions.len() * heads * width);
        let mut turned = x.clone();
        rope(&one_thread(), &mut turned, heads, width, &turns, layout);
        for (index, (x, turned)) in x.chunks(width).zip(turned.chunks(width)).enumerate() {
            let position = f64::from(positions[index / heads]);
            for (i, frequency) in frequencies.iter().enumerate() {
                let (a, b) = match layout {
                    RopeLayout::Interleaved => (2 * i, 2 * i + 1),
                    RopeLayout::HalfSplit => (i, i + 3),
                };
                let (sin, cos) = (position * f64::from(*frequency)).sin_cos();
                let (from_a, from_b) = (f64::from(x[a]), f64::from(x[b]));
                assert!((f64::from(turned[a]) - (from_a * cos - from_b * sin)).abs() < 1e-6);
                assert!((f64::from(turned[b]) - (from_a * sin + from_b * cos)).abs() < 1e-6);
            }
            assert_eq!(x[6..], turned[6..]);
        }
        assert_eq!(x[..heads * width], turned[..heads * width], "position 0 turns by nothing");
    }
}

#[test]
fn every_table_turns_to_the_oracles_bits() {
    let mut random = Random(6);
    for (pairs, width) in [(1, 2), (3, 8), (8, 16), (20, 41), (32, 64), (32, 80)] {
        let frequencies: Vec<f32> = (0..pairs).map(|_| random.float().abs()).collect();
        let turns = RopeTurns::new(&frequencies, &[5, 1_000_000, 4_000_000]);
        for layout in [RopeLayout::Interleaved, RopeLayout::HalfSplit] {
            let x = random.wild_floats(3 * 2 * width);
            let turned = |table| {
                let mut x = x.clone();
                rope_with(table, &one_thread(), &mut x, 2, width, &turns, layout);
                x
            };
            for table in available() {
                assert_same_bits(&turned(table), &turned(&scalar::TABLE), table.name);
            }
        }
    }
}

/// Large enough that threads share the rows, in numbers that no number of threads divides.
#[test]
fn threads_change_no_bit() {
    let mut random = Random(7);
    let (rows, width) = (131, 1037);
    let (x, y) = (random.floats(rows * width), random.floats(rows * width));
    let positions: Vec<u32> = (0..131).collect();
    let turns = RopeTurns::new(&[1.0, 0.3, 0.1], &positions);
    let all = |pool: &Pool| {
        let mut results = [x.clone(), x.clone(), x.clone(), vec![f32::NAN; x.len()]];
        let [sum, gate, turned, norm] = &mut results;
        add(pool, sum, &y);
        swiglu_with(crate::table::current(), pool, gate, &y);
        rope(pool, turned, 1, width, &turns, RopeLayout::HalfSplit);
        rms_norm(pool, &x, &y[..width], 1e-5, norm);
        results.concat()
    };
    let alone = all(&one_thread());
    for threads in 2..=4 {
        assert_same_bits(&all(&Pool::new(threads).unwrap()), &alone, &format!("{threads} threads"));
    }
}

#[test]
#[should_panic(expected = "out of range")]
fn rope_refuses_an_angle_that_it_cannot_reduce() {
    let _ = RopeTurns::new(&[1e9], &[10]);
}
