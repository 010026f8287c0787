//! The rules against hand-computed cases.

use super::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Passes of 40 + 3 ms a row, tokens every `token_ms`, drafts every 8 ms.
fn tuned(token_ms: u64) -> Tuning {
    let mut tuning = Tuning::default();
    for rows in [1, 5, 1, 3, 7, 1, 4, 2] {
        tuning.passed(Cost { rows, us: 40_000 + 3_000 * rows });
        tuning.emitted(1, ms(token_ms));
        tuning.drafted(ms(8));
    }
    tuning
}

/// The length of a chunk whose drafts are right with the chance `a` each.
fn length(tuning: &Tuning, a: f64) -> u32 {
    length_while(tuning, a, false)
}

fn length_while(tuning: &Tuning, a: f64, busy: bool) -> u32 {
    let run = |n| a.powi(i32::try_from(n).unwrap());
    (1..).find(|n| tuning.ends_chunk(*n, run(*n), busy)).unwrap()
}

#[test]
fn while_the_target_is_busy_a_chunk_takes_as_long_as_its_pass_where_that_pays_a_row() {
    assert_eq!(length_while(&tuned(40), 0.75, true), 6, "6 * 8 ms cover a pass of 43");
    assert_eq!(length_while(&tuned(40), 0.9, true), 12, "as long as any other");
    assert_eq!(length_while(&tuned(40), 0.6, true), 5, "0.6^6 * 40 ms is less than a row's 3");
}

#[test]
fn a_chunk_grows_with_confidence_and_with_what_a_token_is_worth() {
    // 0.75^(n + 1) * 40 ms against 11 ms.
    assert_eq!(length(&tuned(40), 0.75), 4);
    assert_eq!(length(&tuned(40), 0.6), 2);
    assert_eq!(length(&tuned(40), 0.9), 12);
    assert_eq!(length(&tuned(400), 0.6), 7, "logarithmic in the time of a token");
    assert_eq!(length(&tuned(12), 0.6), 1);
    assert_eq!(length(&tuned(4_000), 0.99), LENGTH_MAX);
    assert_eq!(length(&Tuning::default(), 0.1), LENGTH_FIRST, "nothing is measured yet");
}

#[test]
fn drafting_that_saves_nothing_pauses_probes_and_comes_back() {
    let mut tuning = tuned(40);
    for _ in 0..BRANCHES_MIN {
        assert!(!tuning.pauses());
        tuning.branch_ended(4, 0);
    }
    assert!(tuning.pauses());
    tuning.emitted(31, ms(100));
    assert!(tuning.pauses());
    tuning.emitted(1, ms(100));
    for _ in 0..BRANCHES_OF_PROBE {
        assert!(!tuning.pauses(), "now it probes");
        tuning.branch_ended(4, 0);
    }
    tuning.emitted(32, ms(100));
    assert!(tuning.pauses(), "twice as long as before");
    tuning.emitted(32, ms(100));
    assert!(!tuning.pauses());
    // Each branch saves three passes of 43 ms and costs four rows of 3 ms.
    for _ in 0..20 {
        tuning.branch_ended(4, 3);
        tuning.emitted(512, ms(100));
    }
    tuning.branch_ended(4, 3);
    assert!(!tuning.pauses());
}

#[test]
fn origins_are_calibrated_apart() {
    let mut tuning = Tuning::default();
    for _ in 0..200 {
        tuning.judged(Origin::Lookup, 0.9, false);
        tuning.judged(Origin::Model, 0.9, true);
    }
    assert!(tuning.acceptance(Origin::Model, 0.9) > 0.9);
    assert!(tuning.acceptance(Origin::Lookup, 0.9) < 0.2);
}
