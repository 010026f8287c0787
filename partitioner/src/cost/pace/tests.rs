//! The event model beside an event simulation, and where its course is plain.

use super::*;

/// Goal: the exact cycle is the mean of many random ones. Method: `speculation_sim.py`, an event
/// simulation that shares no code with this, 8 seeds of 20,000 tokens each; 4 % apart at most, 0.3 % on average.
#[test]
fn the_cycle_is_the_mean_of_a_simulation() {
    for case in SIMULATED {
        let (draft, fixed, row, acceptance, rtt, ..) = case;
        let flow = |work_conserving| flow(draft, (fixed, row), acceptance, rtt, work_conserving);
        let (streaming, alone) = (flow(false).pace(), flow(true).pace());
        let found = [streaming.token_s, streaming.target_s, alone.token_s, alone.target_s];
        let expected = [case.5, case.6, case.7, case.8];
        for (found, expected) in found.into_iter().zip(expected) {
            let off = found * 1e3 / expected - 1.0;
            assert!(off.abs() < 0.04, "{case:?}: {:.1} is {off:+.3} off", found * 1e3);
        }
    }
}

#[test]
fn drafts_that_are_never_right_cost_a_round_each_or_nothing() {
    let streaming = flow(10.0, (40.0, 0.0), 0.0, 60.0, false).pace();
    // The word down, a draft, the draft up, a pass: one token.
    assert!((streaming.token_s - 0.110).abs() < 1e-9, "{streaming:?}");
    let alone = flow(10.0, (40.0, 0.0), 0.0, 60.0, true).pace();
    assert!((alone.token_s - 0.040).abs() < 1e-9, "{alone:?}");
    assert!((alone.passes - 1.0).abs() < 1e-9);
}

#[test]
fn drafts_that_are_always_right_come_as_fast_as_the_device_makes_them() {
    let pace = flow(10.0, (5.0, 0.0), 1.0, 20.0, false).pace();
    assert!((pace.token_s / 0.010 - 1.0).abs() < 0.1, "{pace:?}");
}

#[test]
fn a_chunk_goes_out_when_its_last_draft_is_made() {
    let alone = flow(10.0, (40.0, 1.0), 0.0, 60.0, false);
    let chunked = Flow { chunk: 4, ..alone };
    // The word down, four drafts, the chunk up, a pass of five rows: one token.
    assert!((chunked.pace().token_s - 0.145).abs() < 1e-9, "{:?}", chunked.pace());
    let likely = Flow { acceptance: 0.9, ..chunked }.pace().token_s;
    assert!(likely < chunked.pace().token_s / 3.0, "{likely}");
}

#[test]
fn chunks_are_as_long_as_pays() {
    let chunk = |acceptance| {
        let flow = flow(8.0, (40.0, 3.0), acceptance, 50.0, true).in_chunks_that_pay();
        (flow.chunk, flow.pace().token_s)
    };
    // 0.6^3 of 38 ms is less than a draft and its row, 11 ms; 0.6^2 is more.
    assert_eq!(chunk(0.6).0, 2);
    let (long, token_s) = chunk(0.85);
    assert!(token_s * 0.85_f64.powf(count(long + 1)) < 0.011, "{long}, {token_s}");
    assert!((3..6).contains(&long), "{long}");
}

#[test]
fn a_narrow_window_makes_the_device_wait() {
    let wide = flow(5.0, (5.0, 0.0), 0.95, 200.0, false);
    let narrow = Flow { window: 4, ..wide };
    assert!(narrow.pace().token_s > 2.0 * wide.pace().token_s);
}

fn flow(
    draft_ms: f64,
    (fixed_ms, row_ms): (f64, f64),
    acceptance: f64,
    rtt_ms: f64,
    work_conserving: bool,
) -> Flow {
    let mut pass_s = [0.0; COVERED_MAX + 1];
    for (covered, pass) in pass_s.iter_mut().enumerate() {
        *pass = (fixed_ms + row_ms * (count(covered) + 1.0)) / 1e3;
    }
    let (draft_s, way_s) = (draft_ms / 1e3, rtt_ms / 2e3);
    let (up_s, down_s, window, chunk) = (way_s, way_s, 24, 1);
    Flow { draft_s, up_s, down_s, pass_s, acceptance, window, chunk, work_conserving }
}

/// Milliseconds: a draft, a pass and each of its rows; acceptance; a round trip; then a token and its
/// share of the target, streaming and conserving work.
type Case = (f64, f64, f64, f64, f64, f64, f64, f64, f64);

