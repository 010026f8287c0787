//! The batcher against tables of who waits.

use super::*;

/// Runs batches until nothing waits; one line a batch: `sequence:start..end`.
fn trace(batcher: &mut Batcher<char, &'static str>) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(batch) = batcher.next_batch() {
        let mut line = batch.run.to_string();
        for slice in &batch.slices {
            line += &format!(" {}:{}..{}", slice.sequence, slice.rows.start, slice.rows.end);
            batcher.advance(slice);
        }
        lines.push(line);
        assert!(lines.len() < 100, "does not end: {lines:?}");
    }
    lines
}

fn check(rows_max: usize, jobs: &[(SequenceKey, char, usize)], expected: &[&str]) {
    let mut batcher = Batcher::new(rows_max);
    for (sequence, run, rows) in jobs {
        batcher.push(*sequence, *run, *rows, "job");
    }
    assert_eq!(trace(&mut batcher), expected, "{rows_max} rows, {jobs:?}");
    assert!(batcher.is_empty());
}

#[test]
fn everything_that_fits_runs_at_once_in_order_of_arrival() {
    check(64, &[(3, 'a', 9), (1, 'a', 1), (2, 'a', 5)], &["a 3:0..9 1:0..1 2:0..5"]);
}

#[test]
fn a_prefill_takes_what_the_others_leave() {
    check(64, &[(1, 'a', 90), (2, 'a', 4)], &["a 1:0..60 2:0..4", "a 1:60..90"]);
}

#[test]
fn prefills_share_a_batch_evenly() {
    check(
        64,
        &[(1, 'a', 70), (2, 'a', 70)],
        &["a 1:0..32 2:0..32", "a 1:32..64 2:32..64", "a 1:64..70 2:64..70"],
    );
}

#[test]
fn a_round_of_drafts_that_does_not_fit_whole_waits_for_the_next_batch() {
    check(40, &[(1, 'a', 30), (2, 'a', 20), (3, 'a', 20)], &["a 1:0..30", "a 2:0..20 3:0..20"]);
}

#[test]
fn a_budget_below_a_share_still_moves() {
    check(4, &[(1, 'a', 6), (2, 'a', 3)], &["a 1:0..4", "a 2:0..3", "a 1:4..6"]);
}

#[test]
fn jobs_of_one_sequence_run_one_after_the_other() {
    check(64, &[(1, 'a', 2), (1, 'a', 3), (2, 'a', 1)], &["a 1:0..2 2:0..1", "a 1:0..3"]);
}

#[test]
fn another_range_of_layers_is_another_batch_and_is_not_passed_over() {
    check(
        64,
        &[(1, 'a', 40), (2, 'b', 2), (3, 'a', 2), (1, 'a', 1)],
        &["a 1:0..40 3:0..2", "b 2:0..2", "a 1:0..1"],
    );
}

/// Goal: a decode step gets its turn within the promised number of batches, however many prefills
/// wait. Method: prefills that never end, and one decode that arrives behind them all.
#[test]
fn prefills_never_starve_a_decode() {
    let (prefills, rows_max) = (20_u8, 128);
    let mut batcher = Batcher::new(rows_max);
    for sequence in 0..prefills {
        batcher.push(sequence.into(), 'a', 1_000_000, "prefill");
    }
    batcher.push(99, 'a', 1, "decode");
    let batches_max = ((usize::from(prefills) + 1) * ROWS_SHARE).div_ceil(rows_max);
    for _ in 0..batches_max {
        let batch = batcher.next_batch().unwrap();
        let rows: usize = batch.slices.iter().map(|slice| slice.rows.len()).sum();
        assert!(rows <= rows_max && rows > rows_max - ROWS_SHARE, "{batch:?}");
        let done = batch.slices.iter().filter_map(|slice| batcher.advance(slice));
        if done.collect::<Vec<_>>() == ["decode"] {
            return;
        }
    }
    panic!("the decode waits longer than {batches_max} batches");
}

#[test]
fn an_abandoned_job_leaves_the_sequence_its_next_one() {
    let mut batcher = Batcher::new(8);
    batcher.push(1, 'a', 100, "first");
    batcher.push(1, 'a', 2, "second");
    let batch = batcher.next_batch().unwrap();
    assert!(batcher.advance(&batch.slices[0]).is_none());
    assert_eq!(batcher.abandon(1), "first");
    assert_eq!(batcher.job(1), &"second");
    assert_eq!(trace(&mut batcher), ["a 1:0..2"]);
}
