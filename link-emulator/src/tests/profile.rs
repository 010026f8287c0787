//! Profiles: what ships is valid, and what is wrong is said to be.

use super::{emulation, ms, resolve};
use crate::LinkProfile;
use std::error::Error;

#[test]
fn every_profile_of_the_ladder_is_valid_and_carries_something() {
    for name in LinkProfile::ladder() {
        let link = LinkProfile::named(name).unwrap();
        assert!(!link.about().is_empty());
        let mut running = link.start(1);
        let passed = |pipe: &mut crate::Pipe| {
            (0..600).filter(|i| pipe.offer(ms(100) * *i, 200).iter().next().is_some()).count()
        };
        let (up, down) = (passed(&mut running.up), passed(&mut running.down));
        assert!(up > 200 && down > 200, "{name}: {up} and {down} of 600 datagrams in a minute");
    }
}

#[test]
fn the_ladder_is_the_folder() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/links");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    files.sort_unstable();
    let mut known: Vec<_> = LinkProfile::ladder().collect();
    known.sort_unstable();
    assert_eq!(files, known);
}

#[test]
fn an_unknown_name_is_refused_with_the_known_ones() {
    let error = LinkProfile::named("lte").unwrap_err().to_string();
    assert!(error.contains("`lte`") && error.contains("lte-driving"), "{error}");
}

/// `up` has `line`; the profile is refused, and the error or its cause says `expected`.
fn check(line: &str, expected: &str) {
    let text = format!("about = 'a test'\n[down]\ndelay_ms = 0\n[up]\n{line}");
    let error = resolve(&text).unwrap_err();
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    let said = format!("{error}: {cause}");
    assert!(said.contains(expected), "{said:?} does not say {expected:?}");
}

#[test]
fn what_is_wrong_with_a_profile_is_said() {
    check("delay_ms = { q5 = 1 }", "`q5` is no percentile");
    check("delay_ms = { p101 = 1 }", "`p101` is no percentile");
    check("delay_ms = {}", "at least one value");
    check("delay_ms = -1", "not negative");
    check("delay_ms = nan", "finite");
    check("delay_ms = { p5 = 2, p50 = 1 }", "cannot have a lower value");
    check("delay_ms = 1\nloss = 1.5", "loss is a chance");
    check("delay_ms = 1\nburst = { enter = 2, leave = 0, loss = 0 }", "burst.enter is a chance");
    check("delay_ms = 1\nrate_mbps = 0", "nothing would ever arrive");
    check("delay_ms = 1\nrate_mbps = 1\ntrace = 'x'", "both a rate and a trace");
    check("delay_ms = 1\ntrace = 'nowhere.up'", "cannot read the trace nowhere.up");
    check("delay_ms = 1\nrate_hold_ms = 0", "up.rate_hold_ms must be");
    check("delay_ms = 90000", "delay_ms must be");
    check("delay_ms = 1\nqueue_bytes_max = 1000000000", "queue_bytes_max must be");
    check("delay_ms = 1\nrate = 5", "unknown field `rate`");
    check("rate_mbps = 5", "missing field `delay_ms`");
    check("delay_ms = 1\n[moves]\nevery_s = 0", "moves.every_s must be");
    check(
        "delay_ms = 1\n[outages]\nscheduled = [{ at_s = -1, for_s = 1 }]",
        "outages.at_s must be",
    );
    check("delay_ms = 1\n[moves]\nat_s = [1e300]", "moves.at_s must be");
    check(
        "delay_ms = 1\n[outages]\nscheduled = [{ at_s = 1, for_s = 5, every_s = 5 }]",
        "outages.every_s must be longer than for_s",
    );
    check(
        "delay_ms = 1\n[outages]\nrandom = { every_s = 0, for_s = 1 }",
        "outages.random.every_s must be",
    );
}

#[test]
fn percentiles_may_be_fractions_and_come_in_any_order() {
    let text = "about = ''\n[down]\ndelay_ms = 0\n[up]\ndelay_ms = { p99.9 = 100, p50 = 10 }";
    // A dotted key is a table of its own in TOML, so it is quoted.
    assert!(resolve(text).is_err());
    emulation(&text.replace("p99.9", "'p99.9'"));
}