#[rustfmt::skip]
const SIMULATED: [Case; 45] = [
    (8.0, 40.0, 3.0, 0.6, 10.0, 34.2, 27.0, 31.5, 31.5),
    (8.0, 40.0, 3.0, 0.6, 20.0, 38.2, 27.0, 33.6, 33.6),
    (8.0, 40.0, 3.0, 0.6, 50.0, 50.2, 27.0, 36.4, 36.4),
    (8.0, 40.0, 3.0, 0.6, 100.0, 69.8, 26.9, 40.6, 40.6),
    (8.0, 40.0, 3.0, 0.6, 200.0, 109.7, 26.9, 44.0, 44.0),
    (8.0, 40.0, 3.0, 0.75, 10.0, 26.2, 21.7, 24.8, 24.8),
    (8.0, 40.0, 3.0, 0.75, 20.0, 28.6, 21.6, 26.9, 26.9),
    (8.0, 40.0, 3.0, 0.75, 50.0, 36.0, 21.5, 29.9, 29.9),
    (8.0, 40.0, 3.0, 0.75, 100.0, 48.8, 21.6, 35.1, 35.1),
    (8.0, 40.0, 3.0, 0.75, 200.0, 73.5, 21.6, 40.2, 40.2),
    (8.0, 40.0, 3.0, 0.85, 10.0, 20.0, 17.3, 19.3, 19.3),
    (8.0, 40.0, 3.0, 0.85, 20.0, 21.4, 17.2, 20.9, 20.9),
    (8.0, 40.0, 3.0, 0.85, 50.0, 26.1, 17.3, 23.5, 23.5),
    (8.0, 40.0, 3.0, 0.85, 100.0, 33.6, 17.2, 28.0, 28.0),
    (8.0, 40.0, 3.0, 0.85, 200.0, 48.8, 17.4, 33.8, 33.8),
    (8.0, 150.0, 8.0, 0.6, 10.0, 114.7, 107.5, 132.3, 132.3),
    (8.0, 150.0, 8.0, 0.6, 20.0, 118.7, 107.5, 132.3, 132.3),
    (8.0, 150.0, 8.0, 0.6, 50.0, 130.7, 107.5, 124.6, 124.6),
    (8.0, 150.0, 8.0, 0.6, 100.0, 150.7, 107.5, 114.5, 114.5),
    (8.0, 150.0, 8.0, 0.6, 200.0, 190.6, 107.5, 137.6, 137.6),
    (8.0, 150.0, 8.0, 0.75, 10.0, 86.7, 82.2, 93.4, 93.5),
    (8.0, 150.0, 8.0, 0.75, 20.0, 89.3, 82.3, 93.4, 93.5),
    (8.0, 150.0, 8.0, 0.75, 50.0, 96.8, 82.3, 88.3, 88.3),
    (8.0, 150.0, 8.0, 0.75, 100.0, 109.3, 82.3, 85.3, 85.3),
    (8.0, 150.0, 8.0, 0.75, 200.0, 134.2, 82.2, 106.0, 106.0),
    (8.0, 150.0, 8.0, 0.85, 10.0, 61.0, 58.3, 62.5, 62.5),
    (8.0, 150.0, 8.0, 0.85, 20.0, 62.3, 58.1, 62.5, 62.5),
    (8.0, 150.0, 8.0, 0.85, 50.0, 66.8, 58.1, 60.5, 60.5),
    (8.0, 150.0, 8.0, 0.85, 100.0, 74.2, 58.0, 62.8, 62.8),
    (8.0, 150.0, 8.0, 0.85, 200.0, 89.6, 58.4, 75.6, 75.6),
    (20.0, 150.0, 8.0, 0.6, 10.0, 109.6, 97.6, 113.7, 113.8),
    (20.0, 150.0, 8.0, 0.6, 20.0, 113.7, 97.7, 113.0, 113.0),
    (20.0, 150.0, 8.0, 0.6, 50.0, 125.6, 97.7, 113.1, 113.1),
    (20.0, 150.0, 8.0, 0.6, 100.0, 145.9, 97.9, 122.2, 122.3),
    (20.0, 150.0, 8.0, 0.6, 200.0, 185.4, 97.6, 131.6, 131.6),
    (20.0, 150.0, 8.0, 0.75, 10.0, 82.5, 75.1, 84.7, 84.7),
    (20.0, 150.0, 8.0, 0.75, 20.0, 85.0, 75.0, 85.2, 85.2),
    (20.0, 150.0, 8.0, 0.75, 50.0, 92.7, 75.1, 86.2, 86.2),
    (20.0, 150.0, 8.0, 0.75, 100.0, 105.1, 75.0, 96.3, 96.3),
    (20.0, 150.0, 8.0, 0.75, 200.0, 129.6, 74.9, 105.3, 105.3),
    (20.0, 150.0, 8.0, 0.85, 10.0, 61.3, 56.8, 61.9, 61.9),
    (20.0, 150.0, 8.0, 0.85, 20.0, 63.2, 57.1, 63.4, 63.4),
    (20.0, 150.0, 8.0, 0.85, 50.0, 67.6, 56.9, 64.5, 64.5),
    (20.0, 150.0, 8.0, 0.85, 100.0, 75.0, 56.9, 71.6, 71.6),
    (20.0, 150.0, 8.0, 0.85, 200.0, 90.1, 56.8, 80.6, 80.6),
];
