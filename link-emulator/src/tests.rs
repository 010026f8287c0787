//! What the emulated link does, against what its profile says.

mod profile;
mod statistics;
mod traces;

use crate::{Emulation, LinkProfile, Pipe, ProfileError};
use std::io;
use std::path::Path;
use std::time::Duration;

/// A profile without traces.
fn emulation(text: &str) -> Emulation {
    resolve(text).unwrap()
}

fn resolve(text: &str) -> Result<Emulation, ProfileError> {
    LinkProfile::parse(text)?.resolve(no_file)
}

fn no_file(_: &Path) -> io::Result<String> {
    Err(io::ErrorKind::NotFound.into())
}

/// Upwards as `up` says, downwards at once; `rest` are further tables.
fn one_way(up: &str, rest: &str) -> Emulation {
    emulation(&format!("about = 'a test'\n[down]\ndelay_ms = 0\n[up]\n{up}\n{rest}"))
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Arrivals of `count` datagrams of `bytes`, one each `every`.
fn send(pipe: &mut Pipe, count: u32, every: Duration, bytes: usize) -> Vec<Vec<Duration>> {
    (0..count).map(|i| pipe.offer(every * i, bytes).iter().collect()).collect()
}

/// The value below which a share of `values` lies.
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let at = (share * values.len() as f64) as usize;
    values[at.min(values.len() - 1)]
}

