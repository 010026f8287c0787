//! Parts that leave at a pace, in simulated time: how long tokens wait, and what is left unused.

use super::link::{Link, Seen, Way};
use std::ops::RangeInclusive;

const WAYS: [Way; 9] = [
    way(2.0, 50.0, 500.0, 0.1),
    way(10.0, 40.0, 300.0, 0.1),
    way(10.0, 40.0, 300.0, 0.5),
    way(20.0, 100.0, 400.0, 0.2),
    way(50.0, 20.0, 200.0, 0.1),
    way(30.0, 200.0, 500.0, 0.1),
    // A satellite; two machines in a room; a router that has little memory.
    way(10.0, 600.0, 1000.0, 0.1),
    way(100.0, 4.0, 100.0, 0.1),
    way(10.0, 60.0, 15.0, 0.1),
];

const fn way(mbps: f64, base_ms: f64, buffer_ms: f64, tokens: f64) -> Way {
    Way { mbps, base_ms, buffer_ms, jitter_ms: 0.0, tokens }
}

/// What `pacer.rs` says of a target.
fn target_ms(way: &Way) -> f64 {
    (way.base_ms / 4.0).clamp(25.0, 100.0)
}

/// Seeds of jitter; more of them with time: `SLOW_TESTS=1`.
fn seeds() -> RangeInclusive<u64> {
    let slow = std::env::var("SLOW_TESTS").is_ok_and(|value| value == "1");
    1..=if slow { 20 } else { 1 }
}

fn tell(what: &str, way: &Way, seen: &Seen) {
    let Way { mbps, base_ms, jitter_ms, tokens, .. } = way;
    let way = format!("{mbps:>3} Mbit/s, {base_ms:>3} + {jitter_ms:>2} ms, tokens {tokens}");
    let waits = [50, 99, 100].map(|percent| format!("{:>5.1}", seen.wait_ms(percent))).join(" ");
    let (used, dropped) = (seen.used * 100.0, seen.dropped);
    println!("{what:<9}  {way}: waits {waits} ms, {used:>5.1} % used, {dropped} dropped");
}

/// Goal: a token waits for hardly more than two targets, and parts get seven tenths of what tokens leave, on links of
/// every kind, whether their round trip wavers or not. Finding the rate takes a while, and may cost a third
/// target.
#[test]
fn tokens_wait_little_and_little_is_left_unused() {
    for seed in seeds() {
        for way in WAYS {
            for jitter_ms in [0.0, 10.0, 20.0] {
                check(Way { jitter_ms, ..way }, seed);
            }
        }
    }
}

fn check(way: Way, seed: u64) {
    let (mut link, target) = (Link::new(way, seed), target_ms(&way));
    let rounds = if way.base_ms > 300.0 { 40.0 } else { 60.0 };
    let first = link.run((rounds * way.base_ms / 1e3).max(3.0), true);
    tell("at first", &way, &first);
    let then = link.run(12.0, true);
    tell("then 12 s", &way, &then);
    assert!(first.wait_ms(100) < 3.0 * target, "{way:?}, seed {seed}");
    assert!(
        then.wait_ms(99) < 2.0 * target && then.wait_ms(100) < 2.5 * target,
        "{way:?}, seed {seed}"
    );
    assert!(then.used > 0.7, "{way:?}, seed {seed}");
}

/// Goal: nobody waits while no tokens flow, so that parts take all that QUIC takes; and when tokens flow,
/// the queue that this has made is gone soon.
#[test]
fn parts_take_all_of_a_silent_link_and_give_way_when_tokens_come() {
    for way in WAYS {
        let mut link = Link::new(Way { jitter_ms: 5.0, ..way }, 1);
        link.run((20.0 * way.base_ms / 1e3).max(2.0), false);
        let silent = link.run(5.0, false);
        assert!(silent.used > 0.8, "{way:?}: {silent:?}");
        tell("tokens!", &way, &link.run(2.0, true));
        let after = link.run(1.0, true);
        tell("after 2 s", &way, &after);
        assert!(after.wait_ms(100) < 3.0 * target_ms(&way), "{way:?}");
    }
}

/// A link that becomes another one is found out: at once where tokens would wait, after the base's ten
/// seconds where the way has become longer.
#[test]
fn a_link_that_changes_is_followed() {
    let from = Way { jitter_ms: 5.0, ..way(20.0, 40.0, 300.0, 0.1) };
    for (what, to, after_s) in [
        ("slower", Way { mbps: 5.0, ..from }, 1.0),
        ("faster", Way { mbps: 60.0, ..from }, 2.0),
        ("shorter", Way { base_ms: 10.0, ..from }, 1.0),
        ("longer", Way { base_ms: 120.0, ..from }, 15.0),
    ] {
        let mut link = Link::new(from, 1);
        link.run(5.0, true);
        link.change(to);
        tell(what, &to, &link.run(after_s, true));
        let then = link.run(6.0, true);
        tell("then 6 s", &to, &then);
        assert!(then.wait_ms(100) < 2.0 * target_ms(&to) && then.used > 0.7, "{what}");
    }
}
