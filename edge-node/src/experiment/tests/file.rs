//! What a file may say, and how it is refused.

use super::{MINIMAL, load, with};
use crate::experiment::{CellMode, Clock, DraftSource, Experiment, Share};
use base::DraftLength;
use std::path::Path;
use std::time::Duration;

fn refused(lines: &[&str]) -> String {
    let error = load(&with(lines)).unwrap_err();
    settings::chain(&error)
}

#[track_caller]
fn check_refused(line: &str, expected: &[&str]) {
    let error = refused(&[line]);
    for expected in expected {
        assert!(error.contains(expected), "{line}: {error:?} does not say {expected:?}");
    }
}

#[test]
fn what_a_file_leaves_out_has_a_default() {
    let experiment = load(MINIMAL).unwrap();
    assert_eq!((experiment.clock, experiment.repetitions, experiment.seed), (Clock::Virtual, 1, 0));
    assert_eq!(experiment.axes.drafts, [DraftLength::Fixed(4)]);
    assert_eq!(experiment.axes.sources, [DraftSource::Model]);
    assert_eq!(experiment.axes.temperatures, [0.0]);
    assert_eq!(experiment.axes.prompts[0].text, "I'd like a table for two tonight.");
    assert_eq!(experiment.axes.paces[0].label, "draft 8, target 40 ms");
    assert!(experiment.models.is_none() && experiment.prices.is_none());
    assert_eq!(experiment.text, MINIMAL);
}

#[test]
fn every_form_of_a_value_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("experiment.toml");
    let profile = "about = 'ours'\n[up]\ndelay_ms = 1\n[down]\ndelay_ms = 1\n";
    std::fs::write(folder.path().join("road.toml"), profile).unwrap();
    std::fs::write(folder.path().join("a.gguf"), "").unwrap();
    let text = with(&[
        "links = ['umts', 'road.toml', { rtt_ms = 50 }, { rtt_ms = 0.5, moves_every_s = 3 }]",
        "modes = ['work-conserving', 'split', { split = [1, 4] }]",
        "drafts = [0, 64, 'auto']",
        "sources = ['model', 'lookup', 'both', { accept = 0.75 }, { accept = 1 }]",
        "prompts = ['Hello?', 8]",
        "models = { draft = 'a.gguf', target = 'a.gguf' }",
    ]);
    std::fs::write(&path, text).unwrap();
    let experiment = Experiment::load(&path).unwrap();
    let links =
        experiment.axes.links.iter().map(|link| (link.label.as_str(), link.emulation.about()));
    let expected = [
        ("umts", "UMTS, from a car"),
        ("road", "ours"),
        ("rtt 50 ms", "a plain delay: rtt 50 ms"),
        ("rtt 0.5 ms, moving", "a plain delay: rtt 0.5 ms, moving"),
    ];
    assert_eq!(links.collect::<Vec<_>>(), expected);
    let moves = |link: usize| experiment.axes.links[link].emulation.moves(Duration::from_secs(7));
    assert_eq!((moves(2), moves(3)), (vec![], [3, 6].map(Duration::from_secs).to_vec()));
    let splits = [Share::Even, Share::UpTo { device: 1, gateway: 4 }].map(CellMode::Split);
    assert_eq!(experiment.axes.modes[1..], splits);
    let lengths = [DraftLength::Fixed(0), DraftLength::Fixed(64), DraftLength::Auto];
    assert_eq!(experiment.axes.drafts, lengths);
    assert_eq!(experiment.axes.sources[4], DraftSource::Forced { accept: 1.0 });
    assert_eq!(experiment.axes.prompts[0].text, "Hello?");
    assert_eq!(experiment.models.unwrap().draft, folder.path().join("a.gguf"));
}

#[test]
fn a_plain_delay_is_half_of_the_round_trip_each_way() {
    let experiment = load(&with(&["links = [{ rtt_ms = 50 }]"])).unwrap();
    let mut link = experiment.axes.links[0].emulation.start(7);
    for pipe in [&mut link.up, &mut link.down] {
        let arrivals: Vec<_> = pipe.offer(Duration::ZERO, 1_200).iter().collect();
        assert_eq!(arrivals, [Duration::from_millis(25)]);
    }
}

#[test]
fn an_unknown_key_is_refused_with_the_closest_known_one_wherever_it_stands() {
    check_refused("mode = ['sync']", &["`mode`", "did you mean `modes`?"]);
    check_refused("links = [{ rtt = 50 }]", &["rtt`", "did you mean `rtt_ms`?"]);
    check_refused("sources = [{ acept = 0.5 }]", &["acept`", "did you mean `accept`?"]);
    let pace = "paces = [{ draft = { decode = 8 }, target = { decode_ms = 40 } }]";
    check_refused(pace, &["decode`", "did you mean `decode_ms`?"]);
    check_refused("outages = [{ at = 5, for_ms = 5 }]", &["at`", "at_ms"]);
    check_refused("prices = { curency = 'EUR' }", &["curency`", "did you mean `currency`?"]);
    check_refused("modes = [{ spilt = [1, 2] }]", &["spilt`", "did you mean `split`?"]);
    check_refused("clock = 'wall'", &["`wall`", "virtual"]);
}

