//! Long runs: what is measured is what the profile says.

use super::{ms, one_way, quantile, send};
use crate::LinkProfile;
use std::time::Duration;

#[test]
fn delays_are_distributed_as_the_percentiles_say() {
    let link = one_way("delay_ms = { p5 = 20, p50 = 40, p95 = 100 }\ndelay_hold_ms = 10", "");
    // At the moments when a new delay is drawn, and so far apart that none waits for another.
    let arrivals = send(&mut link.start(9).up, 20_000, ms(200), 100).concat();
    let delays = arrivals.iter().zip(0..).map(|(at, i)| (*at - ms(200) * i).as_secs_f64() * 1e3);
    let delays: Vec<f64> = delays.collect();
    for (share, expected) in [(0.05, 20.0), (0.275, 30.0), (0.5, 40.0), (0.95, 100.0)] {
        let found = quantile(delays.clone(), share);
        assert!((found - expected).abs() < 0.06 * expected, "{share}: {found} ms");
    }
    assert!(delays.iter().all(|delay| (19.99..=100.01).contains(delay)));
}

#[test]
fn no_more_passes_than_the_rate_and_all_of_it() {
    let mut up = one_way("delay_ms = 0\nrate_mbps = { p0 = 0, p100 = 2 }", "").start(2).up;
    // 4 Mbit/s are offered for 10 minutes: the queue is never empty but where the rate is 0.
    let arrivals = send(&mut up, 300_000, ms(2), 1_000).concat();
    let last = arrivals.last().unwrap().as_secs_f64();
    let mbps = arrivals.len() as f64 * 8e3 / 1e6 / last;
    assert!((0.93..1.07).contains(&mbps), "{mbps} Mbit/s");
    assert!(up.tally().overflowed > 100_000);
}

#[test]
fn even_loss_is_even() {
    let mut up = one_way("delay_ms = 0\nloss = 0.1", "").start(3).up;
    let passed: Vec<bool> =
        send(&mut up, 100_000, ms(1), 100).iter().map(|copies| !copies.is_empty()).collect();
    let lost = passed.iter().filter(|passed| !**passed).count();
    let pairs = passed.windows(2).filter(|pair| !pair[0] && !pair[1]).count();
    assert!((9_500..10_500).contains(&lost), "{lost}");
    assert!((850..1_150).contains(&pairs), "{pairs} pairs");
    assert_eq!(up.tally().lost, lost as u64);
}

#[test]
fn bursts_have_the_share_and_the_length_of_their_chain() {
    let burst = "delay_ms = 0\nburst = { enter = 0.01, leave = 0.2, loss = 1 }";
    let mut up = one_way(burst, "").start(4).up;
    let passed: Vec<bool> =
        send(&mut up, 200_000, ms(1), 100).iter().map(|copies| !copies.is_empty()).collect();
    let lost = passed.iter().filter(|passed| !**passed).count() as f64;
    let bursts = passed.windows(2).filter(|pair| pair[0] && !pair[1]).count() as f64;
    let share = lost / 200_000.0;
    assert!((share - 0.01 / 0.21).abs() < 0.004, "{share}");
    assert!((lost / bursts - 5.0).abs() < 0.3, "{} in a row", lost / bursts);
}

#[test]
fn random_outages_come_as_often_and_last_as_long_as_they_should() {
    let outages = "[outages]\nrandom = { every_s = 30, for_s = { p0 = 2, p100 = 6 } }";
    let mut running = one_way("delay_ms = 0", outages).start(5);
    // Ten hours.
    let passed: Vec<bool> = (0..360_000)
        .map(|i| {
            let up = running.up.offer(ms(100) * i, 100).iter().next().is_some();
            let down = running.down.offer(ms(100) * i, 100).iter().next().is_some();
            assert_eq!(up, down, "both directions are out at once");
            up
        })
        .collect();
    let outages = passed.windows(2).filter(|pair| pair[0] && !pair[1]).count() as f64;
    let out = passed.iter().filter(|passed| !**passed).count() as f64 / 10.0;
    assert!((out / outages - 4.0).abs() < 0.25, "{} s each", out / outages);
    assert!((36_000.0 / outages - 34.0).abs() < 3.0, "one in {} s", 36_000.0 / outages);
}

/// A profile's round trip at the median, and the share of small datagrams that come through both ways,
/// in half an hour of one each 100 ms.
fn ping(name: &str) -> (Duration, f64) {
    let link = LinkProfile::named(name).unwrap();
    let mut running = link.start(1);
    let mut trips = Vec::new();
    let count = 18_000;
    for i in 0..count {
        let sent = ms(100) * i;
        let there = running.up.offer(sent, 100).iter().next();
        let back = running.down.offer(sent, 100).iter().next();
        if let (Some(there), Some(back)) = (there, back) {
            trips.push((there + back - sent - sent).as_secs_f64());
        }
    }
    let share = trips.len() as f64 / f64::from(count);
    (Duration::from_secs_f64(quantile(trips, 0.5)), share)
}

#[test]
fn profiles_are_as_their_sources_say() {
    for (name, trip_ms, carried) in [
        ("ethernet", 0.5..0.6, 0.9999..1.0001),
        ("wifi", 11.5..14.5, 0.99..1.0),
        ("5g-static", 68.0..75.0, 0.99..1.0),
        ("5g-driving", 78.0..90.0, 0.93..0.99),
        ("lte-driving", 70.0..100.0, 0.90..0.99),
        ("umts", 200.0..300.0, 0.85..0.96),
        ("starlink-driving", 58.0..65.0, 0.5..0.95),
        ("geo-satellite", 680.0..760.0, 0.98..1.0),
        ("tunnel", 78.0..90.0, 0.70..0.76),
    ] {
        let (trip, share) = ping(name);
        let trip = trip.as_secs_f64() * 1e3;
        assert!(trip_ms.contains(&trip), "{name}: round trip {trip:.1} ms");
        assert!(carried.contains(&share), "{name}: {share:.3} carried");
    }
}
