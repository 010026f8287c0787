//! Figures of a measurement that can be told beforehand.

use super::*;
use std::cell::Cell;

fn tested(known: &[f32], intent: Option<usize>) -> Vec<Tested> {
    let guess = |known| Guess { class: 0, confidence: 1.0, known, margin: 0.0 };
    known.iter().map(|known| Tested { intent, guess: guess(*known) }).collect()
}

#[test]
fn the_area_counts_pairs_in_order() {
    let area =
        |inside: &[f32], outside: &[f32]| auroc(&tested(inside, Some(0)), &tested(outside, None));
    assert_eq!(area(&[3.0, 4.0], &[1.0, 2.0]), Some(1.0));
    assert_eq!(area(&[1.0, 4.0], &[2.0, 3.0]), Some(0.5));
    assert_eq!(area(&[1.0], &[1.0]), Some(0.5));
    assert_eq!(area(&[1.0], &[]), None);
}

#[test]
fn ranks_are_members() {
    let sorted = [1.0, 2.0, 3.0, 4.0];
    assert_eq!([0.0, 0.5, 0.51, 0.99].map(|share| rank(&sorted, share)), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(rank(&[], 0.5), 0.0);
}

fn labelled(rows: &[(&str, &str)]) -> Vec<Labelled> {
    let text = rows.iter().map(|(text, intent)| format!("{text},{intent}\n")).collect::<String>();
    Labelled::read(&text, Part::Test).unwrap()
}

/// Goal: what is counted is what was given. Method: a clock that ticks a millisecond each time it is
/// read, and phrases whose outcome is plain.
#[test]
fn a_report_counts_what_it_was_given() {
    let train: Vec<_> =
        ["turn on the light", "light on please", "switch on the light", "lights on"]
            .map(|text| (text, "light"))
            .into_iter()
            .chain(
                ["will it rain", "is there rain today", "rain or sun", "rain today"]
                    .map(|text| (text, "rain")),
            )
            .collect();
    let test =
        [("light on", "light"), ("rain today please", "rain"), ("light", "rain"), ("xyzzy", "oos")];
    let parts = Parts {
        train: labelled(&train),
        validation: Some(labelled(&[("turn the light on", "light"), ("rain", "rain")])),
        test: labelled(&test),
    };
    let ticks = Cell::new(0);
    let now = || {
        ticks.set(ticks.get() + 1);
        Duration::from_millis(ticks.get())
    };
    let report = evaluate(&parts, None, now).unwrap();
    assert_eq!((report.intents, report.examples), (2, 8));
    assert_eq!((report.in_scope, report.out_of_scope), (3, 1));
    assert_eq!(report.latency_ms, Latency { p50: 1.0, p99: 1.0 });
    assert!((report.learn_s - 1e-3).abs() < 1e-9);
    assert!((report.accuracy - 2.0 / 3.0).abs() < 1e-9);
    assert_eq!(report.auroc, Some(1.0));
    let [first, .., last] = report.curve.as_slice() else { panic!("{report:?}") };
    assert!(first.rejected <= last.rejected && first.recall <= last.recall);
    assert_eq!(last.allowed, 0.2);
}

/// Goal: what is claimed of CLINC150 holds. Method: the published parts, thresholds from the
/// validation part, figures a little below those measured: in scope 92.7 %, recall 84.8 % where 5 % may
/// be rejected. Needs `clinc150/` in the folder that `CAUSEWAY_DATA` names (`../shared/data` by default).
#[test]
fn clinc150_is_told_apart_and_what_is_out_of_scope_is_rejected() {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let data = std::env::var_os("CAUSEWAY_DATA").unwrap_or_else(|| default.into());
    let path = std::path::Path::new(&data).join("clinc150/data_full.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: no {} (CAUSEWAY_DATA names its folder)", path.display());
        return;
    };
    let read = |part| Labelled::read(&text, part).unwrap();
    let parts = Parts {
        train: read(Part::Train),
        validation: Some(read(Part::Validation)),
        test: read(Part::Test),
    };
    let report = evaluate(&parts, None, || Duration::ZERO).unwrap();
    assert_eq!((report.intents, report.in_scope, report.out_of_scope), (150, 4500, 1000));
    assert!(report.accuracy > 0.922, "{report}");
    let point = report.curve.iter().find(|point| point.allowed == 0.05).unwrap();
    assert!(point.rejected < 0.06 && point.recall > Some(0.83), "{report}");
}
