//! Lines that are found, kept against accidents, and left when they are no longer true.

use super::*;
use crate::dice::Dice;

/// The true cost of a pass, in microseconds.
#[derive(Clone, Copy)]
struct Truth {
    fixed: f64,
    per_row: f64,
}

/// `t_v = 40 + 3 rows` ms.
const GPU: Truth = Truth { fixed: 40_000.0, per_row: 3000.0 };
/// `t_v = 150 + 8 rows` ms.
const CPU: Truth = Truth { fixed: 150_000.0, per_row: 8000.0 };

impl Truth {
    fn pass(self, rows: u32) -> Duration {
        duration(self.fixed + self.per_row * f64::from(rows))
    }

    /// Passes of 1 to 16 rows, each up to `noise` longer or shorter.
    fn run(self, cost: &mut PassCost, dice: &mut Dice, noise: f64, passes: u32) {
        for _ in 0..passes {
            let rows = 1 + dice.below_u32(16);
            cost.observe(rows, self.pass(rows).mul_f64(1.0 + noise * (2.0 * dice.unit() - 1.0)));
        }
    }
}

/// The estimate is within `share` of the truth at every width.
#[track_caller]
fn check(cost: &PassCost, truth: Truth, share: f64) {
    for rows in [1, 2, 4, 8, 16, 32] {
        let (said, expected) = (cost.estimate(rows).unwrap(), truth.pass(rows));
        let ratio = said.as_secs_f64() / expected.as_secs_f64();
        assert!((ratio - 1.0).abs() < share, "{rows} rows: {said:?} is not {expected:?}");
    }
}

#[track_caller]
fn check_per_row(cost: &PassCost, us: f64, share: f64) {
    let said = cost.per_row().as_secs_f64() * 1e6;
    assert!((said / us - 1.0).abs() < share, "{said} us a row is not {us}");
}

#[test]
fn nothing_is_said_before_the_first_pass() {
    let cost = PassCost::default();
    assert_eq!(cost.estimate(1), None);
    assert_eq!(cost.per_row(), Duration::ZERO);
}

#[test]
fn a_true_line_is_found_exactly() {
    let mut cost = PassCost::default();
    GPU.run(&mut cost, &mut Dice(1), 0.0, 200);
    check(&cost, GPU, 0.01);
    check_per_row(&cost, GPU.per_row, 0.01);
}

#[test]
fn a_noisy_line_is_found() {
    for truth in [GPU, CPU] {
        for seed in 0..20 {
            let mut cost = PassCost::default();
            truth.run(&mut cost, &mut Dice(seed), 0.2, 200);
            check(&cost, truth, 0.12);
        }
    }
}

#[test]
fn one_pass_says_its_own_time_and_assumes_a_slope() {
    let mut cost = PassCost::default();
    cost.observe(4, Duration::from_millis(100));
    assert_eq!(cost.estimate(4), Some(Duration::from_millis(100)));
    assert_eq!(cost.estimate(0), Some(Duration::from_millis(80)));
    assert_eq!(cost.estimate(24), Some(Duration::from_millis(200)));
    assert_eq!(cost.per_row(), Duration::from_millis(5));
}

#[test]
fn passes_of_equal_rows_say_their_mean_and_assume_a_slope() {
    let mut cost = PassCost::default();
    let mut dice = Dice(3);
    for _ in 0..500 {
        cost.observe(4, Duration::from_micros(90_000 + u64::from(dice.below_u32(20_000))));
    }
    let said = cost.estimate(4).unwrap().as_secs_f64();
    assert!((0.097..0.103).contains(&said), "{said}");
    check_per_row(&cost, said * 1e6 / 20.0, 1e-6);
}

#[test]
fn two_widths_are_enough_for_a_slope() {
    let mut cost = PassCost::default();
    for rows in [1, 9, 1, 9] {
        cost.observe(rows, GPU.pass(rows));
    }
    check(&cost, GPU, 0.02);
}

#[test]
fn no_part_is_negative() {
    let (mut falling, mut steep) = (PassCost::default(), PassCost::default());
    for _ in 0..50 {
        for rows in [2, 6] {
            falling.observe(rows, Duration::from_millis(if rows == 2 { 60 } else { 40 }));
            steep.observe(rows, Duration::from_millis(if rows == 2 { 10 } else { 90 }));
        }
    }
    assert_eq!(falling.per_row(), Duration::ZERO);
    for rows in [0, 4, 1000] {
        let said = falling.estimate(rows).unwrap().as_millis();
        assert!((48..=52).contains(&said), "{said}");
    }
    assert!(steep.estimate(0).unwrap() < Duration::from_millis(1));
    let said = steep.estimate(4).unwrap().as_millis();
    assert!((48..=52).contains(&said), "{said}");
}

