//! Links that hold still, that waver, and that change for good.

use super::*;
use crate::dice::Dice;
use profile::LinkTerms;

fn meter() -> LinkMeter {
    LinkMeter::new(LinkTerms::default())
}

/// `count` round trips around `ms`, up to `spread` off.
fn round_trips(meter: &mut LinkMeter, dice: &mut Dice, count: u32, (ms, spread): (f64, f64)) {
    for _ in 0..count {
        let off = (dice.unit() * 2.0 - 1.0) * spread;
        meter.handle_rtt(Duration::from_secs_f64((ms + off) / 1e3));
    }
}

#[test]
fn before_anything_is_measured_little_is_claimed() {
    let estimate = meter().estimate();
    assert!(estimate.rtt_ms.deviation >= estimate.rtt_ms.mean);
    assert_eq!(estimate.loss.mean, 0.0);
    let mut one = meter();
    one.handle_rtt(Duration::from_millis(80));
    let rtt = one.estimate().rtt_ms;
    assert_eq!((rtt.mean.round(), rtt.deviation.round()), (80.0, 80.0));
}

#[test]
fn a_link_that_wavers_has_a_steady_mean_and_a_deviation() {
    let (mut meter, mut dice) = (meter(), Dice(1));
    round_trips(&mut meter, &mut dice, 200, (80.0, 20.0));
    let rtt = meter.estimate().rtt_ms;
    assert!((rtt.mean - 80.0).abs() < 8.0, "{rtt:?}");
    // Of a uniform spread: 20 / sqrt(3).
    assert!((8.0..16.0).contains(&rtt.deviation), "{rtt:?}");
}

#[test]
fn a_link_that_changed_is_believed_after_a_few_samples() {
    let (mut meter, mut dice) = (meter(), Dice(2));
    round_trips(&mut meter, &mut dice, 200, (40.0, 4.0));
    round_trips(&mut meter, &mut dice, 5, (160.0, 16.0));
    let rtt = meter.estimate().rtt_ms;
    assert!((rtt.mean - 160.0).abs() < 20.0, "{rtt:?}");
    round_trips(&mut meter, &mut dice, 8, (40.0, 4.0));
    assert!((meter.estimate().rtt_ms.mean - 40.0).abs() < 10.0, "{:?}", meter.estimate());
}

#[test]
fn one_late_round_trip_changes_little() {
    let (mut meter, mut dice) = (meter(), Dice(3));
    round_trips(&mut meter, &mut dice, 200, (40.0, 4.0));
    meter.handle_rtt(Duration::from_millis(52));
    assert!((meter.estimate().rtt_ms.mean - 40.0).abs() < 3.0, "{:?}", meter.estimate());
}

#[test]
fn loss_is_what_was_lost_between_two_looks() {
    let mut meter = meter();
    meter.handle_packets(100, 2);
    meter.handle_packets(200, 4);
    meter.handle_packets(200, 4);
    let loss = meter.estimate().loss;
    assert!((loss.mean - 0.02).abs() < 1e-9, "{loss:?}");
    // Another connection, which counts from zero.
    meter.handle_packets(50, 1);
    assert!((meter.estimate().loss.mean - 0.02).abs() < 1e-9);
}

/// Goal: what came is believed before what was said, follows the link when that changes, and is not misled by
/// what is over in a moment.
#[test]
fn the_rate_down_is_that_of_what_came() {
    let terms = LinkTerms { down_mbps: Estimate::exactly(40.0), ..LinkTerms::default() };
    let mut meter = LinkMeter::new(terms);
    meter.handle_download(1_000, Duration::from_millis(1));
    meter.handle_download(1 << 20, Duration::from_micros(10));
    assert_eq!(meter.estimate().down_mbps, Estimate::exactly(40.0));
    assert_eq!(meter.estimate().up_mbps, terms.up_mbps);
    let mut carries = |mbps: f64| {
        for _ in 0..12 {
            meter.handle_download(100_000, Duration::from_secs_f64(0.8 / mbps));
        }
        meter.estimate().down_mbps.mean
    };
    assert!((carries(4.0) - 4.0).abs() < 0.1);
    assert!((carries(20.0) - 20.0).abs() < 1.0);
}

/// Goal: a peer's word of what came is believed before what was said, and says nothing of the other way.
#[test]
fn the_rate_up_is_what_the_peer_says_came() {
    let terms = LinkTerms { up_mbps: Estimate::exactly(10.0), ..LinkTerms::default() };
    let mut meter = LinkMeter::new(terms);
    meter.handle_receipt(Receipt { bytes: u32::MAX, us: 0 });
    meter.handle_receipt(Receipt { bytes: 1_000, us: 800_000 });
    assert_eq!(meter.estimate().up_mbps, Estimate::exactly(10.0));
    for _ in 0..12 {
        meter.handle_receipt(Receipt { bytes: 50_000, us: 100_000 });
    }
    assert!((meter.estimate().up_mbps.mean - 4.0).abs() < 0.1);
    assert_eq!(meter.estimate().down_mbps, terms.down_mbps);
}
