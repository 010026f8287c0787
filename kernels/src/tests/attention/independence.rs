//! What must not change a row: its company, the threads, and what it does not see.

use super::*;
use crate::table::{available, current};
use crate::tests::assert_same_bits;

/// Rows `from..to` of `rows`.
fn part<'a>(rows: &Rows<'a>, from: usize, to: usize) -> Rows<'a> {
    let row = rows.q.len() / rows.positions.len();
    let cut = |q: &[f32]| q[from * row..to * row].to_vec();
    Rows {
        sequence: rows.sequence,
        q: cut(&rows.q),
        sink_q: rows.sink_q.as_deref().map(cut),
        positions: rows.positions[from..to].to_vec(),
        view: rows.view,
    }
}

/// Goal: a row's bits are its own. Method: rows alone, all together, and ragged batches of several
/// sequences, by 1 to 4 threads, must agree.
#[test]
fn a_row_does_not_notice_its_company_or_the_threads() {
    let mut random = Random(2);
    let (heads, kv_heads, width) = (6, 2, 32);
    let pools: Vec<Pool> = (1..=4).map(|threads| Pool::new(threads).unwrap()).collect();
    for format in KvFormat::ALL {
        let layout = KvLayout::new(format, kv_heads, width);
        let sequences: Vec<_> =
            [700, 340, 45].map(|length| Sequence::new(&mut random, layout, length)).into();
        let views = [View::ALL, windowed(300, 40), windowed(20, 0)];
        let mut all = Vec::new();
        for (sequence, view) in sequences.iter().zip(views) {
            let length = u32::try_from(sequence.keys.len() / (kv_heads * width)).unwrap();
            let positions: Vec<u32> = (length - 40..length).collect();
            let q = random.floats(positions.len() * heads * width);
            all.push(Rows { sequence, sink_q: Some(random.floats(q.len())), q, positions, view });
        }
        let alone: Vec<Vec<f32>> = all
            .iter()
            .map(|rows| {
                let one = |t| part(rows, t, t + 1).attend(current(), &pools[0], heads);
                (0..rows.positions.len()).flat_map(one).collect()
            })
            .collect();
        for pool in &pools {
            let together = attend(current(), pool, heads, &all.iter().collect::<Vec<_>>());
            assert_same_bits(&together, &alone.concat(), &format!("{format} {pool:?}"));
            let none = part(&all[0], 7, 7);
            let with_none =
                attend(current(), pool, heads, &[&none, &all[1], &none, &all[2], &none]);
            assert_same_bits(&with_none, &alone[1..].concat(), "spans without rows");
            for (rows, alone) in all.iter().zip(&alone) {
                let (from, row) = (random.below(30), heads * width);
                let to = from + 1 + random.below(10);
                let got = part(rows, from, to).attend(current(), pool, heads);
                assert_same_bits(&got, &alone[from * row..to * row], &format!("{from}..{to}"));
            }
        }
    }
}

/// Few rows at a long context: the pool shares the stretches of one row.
#[test]
fn stretches_shared_by_threads_merge_to_the_same_bits() {
    let mut random = Random(6);
    let layout = KvLayout::new(KvFormat::Q8, 1, 64);
    let sequence = Sequence::new(&mut random, layout, 2000);
    for view in [View::ALL, windowed(900, 300)] {
        let q = random.floats(8 * 64);
        let sink_q = Some(random.floats(8 * 64));
        let rows = Rows { sequence: &sequence, q, sink_q, positions: vec![1999], view };
        for table in available() {
            let alone = rows.attend(table, &one_thread(), 8);
            for threads in 2..=4 {
                let got = rows.attend(table, &Pool::new(threads).unwrap(), 8);
                assert_same_bits(&got, &alone, &format!("{threads} threads"));
            }
        }
    }
}

/// A NaN poisons the rows that see it and no other, in the same pass or not.
#[test]
fn what_a_row_does_not_see_has_no_effect() {
    let mut random = Random(7);
    let (heads, width) = (2, 16);
    for format in KvFormat::ALL {
        let layout = KvLayout::new(format, 1, width);
        let clean = Sequence::new(&mut random, layout, 100);
        let q = random.floats(60 * heads * width);
        let positions: Vec<u32> = (40..100).collect();
        for in_keys in [true, false] {
            let (mut keys, mut values) = (clean.keys.clone(), clean.values.clone());
            let poisoned = if in_keys { &mut keys } else { &mut values };
            poisoned[70 * width..71 * width].fill(f32::NAN);
            let sequence = Sequence::of(layout, keys, values);
            for view in [View::ALL, windowed(10, 0), windowed(10, 3)] {
                let attend = |sequence: &Sequence| {
                    let (q, positions) = (q.clone(), positions.clone());
                    let rows = Rows { sequence, q, sink_q: None, positions, view };
                    rows.attend(current(), &one_thread(), heads)
                };
                let (got, expected) = (attend(&sequence), attend(&clean));
                let sees = |position: &usize| {
                    *position >= 70 && view.window.is_none_or(|_| *position < 80)
                };
                let row = heads * width;
                for (t, position) in (40..100).enumerate() {
                    let got = &got[t * row..][..row];
                    if sees(&position) {
                        assert!(got.iter().all(|x| x.is_nan()), "{format} {position}");
                    } else {
                        assert_same_bits(got, &expected[t * row..][..row], "untouched");
                    }
                }
            }
        }
    }
}

#[test]
fn evicted_blocks_that_no_row_sees_may_be_gone() {
    let mut random = Random(8);
    let layout = KvLayout::new(KvFormat::F16, 2, 8);
    let whole = Sequence::new(&mut random, layout, 400);
    let mut evicted = Sequence::of(layout, whole.keys.clone(), whole.values.clone());
    let view = windowed(40, 4);
    let positions: Vec<u32> = (390..400).collect();
    // Rows see 0..4 and, the first of them, from 351 on: blocks 1 to 9 are gone.
    for block in 1..10 {
        evicted.blocks[block].clear();
    }
    let (q, sink_q) = (random.floats(10 * 16), Some(random.floats(10 * 16)));
    let attend = |sequence: &Sequence| {
        let (q, sink_q, positions) = (q.clone(), sink_q.clone(), positions.clone());
        let rows = Rows { sequence, q, sink_q, positions, view };
        rows.attend(current(), &one_thread(), 2)
    };
    assert_same_bits(&attend(&evicted), &attend(&whole), "the same");
}

#[test]
#[should_panic(expected = "evicted")]
fn a_row_that_sees_an_evicted_block_is_a_callers_mistake() {
    let layout = KvLayout::new(KvFormat::F16, 1, 8);
    let mut sequence = Sequence::new(&mut Random(9), layout, 64);
    sequence.blocks[0].clear();
    let (q, positions) = (vec![0.0; 8], vec![40]);
    let rows = Rows { sequence: &sequence, q, sink_q: None, positions, view: View::ALL };
    rows.attend(current(), &one_thread(), 1);
}
