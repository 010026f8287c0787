//! Sites at random.

use super::sky::Tally;
use super::world::Site;
use crate::sim::tests::{dawn, seeds};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Sites of every run of the tests, and of one with time: `SLOW_TESTS=1`.
const SITES: u64 = 700;
const SITES_SLOW: u64 = 10_000;

/// What is counted, by its name, and in how many of 100 runs it has to happen at least.
type Due = (&'static str, usize, fn(&Tally) -> u64);

fn run(seed: u64, told: bool) -> Tally {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut site = Site::new(seed, dawn(), told);
        site.run();
        site.sky.tally
    }));
    outcome.unwrap_or_else(|panic| {
        eprintln!("site {seed} failed");
        std::panic::resume_unwind(panic)
    })
}

/// Goal: whatever re-plans, transfers of KV, cuts and deaths overlap, the text is the target's own, no
/// request stalls, and no KV is used of another session's text, tenant or model. Method: sites at random;
/// what is true is checked after every step, by `check.rs` and wherever KV is touched.
#[test]
fn at_any_site_no_text_stalls_and_no_kv_is_used_that_is_not_its_own() {
    let seeds = seeds(SITES, SITES_SLOW);
    let told = seeds.end == seeds.start + 1;
    let tallies: Vec<_> = seeds.map(|seed| run(seed, told)).collect();
    let share = |of: fn(&Tally) -> u64| {
        let runs = tallies.iter().filter(|tally| of(tally) > 0).count();
        (runs, tallies.iter().map(of).sum::<u64>())
    };
    // What happens in how many of 100 runs at least: sites where little happens would show little.
    let due: [Due; 18] = [
        ("transfers cut", 30, |it| it.transfers_cut),
        ("resumed in mid-segment", 7, |it| it.resumed),
        ("told passes taken", 27, |it| it.told_taken),
        ("told passes refused by a gap", 60, |it| it.told_refused),
        ("re-plans during a transfer", 30, |it| it.replans_in_transfer),
        ("deaths during a transfer", 18, |it| it.deaths_in_transfer),
        ("segments used", 65, |it| it.used),
        ("rows found by whole models", 60, |it| it.found),
        ("words of a device as the target", 55, |it| it.as_target),
        ("names tried", 50, |it| it.pried),
        ("segments of a wrong length", 12, |it| it.corrupt),
        ("segments from above", 13, |it| it.from_above),
        ("prompts that two computed", 65, |it| it.met),
        ("switches", 70, |it| it.switched),
        ("failovers", 55, |it| it.failovers),
        ("gaps", 65, |it| it.gaps),
        ("words of an older epoch", 5, |it| it.stale),
        ("sessions over lossy hops", 45, |it| it.lossy),
    ];
    let mut enough = true;
    for (what, percent, of) in due {
        let (runs, times) = share(of);
        println!("{what}: in {runs} of {} runs, {times} times", tallies.len());
        enough &= runs * 100 >= percent * tallies.len();
    }
    assert!(enough || tallies.len() < 500, "sites in which too little happens");
}
