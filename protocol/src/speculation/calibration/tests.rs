//! Sources that are honest, timid and overconfident; changes of mind; numbers that are none.

use super::*;
use crate::dice::Dice;

/// The chance of acceptance of a source, by its confidence.
type Truth = fn(f64) -> f64;

const HONEST: Truth = |confidence| confidence;
const TIMID: Truth = f64::sqrt;
const OVERCONFIDENT: Truth = |confidence| confidence * confidence;
const HOPELESS: Truth = |_| 0.1;

/// Lets a source draft with every confidence alike.
fn draft(calibration: &mut Calibration, dice: &mut Dice, truth: Truth, drafts: u32) {
    for _ in 0..drafts {
        let confidence = dice.unit();
        calibration.observe(narrow(confidence), dice.chance(truth(confidence)));
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a confidence with fewer digits is one")]
fn narrow(confidence: f64) -> f32 {
    confidence as f32
}

/// The mean distance from the truth, over all confidences.
fn error(calibration: &Calibration, truth: Truth) -> f64 {
    let at = |step: u32| (f64::from(step) + 0.5) / 1000.0;
    let off = |c: f64| (calibration.acceptance(narrow(c)) - truth(c)).abs();
    (0..1000).map(|step| off(at(step))).sum::<f64>() / 1000.0
}

#[test]
fn a_source_is_believed_before_anything_is_known() {
    let calibration = Calibration::default();
    for (confidence, expected) in [(0.0, 0.0625), (0.3, 0.3125), (0.5, 0.5732), (1.0, 0.9945)] {
        let said = calibration.acceptance(confidence);
        assert!((said - expected).abs() < 1e-4, "{confidence}: {said}");
    }
    assert!(error(&calibration, HONEST) < 0.04);
}

#[test]
fn a_prior_is_worth_two_drafts() {
    let mut calibration = Calibration::default();
    calibration.observe(0.0, false);
    let said = calibration.acceptance(0.0);
    assert!((said - 0.0625 * 2.0 / 3.0).abs() < 1e-6, "{said}");
}

#[test]
fn the_acceptance_of_any_source_is_found() {
    for truth in [HONEST, TIMID, OVERCONFIDENT, HOPELESS] {
        for seed in 0..10 {
            let (mut calibration, mut dice) = (Calibration::default(), Dice(seed));
            draft(&mut calibration, &mut dice, truth, 4000);
            let error = error(&calibration, truth);
            assert!(error < 0.06, "seed {seed}: {error}");
        }
    }
}

#[test]
fn a_change_of_the_source_is_followed() {
    let (mut calibration, mut dice) = (Calibration::default(), Dice(1));
    draft(&mut calibration, &mut dice, HONEST, 20_000);
    assert!(error(&calibration, HOPELESS) > 0.3);
    draft(&mut calibration, &mut dice, HOPELESS, 12_000);
    assert!(error(&calibration, HOPELESS) < 0.06);
}

#[test]
fn a_hundred_drafts_are_remembered() {
    let mut calibration = Calibration::default();
    (0..10_000).for_each(|_| calibration.observe(0.6, true));
    (0..69).for_each(|_| calibration.observe(0.6, false));
    // 0.99^69 is 1/2, and no neighbour contradicts.
    let said = calibration.acceptance(0.6);
    assert!((0.495..0.505).contains(&said), "{said}");
}

#[test]
fn drafts_count_in_their_own_bucket() {
    for (index, edge) in EDGES.into_iter().enumerate() {
        assert_eq!(bucket(edge.next_down()), index);
        assert_eq!(bucket(edge), index + 1);
        let mut calibration = Calibration::default();
        let below = calibration.acceptance(edge.next_down());
        calibration.observe(edge, true);
        assert!(calibration.acceptance(edge) > Calibration::default().acceptance(edge));
        assert_eq!(calibration.acceptance(edge.next_down()), below, "below {edge}");
    }
}

#[test]
fn edges_are_eighths_and_then_half_octaves_from_one() {
    for (edge, expected) in EDGES.into_iter().zip([0.125_f32, 0.25, 0.375, 0.5]) {
        assert_eq!(edge, expected);
    }
    for (steps, edge) in (2_u8..).zip(EDGES.into_iter().skip(3)) {
        let expected = 1.0 - (-0.5 * f32::from(steps)).exp2();
        assert!((edge - expected).abs() < 1e-6, "{edge} is not {expected}");
    }
}

#[test]
fn what_is_said_rises_with_confidence() {
    for seed in 0..200 {
        let (mut calibration, mut dice) = (Calibration::default(), Dice(seed));
        draft(&mut calibration, &mut dice, HOPELESS, 50);
        draft(&mut calibration, &mut dice, |confidence| 1.0 - confidence, 50);
        let said: Vec<_> = EDGES.iter().map(|edge| calibration.acceptance(*edge)).collect();
        assert!(said.is_sorted(), "seed {seed}: {said:?}");
    }
}

#[test]
fn neighbours_that_contradict_each_other_say_their_common_mean() {
    let mut calibration = Calibration::default();
    (0..20).for_each(|_| calibration.observe(0.3, true));
    (0..20).for_each(|_| calibration.observe(0.4, false));
    let (below, above) = (calibration.acceptance(0.3), calibration.acceptance(0.4));
    assert_eq!(below, above);
    // 18.2 of 36.4 with the prior's 0.625 and 0.875 of 2 each.
    assert!((0.485..0.495).contains(&below), "{below}");
    let untouched = Calibration::default();
    for far in [0.0, 0.2, 0.6, 0.8, 1.0] {
        assert_eq!(calibration.acceptance(far), untouched.acceptance(far), "{far}");
    }
}

#[test]
fn a_source_that_fails_where_it_is_sure_is_not_believed_where_it_is_less_sure() {
    let mut calibration = Calibration::default();
    (0..50).for_each(|_| calibration.observe(0.99, false));
    assert!(calibration.acceptance(0.9) < 0.55);
}

#[test]
fn nothing_is_ever_certain() {
    for accepted in [false, true] {
        for confidence in [0.0, 0.5, 1.0] {
            let mut calibration = Calibration::default();
            (0..100_000).for_each(|_| calibration.observe(confidence, accepted));
            let said = calibration.acceptance(confidence);
            assert!(0.0 < said && said < 1.0, "{said}");
        }
    }
}

#[test]
fn numbers_that_are_no_confidence_count_as_the_nearest_that_is() {
    let odd = [f32::NAN, f32::NEG_INFINITY, -1.0, f32::INFINITY, 7.0];
    for (odd, as_if) in odd.into_iter().zip([0.0, 0.0, 0.0, 1.0, 1.0]) {
        let (mut calibration, mut expected) = (Calibration::default(), Calibration::default());
        calibration.observe(odd, true);
        expected.observe(as_if, true);
        assert_eq!(calibration.acceptance(odd), expected.acceptance(as_if), "{odd}");
        assert!(calibration.acceptance(odd) > Calibration::default().acceptance(odd), "{odd}");
    }
}
