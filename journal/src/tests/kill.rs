//! A process that is killed at random moments, again and again, over one journal.

use super::disk::Disk;
use super::workload::Device;
use super::{Home, NOON, dump, dump_for_next, limits, slow};
use crate::{Journal, UnixTime};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Says to the victim where the journal is.
const PATH: &str = "CAUSEWAY_TEST_JOURNAL";
/// And for which time it lives.
const LIFE: &str = "CAUSEWAY_TEST_LIFE";
/// What it says after each call.
const RETURNED: &str = "returned";

fn device(life: u64) -> Device {
    Device::new(life, morning(life))
}

fn morning(life: u64) -> UnixTime {
    UnixTime(NOON.0 + life * 40_000)
}

/// The process that is killed, when it is told to be that; otherwise there is nothing to be tested.
#[test]
fn victim() {
    let (Ok(path), Ok(life)) = (std::env::var(PATH), std::env::var(LIFE)) else { return };
    let life = life.parse().unwrap();
    let mut journal = Journal::open(Path::new(&path), limits(), morning(life)).unwrap().0;
    let (mut device, mut removed) = (device(life), Vec::new());
    loop {
        eprintln!("{RETURNED}");
        device.call(&mut journal, &mut removed);
    }
}

fn start(path: &Path, life: u64) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["tests::kill::victim", "--exact", "--nocapture"]);
    command.env(PATH, path).env(LIFE, life.to_string());
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Lets a process live for a while. Returns how many calls have returned.
fn live(path: &Path, life: u64, dice: &mut ChaCha8Rng) -> usize {
    let mut child = start(path, life);
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let lines = std::thread::spawn(move || {
        let lines: Vec<String> = stderr.lines().map(Result::unwrap).collect();
        lines
    });
    std::thread::sleep(Duration::from_micros(u64::from(dice.next_u32() % 150_000)));
    child.kill().unwrap();
    child.wait().unwrap();
    let lines = lines.join().unwrap();
    assert!(lines.iter().all(|line| line == RETURNED), "{lines:?}");
    lines.len()
}

/// Opens a twin: a journal in memory, to which nothing happens.
fn twin(disk: &Disk, life: u64) -> Journal {
    Journal::open_on(Box::new(disk.clone()), limits(), morning(life)).unwrap().0
}

/// A twin's journal after so many calls, and what its next process must find.
fn live_as_twin(disk: &Disk, life: u64, calls: usize) -> (Disk, String) {
    let disk = disk.copy();
    let mut journal = twin(&disk, life);
    let mut device = device(life);
    for _ in 0..calls {
        device.call(&mut journal, &mut Vec::new());
    }
    let rows = dump_for_next(&mut journal, morning(life + 1));
    (disk.copy(), rows)
}

/// Goal: whatever the moment at which a process dies, its journal is that of a process which made the
/// calls that had returned, or one more, and did not die. Method: a process of its own makes random
/// calls and is killed (SIGKILL); a twin makes the same ones in memory.
#[test]
fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let lives = if slow() { 500 } else { 24 };
    println!("{lives} deaths; SLOW_TESTS=1 makes it 500");
    let home = Home::new();
    let mut dice = ChaCha8Rng::seed_from_u64(1);
    let (mut disk, mut calls) = (Disk::default(), 0);
    for life in 0..lives {
        let lines = live(&home.path(), life, &mut dice);
        // Whoever comes next opens it, and so puts it in order.
        let journal = Journal::open(&home.path(), limits(), morning(life + 1)).unwrap().0;
        let rows = dump(&journal);
        drop(journal);
        // The first line says that the journal is open.
        let returned = lines.saturating_sub(1);
        calls += returned;
        let candidates = [returned, returned + 1].map(|calls| live_as_twin(&disk, life, calls));
        let found = candidates.into_iter().find(|(_, expected)| *expected == rows);
        let Some((twins, _)) = found else {
            panic!("life {life}, {returned} calls returned:\n{rows}")
        };
        // The next victim finds what was put in order.
        drop(twin(&twins, life + 1));
        disk = twins;
    }
    println!("{calls} calls returned");
    assert!(calls > 2 * usize::try_from(lives).unwrap(), "only {calls} calls were made");
}
