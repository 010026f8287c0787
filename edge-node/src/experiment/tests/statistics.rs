//! Numbers that can be checked by hand.

use crate::experiment::{
    Bytes, Counts, LinkOutage, Outcome, Prices, Statistics, TokenTime, Voucher,
};

/// Shown at these times on the target's word.
fn tokens(at_ms: &[f64]) -> Vec<TokenTime> {
    let token = |at_ms: &f64| TokenTime {
        at_ms: *at_ms,
        verified_ms: Some(*at_ms),
        voucher: Voucher::Target,
    };
    at_ms.iter().map(token).collect()
}

fn of(tokens: Vec<TokenTime>) -> Statistics {
    Statistics::of(&Outcome { tokens, ..Outcome::default() }, None)
}

#[test]
fn nothing_follows_from_no_tokens() {
    let prices = Prices {
        currency: "EUR".to_owned(),
        target_compute_hour: Some(1.0),
        gigabyte: None,
        device_joule: None,
    };
    let nothing = Statistics::of(&Outcome::default(), Some(&prices));
    assert_eq!(nothing, Statistics::default());
}

#[test]
fn rates_count_from_the_request_and_gaps_from_the_first_token() {
    let statistics = of(tokens(&[200.0, 200.0, 250.0, 400.0]));
    assert_eq!(statistics.tokens, 4);
    assert_eq!(statistics.tokens_per_s, Some(10.0));
    assert_eq!(statistics.ms_per_token, Some(100.0));
    assert_eq!(statistics.ttft_ms, Some(200.0));
    // Gaps of 0, 50 and 150 ms.
    assert_eq!(statistics.itl_ms_p50, Some(50.0));
    assert_eq!((statistics.itl_ms_p95, statistics.itl_ms_p99), (Some(150.0), Some(150.0)));
    assert_eq!(statistics.itl_ms_max, Some(150.0));
    assert_eq!(statistics.gap_ms_max, Some(200.0));
}

#[test]
fn the_longest_silence_may_be_between_tokens() {
    assert_eq!(of(tokens(&[10.0, 900.0])).gap_ms_max, Some(890.0));
}

#[test]
fn tokens_are_counted_by_when_the_target_vouched_for_them() {
    let mut all = tokens(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    all[3] = TokenTime { voucher: Voucher::Device, verified_ms: Some(9.0), ..all[3] };
    all[4] = TokenTime { voucher: Voucher::Device, verified_ms: None, ..all[4] };
    all[5] = all[4];
    let statistics = of(all);
    assert_eq!(statistics.verified_at_once, 3);
    assert_eq!((statistics.verified_later, statistics.unverified), (1, 2));
}

#[test]
fn recovery_is_from_the_end_of_an_outage_to_the_next_word_of_the_target() {
    let mut all = tokens(&[100.0, 300.0, 700.0, 2_000.0]);
    // Said alone while the link was down; judged 40 ms after it was back.
    all[1] = TokenTime { voucher: Voucher::Device, verified_ms: Some(640.0), ..all[1] };
    let outage = |from_ms, to_ms| LinkOutage { from_ms, to_ms };
    let recovery = |outages: &[LinkOutage]| {
        let outcome =
            Outcome { tokens: all.clone(), outages: outages.to_vec(), ..Outcome::default() };
        Statistics::of(&outcome, None).recovery_ms_max
    };
    let first = outage(200.0, Some(600.0));
    assert_eq!(recovery(&[first]), Some(40.0));
    assert_eq!(recovery(&[first, outage(800.0, Some(1_500.0))]), Some(500.0));
    assert_eq!(recovery(&[outage(800.0, None)]), None);
    assert_eq!(recovery(&[outage(800.0, Some(2_000.5))]), None);
}

#[test]
fn costs_are_for_a_token_or_a_thousand() {
    let outcome = Outcome {
        tokens: tokens(&[1.0, 2.0, 3.0, 4.0]),
        counts: Counts {
            drafted: 8,
            accepted: 2,
            target_passes: 3,
            target_busy_ms: 3_600.0,
            ..Counts::default()
        },
        application: Bytes { up: 30, down: 50 },
        udp: Bytes { up: 4_000_000, down: 8_000_000 },
        device_joules: Some(5.0),
        ..Outcome::default()
    };
    let statistics = Statistics::of(&outcome, None);
    assert_eq!(statistics.accepted_share, Some(0.25));
    assert_eq!(statistics.target_passes_per_1000, Some(750.0));
    assert_eq!(statistics.target_busy_ms_per_1000, Some(900_000.0));
    assert_eq!(statistics.bytes_up_per_token, Some(1e6));
    assert_eq!(statistics.bytes_down_per_token, Some(2e6));
    assert_eq!(statistics.application_bytes_per_token, Some(20.0));
    assert_eq!(statistics.money_per_1000, None);

    let money = |target_compute_hour, gigabyte, device_joule| {
        let currency = "EUR".to_owned();
        let prices = Prices { currency, target_compute_hour, gigabyte, device_joule };
        Statistics::of(&outcome, Some(&prices)).money_per_1000.unwrap()
    };
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    // A thousandth of an hour, 12 MB and 5 J, for 4 tokens.
    near(money(Some(2.0), None, None), 0.5);
    near(money(None, Some(1.0), None), 3.0);
    near(money(None, None, Some(0.01)), 12.5);
    near(money(Some(2.0), Some(1.0), Some(0.01)), 16.0);
}