#[test]
fn a_wrong_value_is_refused_with_its_key_and_what_would_be_right() {
    check_refused("name = ''", &["`name`", "1 to 64"]);
    check_refused("tokens = 0", &["`tokens`", "from 1"]);
    check_refused("repetitions = 0", &["`repetitions`", "at least 1"]);
    check_refused("links = ['lte']", &["`links`", "there are ethernet"]);
    check_refused("links = ['missing.toml']", &["missing.toml"]);
    check_refused("links = [5]", &["`links`", "{ rtt_ms = 50 }"]);
    check_refused("links = [{ rtt_ms = -1 }]", &["`links`", "from 0 to 60000"]);
    let restless = "links = [{ rtt_ms = 1, moves_every_s = 0 }]";
    check_refused(restless, &["`links`", "at least a tenth of a second"]);
    check_refused("links = []", &["`links`", "has 0 values; 1 to 32"]);
    check_refused("links = ['wifi', 'wifi']", &["`links`", "`wifi` is there twice"]);
    check_refused("links = [{ rtt_ms = 5 }, { rtt_ms = 5.0 }]", &["`links`", "twice"]);
    check_refused("modes = []", &["`modes`", "has 0 values"]);
    check_refused("modes = ['synk']", &["`modes`", "\"sync\"", "\"work-conserving\""]);
    for split in ["[0, 2]", "[2, 2]", "[4, 2]"] {
        check_refused(&format!("modes = [{{ split = {split} }}]"), &["`modes`", "split = [D, G]"]);
    }
    check_refused("modes = [{ split = 3 }]", &["modes", "array of length 2"]);
    let twice = "modes = [{ split = [1, 2] }, { split = [1, 2] }]";
    check_refused(twice, &["`modes`", "`split 1/2` is there twice"]);
    check_refused("drafts = [65]", &["`drafts`", "from 0 to 64", "\"auto\""]);
    check_refused("drafts = [-1]", &["`drafts`", "from 0 to 64"]);
    check_refused("drafts = ['most']", &["`drafts`", "\"auto\""]);
    check_refused("drafts = [{ a = 1 }]", &["drafts", "a text or a number"]);
    check_refused("drafts = [0]", &["`drafts`", "nothing to run"]);
    check_refused("sources = ['luck']", &["`sources`", "\"lookup\""]);
    check_refused("sources = [{ accept = 1.5 }]", &["`sources`", "from 0 to 1"]);
    check_refused("temperatures = [-0.1]", &["`temperatures`", "from 0 to 10"]);
    check_refused("temperatures = [nan]", &["`temperatures`", "from 0 to 10"]);
    check_refused("prompts = [9]", &["`prompts`", "from 1 to 8"]);
    check_refused("prompts = [0]", &["`prompts`", "from 1 to 8"]);
    check_refused("prompts = ['']", &["`prompts`", "1 to 16384 bytes"]);
    check_refused(
        "models = { draft = 'no.gguf', target = 'no.gguf' }",
        &["`models.draft`", "no.gguf"],
    );
    check_refused("outages = [{ at_ms = 5, for_ms = 0 }]", &["`outages`", "from 1 ms to a day"]);
    let close = "outages = [{ at_ms = 5, for_ms = 5 }, { at_ms = 10, for_ms = 5 }]";
    check_refused(close, &["`outages`", "begins after the one before"]);
    check_refused("prices = { currency = 'EUR' }", &["`prices`", "target_compute_hour"]);
    let negative = "prices = { currency = 'EUR', gigabyte = -1.0 }";
    check_refused(negative, &["`prices`", "at least 0"]);
    check_refused("prices = { currency = '', gigabyte = 1.0 }", &["`prices.currency`", "\"EUR\""]);
}

#[test]
fn virtual_time_needs_paces_and_real_time_does_not() {
    check_refused("paces = []", &["`paces`", "in virtual time", "clock = \"real\""]);
    let free = "paces = [{ draft = {}, target = { decode_ms = 40 } }]";
    check_refused(free, &["`paces`", "both need a decode_ms"]);
    let long = "paces = [{ draft = { decode_ms = 60001 }, target = { decode_ms = 40 } }]";
    check_refused(long, &["`paces`", "0 to 60000"]);
    assert!(load(&with(&["clock = 'real'", free])).is_ok());
    assert!(load(&with(&["clock = 'real'", "paces = []"])).unwrap().axes.paces.is_empty());
}

#[test]
fn limits_hold_at_their_edge() {
    let at = |line: &str| load(&with(&[line])).is_ok();
    let list = |count: usize| (0..count).map(|i| format!("{i}")).collect::<Vec<_>>().join(", ");
    assert!(at(&format!("name = '{}'", "é".repeat(64))));
    assert!(!at(&format!("name = '{}'", "é".repeat(65))));
    assert!(at(&format!("about = '{}'", "x".repeat(1_000))));
    assert!(!at(&format!("about = '{}'", "x".repeat(1_001))));
    assert!(at(&format!("drafts = [{}]", list(32))));
    assert!(!at(&format!("drafts = [{}]", list(33))));
    assert!(at("repetitions = 10000") && !at("repetitions = 10001"));
    assert!(at("tokens = 1048576") && !at("tokens = 1048577"));
    assert!(at(&format!("prompts = ['{}']", "x".repeat(16 << 10))));
    assert!(!at(&format!("prompts = ['{}']", "x".repeat((16 << 10) + 1))));
    let tokens = refused(&["tokens = 1000001", "repetitions = 10"]);
    assert!(tokens.contains("`tokens`: make 10000010 in 10 runs"), "{tokens}");
}

#[test]
fn what_ships_is_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/experiments");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let experiment = Experiment::load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert!(!experiment.about.is_empty(), "{}", path.display());
        names.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
    }
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "distance",
            "draft-length",
            "ladder",
            "moving",
            "outage",
            "outage-real",
            "plans",
            "prefill",
            "prefill-split"
        ]
    );
}