#[test]
fn a_single_slow_pass_changes_nothing() {
    let mut cost = PassCost::default();
    GPU.run(&mut cost, &mut Dice(5), 0.1, 100);
    for rows in [16, 1] {
        let before = cost.estimate(8);
        cost.observe(rows, Duration::from_secs(10));
        assert_eq!(cost.estimate(8), before);
        GPU.run(&mut cost, &mut Dice(5), 0.0, 8);
        check(&cost, GPU, 0.05);
    }
}

#[test]
fn a_pass_that_is_three_times_slower_counts() {
    let mut cost = PassCost::default();
    GPU.run(&mut cost, &mut Dice(5), 0.0, 200);
    let before = cost.estimate(8).unwrap();
    cost.observe(8, before * 3);
    let after = cost.estimate(8).unwrap();
    assert!(after > before.mul_f64(1.03) && after < before.mul_f64(1.05), "{before:?} {after:?}");
}

#[test]
fn slow_passes_are_news_unless_eight_others_lie_between() {
    let mut cost = PassCost::default();
    GPU.run(&mut cost, &mut Dice(5), 0.0, 100);
    for (between, is_accident) in [(8, true), (7, false), (8, true)] {
        GPU.run(&mut cost, &mut Dice(4), 0.0, between);
        let before = cost.estimate(8);
        cost.observe(8, Duration::from_secs(1));
        assert_eq!(cost.estimate(8) == before, is_accident, "after {between}");
    }
}

#[test]
fn slow_passes_in_a_row_move_the_estimate_by_a_bounded_step() {
    let mut cost = PassCost::default();
    GPU.run(&mut cost, &mut Dice(6), 0.0, 100);
    let before = cost.estimate(8).unwrap();
    for _ in 0..2 {
        cost.observe(8, Duration::from_secs(1000));
    }
    let after = cost.estimate(8).unwrap();
    assert!(after > before && after < before.mul_f64(1.2), "{before:?} {after:?}");
}

#[test]
fn a_first_pass_that_was_slow_by_accident_is_soon_forgotten() {
    let mut cost = PassCost::default();
    cost.observe(4, Duration::from_secs(20));
    GPU.run(&mut cost, &mut Dice(7), 0.1, 60);
    check(&cost, GPU, 0.25);
}

#[test]
fn a_server_that_became_slower_or_faster_is_followed() {
    let slow = Truth { fixed: GPU.fixed * 10.0, per_row: GPU.per_row * 10.0 };
    let doubled = Truth { fixed: GPU.fixed * 2.0, per_row: GPU.per_row * 2.0 };
    for (from, to, passes) in
        [(GPU, doubled, 200), (doubled, GPU, 200), (GPU, slow, 40), (slow, GPU, 40)]
    {
        let (mut cost, mut dice) = (PassCost::default(), Dice(8));
        from.run(&mut cost, &mut dice, 0.1, 200);
        to.run(&mut cost, &mut dice, 0.1, passes);
        check(&cost, to, 0.2);
    }
}

#[test]
fn widths_that_cost_far_more_than_assumed_are_no_accidents() {
    let by_rows = Truth { fixed: 500.0, per_row: 5000.0 };
    let mut cost = PassCost::default();
    for _ in 0..15 {
        for rows in [1, 64] {
            cost.observe(rows, by_rows.pass(rows));
        }
    }
    let said = cost.estimate(64).unwrap().as_millis();
    assert!((280..=360).contains(&said), "{said}");
}

#[test]
fn no_pass_is_too_short_or_too_long() {
    let mut cost = PassCost::default();
    cost.observe(0, Duration::ZERO);
    assert_eq!(cost.estimate(u32::MAX), Some(Duration::ZERO));
    GPU.run(&mut cost, &mut Dice(9), 0.0, 300);
    check(&cost, GPU, 0.05);
    let mut cost = PassCost::default();
    cost.observe(1, Duration::MAX);
    cost.observe(u32::MAX, Duration::MAX);
    assert_eq!(cost.estimate(u32::MAX), Some(Duration::MAX));
    GPU.run(&mut cost, &mut Dice(9), 0.0, 4000);
    check(&cost, GPU, 0.05);
}