#[test]
fn one_seed_gives_one_weather_and_another_seed_another() {
    let absurd = LinkProfile::named("absurd").unwrap();
    let run = |seed| send(&mut absurd.start(seed).up, 2_000, ms(7), 300);
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn the_two_directions_do_not_disturb_each_other() {
    let link = LinkProfile::named("absurd").unwrap();
    let mut alone = link.start(5);
    let mut both = link.start(5);
    for i in 0..500 {
        let expected = alone.up.offer(ms(9) * i, 200);
        for _ in 0..i % 3 {
            both.down.offer(ms(9) * i, 1_000);
        }
        assert_eq!(both.up.offer(ms(9) * i, 200), expected);
    }
    assert_ne!(link.start(5).up.offer(ms(1), 10), link.start(5).down.offer(ms(1), 10));
}

#[test]
fn delays_and_rates_depend_on_the_time_and_not_on_what_was_sent_before() {
    let profile = "delay_ms = { p0 = 10, p100 = 90 }\nrate_mbps = { p0 = 1, p100 = 9 }";
    let link = one_way(profile, "");
    let mut busy = link.start(3).up;
    let busy: Vec<_> = (0..50).map(|second| busy.offer(ms(1_000) * second, 1_000)).collect();
    let at_40_s = link.start(3).up.offer(ms(40_000), 1_000);
    assert_eq!(at_40_s, busy[40]);
}

#[test]
fn what_is_not_reordered_arrives_in_order() {
    let link = one_way("delay_ms = { p0 = 1, p50 = 2, p100 = 900 }\ndelay_hold_ms = 5", "");
    let arrivals = send(&mut link.start(1).up, 5_000, ms(1), 100).concat();
    assert_eq!(arrivals.len(), 5_000);
    assert!(arrivals.is_sorted());
}

#[test]
fn what_is_held_back_is_overtaken_and_holds_nobody_up() {
    let link = one_way("delay_ms = 10\nreorder = { chance = 0.1, ms = 35 }", "");
    let mut up = link.start(1).up;
    let arrivals = send(&mut up, 1_000, ms(10), 100).concat();
    let late = arrivals.iter().enumerate().filter(|(i, at)| {
        let sent = ms(10) * u32::try_from(*i).unwrap();
        let took = **at - sent;
        assert!(took == ms(10) || took == ms(45), "{took:?}");
        took == ms(45)
    });
    let late = late.count();
    assert_eq!(up.tally().reordered, late as u64);
    assert!((60..140).contains(&late), "{late} of 1000");
}

#[test]
fn what_arrives_twice_does_so_at_its_chance() {
    let mut up = one_way("delay_ms = 10\nrepeat = 0.2", "").start(1).up;
    let twice = send(&mut up, 1_000, ms(1), 100).iter().filter(|copies| copies.len() == 2).count();
    assert_eq!(up.tally().repeated, twice as u64);
    assert!((150..250).contains(&twice), "{twice} of 1000");
}

#[test]
fn a_queue_holds_its_bound_and_no_more() {
    // 1,000 bytes take a second.
    let mut up = one_way("delay_ms = 0\nrate_mbps = 0.008\nqueue_bytes_max = 3000", "").start(1).up;
    let offered: Vec<_> = (0..5).map(|_| up.offer(ms(0), 1_000).iter().next()).collect();
    assert_eq!(offered, [Some(ms(1_000)), Some(ms(2_000)), Some(ms(3_000)), None, None]);
    assert_eq!(up.tally().overflowed, 2);
    // Half a second later nothing has left, one and a half later there is room for one more.
    assert_eq!(up.offer(ms(500), 1_000).iter().count(), 0);
    assert_eq!(up.offer(ms(1_500), 1_000).iter().next(), Some(ms(4_000)));
    assert_eq!(up.offer(ms(1_500), 1_000).iter().count(), 0);
}

#[test]
fn a_datagram_larger_than_the_queue_passes_an_idle_line() {
    let mut up = one_way("delay_ms = 0\nrate_mbps = 0.008\nqueue_bytes_max = 100", "").start(1).up;
    assert_eq!(up.offer(ms(0), 1_000).iter().next(), Some(ms(1_000)));
    assert_eq!(up.offer(ms(999), 1).iter().count(), 0);
    assert_eq!(up.offer(ms(1_000), 1_000).iter().next(), Some(ms(2_000)));
}

#[test]
fn nothing_waits_for_ever_on_a_line_that_hardly_carries() {
    let mut up = one_way("delay_ms = 0\nrate_mbps = 0.0001", "").start(1).up;
    assert_eq!(up.offer(ms(0), 100).iter().next(), Some(ms(8_000)));
    assert_eq!(up.offer(ms(0), 10_000).iter().count(), 0, "would take 800 s");
    assert_eq!(up.tally().overflowed, 1);
}

#[test]
fn outages_take_what_is_sent_and_what_is_about_to_leave_in_both_directions() {
    let table =
        "[outages]\nscheduled = [{ at_s = 10, for_s = 5 }, { at_s = 20, for_s = 1, every_s = 10 }]";
    let link = one_way("delay_ms = 1\nrate_mbps = 0.008", table);
    let mut running = link.start(1);
    let up = [9_500, 12_000, 15_000, 20_500, 31_500, 40_999, 41_000];
    let passes = up.map(|at| running.up.offer(ms(at), 400).iter().count());
    assert_eq!(passes, [1, 0, 1, 0, 1, 0, 1]);
    assert_eq!(running.up.tally().cut, 3);
    // It would leave at 10.1 s.
    assert_eq!(link.start(1).up.offer(ms(9_700), 400).iter().count(), 0);
    assert_eq!(running.down.offer(ms(12_000), 400).iter().count(), 0);
    assert_eq!(running.down.offer(ms(19_999), 400).iter().count(), 1);
}

/// Goal: what a link tells of its outages is what it does. Method: datagrams are offered at every
/// millisecond and at the edges, over links with outages of every kind.
#[test]
fn the_outages_of_a_link_are_told_to_the_nanosecond() {
    let until = ms(60_000);
    let tables = [
        "",
        "scheduled = [{ at_s = 0, for_s = 0.3 }, { at_s = 7, for_s = 0 }, { at_s = 50, for_s = 20 }]",
        "scheduled = [{ at_s = 0.1, for_s = 0.7, every_s = 1.1 }, { at_s = 2, for_s = 3 }]",
        "random = { every_s = 2, for_s = { p0 = 0.01, p100 = 1.5 } }",
        "scheduled = [{ at_s = 3, for_s = 0.9, every_s = 7 }]\nrandom = { every_s = 3, for_s = 1 }",
    ];
    for (table, seed) in tables.iter().flat_map(|table| [(table, 1), (table, 2)]) {
        let link = one_way("delay_ms = 0", &format!("[outages]\n{table}"));
        let told = link.outages(seed, until);
        assert_eq!(told.is_empty(), table.is_empty(), "{table}");
        assert!(told.iter().all(|(from, to)| from < to && *to <= until), "{told:?}");
        assert!(told.is_sorted_by(|(_, end), (from, _)| end < from), "{told:?}");
        let edges = told.iter().flat_map(|(from, to)| [*from, *to]);
        let about = edges.flat_map(|at| {
            let one = Duration::from_nanos(1);
            [at.saturating_sub(one), at, at + one]
        });
        let mut probes: Vec<_> = (0..60_000).map(ms).chain(about).collect();
        probes.retain(|at| *at < until);
        probes.sort_unstable();
        let mut running = link.start(seed);
        for at in probes {
            let cut = told.iter().any(|(from, to)| (*from..*to).contains(&at));
            for pipe in [&mut running.up, &mut running.down] {
                assert_eq!(
                    pipe.offer(at, 1).iter().count(),
                    usize::from(!cut),
                    "{table} at {at:?}"
                );
            }
        }
    }
}

#[test]
fn further_outages_come_on_top_of_a_links_own() {
    let own = one_way("delay_ms = 5", "[outages]\nscheduled = [{ at_s = 10, for_s = 5 }]");
    let link = own.with_outages([(ms(1_234), ms(1)), (ms(15_000), ms(500)), (ms(20_000), ms(0))]);
    let all = [(ms(1_234), ms(1_235)), (ms(10_000), ms(15_500))];
    assert_eq!(link.outages(1, ms(60_000)), all);
    assert_eq!(link.outages(1, ms(12_000)), [all[0], (ms(10_000), ms(12_000))]);
    assert_eq!(own.outages(1, ms(60_000)), [(ms(10_000), ms(15_000))]);
    let mut up = link.start(1).up;
    let passes = [1_233, 1_234, 1_235, 15_499, 15_500].map(|at| up.offer(ms(at), 9).iter().next());
    assert_eq!(passes, [Some(ms(1_238)), None, Some(ms(1_240)), None, Some(ms(15_505))]);
}

#[test]
fn addresses_change_when_they_are_told_to() {
    let moves = "[moves]\nat_s = [1, 7.5]\nevery_s = 3";
    let link = one_way("delay_ms = 0", moves);
    let running = link.start(1);
    let mut at = Duration::ZERO;
    let seen = std::iter::from_fn(|| {
        at = running.moves_after(at)?;
        Some(at)
    });
    let seen: Vec<_> = seen.take(5).collect();
    assert_eq!(seen, [ms(1_000), ms(3_000), ms(6_000), ms(7_500), ms(9_000)]);
    assert_eq!(link.moves(ms(9_001)), seen);
    assert_eq!(link.moves(ms(9_000)), seen[..4]);
    assert_eq!(one_way("delay_ms = 0", "").start(1).moves_after(ms(5)), None);
}
