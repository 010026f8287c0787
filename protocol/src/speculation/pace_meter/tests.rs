//! Paces with and without bursts, pauses and changes.

use super::*;
use crate::dice::Dice;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What a meter says after these observations, in milliseconds.
fn pace_ms(observed: &[(u32, u64)]) -> Option<f64> {
    let mut meter = PaceMeter::default();
    observed.iter().for_each(|(tokens, elapsed_ms)| meter.observe(*tokens, ms(*elapsed_ms)));
    meter.per_token().map(|pace| pace.as_secs_f64() * 1e3)
}

#[track_caller]
fn check(observed: &[(u32, u64)], expected_ms: f64) {
    let pace = pace_ms(observed).unwrap();
    assert!((pace - expected_ms).abs() < 1e-3 * expected_ms, "{pace} is not {expected_ms}");
}

#[test]
fn nothing_is_said_before_the_first_token() {
    assert_eq!(pace_ms(&[]), None);
    assert_eq!(pace_ms(&[(0, 100)]), None);
}

#[test]
fn the_first_tokens_have_their_plain_mean() {
    check(&[(1, 70)], 70.0);
    check(&[(1, 10), (1, 20), (1, 60)], 30.0);
}

#[test]
fn a_burst_counts_as_its_tokens_in_their_time() {
    check(&[(5, 100), (1, 100)], 200.0 / 6.0);
    check(&[(8, 0), (1, 90), (1, 10)], 10.0);
}

#[test]
fn time_without_tokens_counts() {
    check(&[(4, 100), (0, 300)], 100.0);
}

#[test]
fn a_prefix_of_many_tokens_is_worth_no_more_than_the_memory() {
    check(&[(1000, 10_000), (32, 640)], 15.0);
    check(&[(32, 320), (32, 640), (32, 640)], 17.5);
}

#[test]
fn the_mean_of_noisy_bursts_is_found() {
    for seed in 0..20 {
        let (mut meter, mut dice) = (PaceMeter::default(), Dice(seed));
        let mut said = 0.0;
        for _ in 0..2000 {
            meter.observe(1 + dice.below_u32(5), ms(u64::from(60 + dice.below_u32(61))));
            said += meter.per_token().unwrap().as_secs_f64() * 1e3 / 2000.0;
        }
        // 90 ms for 3 tokens on average.
        assert!((28.5..31.5).contains(&said), "seed {seed}: {said}");
    }
}

#[test]
fn a_change_of_pace_is_known_a_sentence_later() {
    let mut observed = vec![(2, 80); 100];
    observed.extend([(2, 400); 48]);
    let pace = pace_ms(&observed).unwrap();
    assert!((180.0..200.0).contains(&pace), "{pace}");
    observed.extend([(2, 20); 48]);
    let pace = pace_ms(&observed).unwrap();
    assert!((10.0..25.0).contains(&pace), "{pace}");
}

#[test]
fn no_time_is_too_short_or_too_long() {
    check(&[(3, 0), (1, 4)], 1.0);
    let mut meter = PaceMeter::default();
    for _ in 0..3 {
        meter.observe(0, Duration::MAX);
    }
    meter.observe(1, Duration::MAX);
    assert_eq!(meter.per_token(), Some(Duration::MAX));
    meter.observe(u32::MAX, ms(0));
    assert!(meter.per_token().unwrap() < Duration::MAX);
}
