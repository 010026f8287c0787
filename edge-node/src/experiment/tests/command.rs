//! The command from its file to the folder of results.

use super::{MadeUp, arguments, with};
use crate::experiment::{CellMode, Experiment, Outcome, Run, RunCell, experiment};
use serde_json::Value;
use std::path::Path;

const NAMES: [&str; 4] = ["report.html", "results.csv", "results.json", "tokens.csv"];

/// Runs the experiment `text` into `out`.
fn run(text: &str, out: &Path, runner: impl RunCell) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("experiment.toml");
    std::fs::write(&file, text).unwrap();
    experiment(&arguments(&file, out), |_: &Experiment| Ok(runner))
}

fn records(out: &Path, name: &str) -> Vec<Value> {
    let mut reader = csv::Reader::from_path(out.join(name)).unwrap();
    let heads = reader.headers().unwrap().clone();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let pairs = heads.iter().zip(row.iter());
        Value::Object(pairs.map(|(key, value)| (key.to_owned(), value.into())).collect())
    });
    rows.collect()
}

fn json(out: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(out.join("results.json")).unwrap()).unwrap()
}

const SWEEP: [&str; 3] =
    ["modes = ['remote', 'sync']", "repetitions = 2", "outages = [{ at_ms = 200, for_ms = 100 }]"];

#[test]
fn a_sweep_leaves_two_tables_a_record_and_a_report() {
    let out = tempfile::tempdir().unwrap();
    run(&with(&SWEEP), &out.path().join("made/here"), MadeUp::default()).unwrap();
    let out = out.path().join("made/here");
    let mut found: Vec<_> =
        std::fs::read_dir(&out).unwrap().map(|e| e.unwrap().file_name()).collect();
    found.sort_unstable();
    assert_eq!(found, NAMES);

    let results = records(&out, "results.csv");
    let said = |key: &str| results.iter().map(|row| row[key].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(said("mode"), ["remote", "remote", "sync", "sync"]);
    assert_eq!(said("repetition"), ["0", "1", "0", "1"]);
    assert_eq!(said("draft"), ["", "", "4", "4"]);
    assert_eq!(said("tokens"), ["8"; 4]);
    assert_eq!(said("udp_bytes_down"), ["3000"; 4]);
    assert_eq!(said("bytes_up_per_token"), ["125.0"; 4]);
    assert_eq!(said("error"), [""; 4]);
    assert_eq!(said("predicted_ttft_ms"), ["90.0", "90.0", "", ""]);
    assert_eq!(said("predicted_itl_ms"), ["41.5", "41.5", "", ""]);

    let tokens = records(&out, "tokens.csv");
    assert_eq!(tokens.len(), 4 * 8);
    assert_eq!((&tokens[6]["voucher"], &tokens[6]["verified_ms"]), (&"device".into(), &"".into()));
    assert_eq!(tokens[9]["cell"], results[1]["cell"]);

    let json = json(&out);
    assert_eq!(json["file"], with(&SWEEP));
    assert_eq!(json["versions"]["wire"], protocol::VERSION);
    let run = &json["cells"][1]["runs"][1];
    assert_eq!(json["cells"][1]["mode"], "sync");
    assert_eq!(run["outcome"]["outages"][0]["to_ms"], 300.0);
    assert_eq!(run["seeds"]["own"].to_string(), results[3]["seed"].as_str().unwrap());
    assert_eq!(run["statistics"]["tokens"], 8);
    assert_eq!(run["outcome"]["emulated"]["link"], "made up");
    assert_eq!(run["outcome"].get("predicted"), None);
    assert_eq!(json["cells"][0]["runs"][0]["outcome"]["predicted"]["itl_ms"], 41.5);
}

#[test]
fn the_same_outcomes_give_the_same_bytes() {
    let [a, b] = [(), ()].map(|()| tempfile::tempdir().unwrap());
    for out in [&a, &b] {
        run(&with(&SWEEP), out.path(), MadeUp::default()).unwrap();
    }
    for name in NAMES {
        let [a, b] = [&a, &b].map(|out| std::fs::read(out.path().join(name)).unwrap());
        assert!(!a.is_empty() && a == b, "{name}");
    }
}

#[test]
fn a_run_that_fails_is_noted_and_the_others_go_on() {
    let out = tempfile::tempdir().unwrap();
    let failing = MadeUp { failing: Some(CellMode::Remote) };
    let error = run(&with(&SWEEP), out.path(), failing).unwrap_err().to_string();
    assert_eq!(error, "2 of 4 runs failed; results.csv says why");
    let results = records(out.path(), "results.csv");
    assert_eq!(results.len(), 4);
    assert_eq!(results[1]["error"], "cannot reach the cloud: no <route>");
    assert_eq!((&results[1]["ttft_ms"], &results[1]["udp_bytes_up"]), (&"".into(), &"".into()));
    assert_eq!(results[2]["error"], "");
    assert_eq!(records(out.path(), "tokens.csv").len(), 2 * 8);
    let json = json(out.path());
    let run = &json["cells"][0]["runs"][0];
    assert_eq!(run["error"], "cannot reach the cloud: no <route>");
    assert_eq!(run.get("outcome"), None);
    let page = std::fs::read_to_string(out.path().join("report.html")).unwrap();
    assert!(page.contains("cannot reach the cloud: no &lt;route&gt;"), "no failure in the page");
}

#[test]
fn results_are_never_written_over() {
    let out = tempfile::tempdir().unwrap();
    run(&with(&[]), out.path(), MadeUp::default()).unwrap();
    let again = run(&with(&[]), out.path(), MadeUp::default()).unwrap_err().to_string();
    assert!(again.contains("has results already; name another folder with --out"), "{again}");
    std::fs::remove_file(out.path().join("results.json")).unwrap();
    std::fs::remove_file(out.path().join("report.html")).unwrap();
    let tables = run(&with(&[]), out.path(), MadeUp::default()).unwrap_err();
    assert!(format!("{tables:#}").contains("results.csv"), "{tables:#}");
}

/// Notes what it is told.
struct Told<'a>(&'a mut Vec<(CellMode, u32, u64)>);

impl RunCell for Told<'_> {
    fn run(&mut self, run: &Run<'_>) -> anyhow::Result<Outcome> {
        let Run { experiment, cell, repetition, seeds } = run;
        assert_eq!(*seeds, cell.seeds(experiment.seed, *repetition));
        assert_eq!(experiment.outages[0].for_ms, 100);
        self.0.push((cell.mode, *repetition, seeds.own));
        Ok(Outcome::default())
    }
}

#[test]
fn runs_come_in_the_order_of_the_file_each_with_its_seeds() {
    let (out, mut told) = (tempfile::tempdir().unwrap(), Vec::new());
    run(&with(&SWEEP), out.path(), Told(&mut told)).unwrap();
    let order: Vec<_> = told.iter().map(|(mode, repetition, _)| (*mode, *repetition)).collect();
    let (remote, sync) = (CellMode::Remote, CellMode::Sync);
    assert_eq!(order, [(remote, 0), (remote, 1), (sync, 0), (sync, 1)]);
    told.dedup_by_key(|(_, _, seed)| *seed);
    assert_eq!(told.len(), 4);
}
