//! Power is lost after every single thing that was done to the disk, in the middle of it, and with any
//! part of what was not flushed.

use super::disk::{Disk, Event, Fate, Replay};
use super::workload::Device;
use super::{NOON, contains, dump, dump_for_next, limits, slow};
use crate::{ConversationId, Journal, Standing, UnixTime};
use std::collections::BTreeMap;

/// When the device is switched on again.
const LATER: UnixTime = UnixTime(NOON.0 + 30 * 86_400);

/// What a device did, and how its journal stands after each call.
struct History {
    log: Vec<Event>,
    calls: Vec<Call>,
}

struct Call {
    made: &'static str,
    /// What must be found after this call.
    rows: String,
    /// What may not be found in its file.
    removed: Vec<ConversationId>,
}

fn open(disk: &Disk) -> Journal {
    Journal::open_on(Box::new(disk.clone()), limits(), LATER).unwrap().0
}

/// A device at work, that is switched off and on again now and then.
fn live(seed: u64, calls: usize) -> History {
    let disk = Disk::default();
    let mut device = Device::new(seed, NOON);
    let (mut journal, mut removed) = (open(&disk), Vec::new());
    let mut history =
        vec![Call { made: "open", rows: dump_for_next(&mut journal, LATER), removed: Vec::new() }];
    disk.returned();
    for number in 1..=calls {
        let made = match number % 25 {
            0 => {
                drop(journal);
                journal = open(&disk);
                "open again"
            }
            _ => device.call(&mut journal, &mut removed),
        };
        disk.returned();
        let rows = dump_for_next(&mut journal, LATER);
        history.push(Call { made, rows, removed: removed.clone() });
    }
    History { log: disk.take_log(), calls: history }
}

/// What must hold of whatever a loss of power leaves, where `returned` calls have returned.
fn check(disk: &Disk, history: &History, returned: usize, case: &str) {
    let (journal, _) = Journal::open_on(Box::new(disk.clone()), limits(), LATER)
        .unwrap_or_else(|error| panic!("{case}: {error:?}"));
    let rows = dump(&journal);
    // Before the first call returned there may be no journal; one is begun then.
    let last = returned.checked_sub(1).map(|last| &history.calls[last]);
    let next = history.calls.get(returned);
    let found = [last, next].into_iter().flatten().find(|call| call.rows == rows);
    let made = next.map(|call| call.made);
    let found = found.unwrap_or_else(|| panic!("{case}: not before, not after {made:?}:\n{rows}"));
    let Standing { day, month, reserved } = journal.standing(LATER).unwrap();
    assert!(day.tokens + reserved.tokens <= 1_000 && month.tokens + reserved.tokens <= 4_000);
    let file = disk.journal();
    for conversation in &found.removed {
        assert!(!contains(&file, &conversation.to_string()), "{case}: {conversation} is found");
    }
}

/// What may become of that which is not flushed at an event: each in turn, or where there is time all.
fn fates(cut: usize, all: bool) -> Vec<Fate> {
    let seed = cut as u64 * 8;
    let mut fates = vec![
        Fate::Scattered(seed),
        Fate::Torn(1 + cut * 37 % 999),
        Fate::Kept,
        Fate::Scattered(seed + 1),
        Fate::Lost,
        Fate::Scattered(seed + 2),
    ];
    if !all {
        let first = cut % fates.len();
        fates.rotate_left(first);
        fates.truncate(1);
    }
    fates
}

/// Loses power, opens the journal, and now and then loses it again while that is done.
fn lose_power(
    replay: &Replay,
    fate: Fate,
    history: &History,
    returned: usize,
    case: &str,
) -> usize {
    let disk = replay.lose_power(fate);
    let mut again = Replay::of(&disk);
    check(&disk, history, returned, case);
    let opening = disk.take_log();
    let place = case.bytes().fold(7, |sum: usize, byte| sum * 31 % 65_521 + usize::from(byte));
    if place % 4 > 0 {
        return 1;
    }
    let cut = place % (opening.len() + 1);
    opening[..cut].iter().for_each(|event| again.step(event));
    let disk = again.lose_power(Fate::Scattered(place as u64));
    check(&disk, history, returned, &format!("{case}, again after {cut}"));
    2
}

/// Goal: what was acknowledged is there after any loss of power, nothing is half there, and nothing
/// that was forgotten is found. Method: a device works on a disk that writes all down; for every
/// prefix of what it wrote, and for several fates of that which was not flushed, the journal is opened.
/// Its rows must be those after the last call that had returned, or after the one that had not.
#[test]
fn no_loss_of_power_takes_what_was_acknowledged() {
    let all = slow();
    let (seeds, calls) = if all { (0..8, 80) } else { (0..4, 50) };
    println!("{seeds:?} devices; SLOW_TESTS=1 runs eight, for longer, with every fate");
    let (mut cases, mut events) = (0, 0);
    let mut made: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in seeds {
        let history = live(seed, calls);
        let (mut replay, mut returned) = (Replay::default(), 0);
        for (cut, event) in history.log.iter().enumerate() {
            replay.step(event);
            returned += usize::from(matches!(event, Event::Returned));
            // What is flushed has one fate.
            let flushed = matches!(event, Event::Sync { .. } | Event::Returned);
            let fates = if flushed { vec![Fate::Kept] } else { fates(cut, all) };
            for fate in fates {
                let case = format!("seed {seed}, event {cut}, {fate:?}");
                cases += lose_power(&replay, fate, &history, returned, &case);
            }
        }
        events += history.log.len();
        for call in &history.calls {
            *made.entry(call.made).or_default() += 1;
        }
    }
    println!("{cases} losses of power in {events} events of {made:?}");
    for call in ["append", "defer", "answer", "settle", "forget", "tidy", "open again"] {
        assert!(made.contains_key(call), "no {call} in {made:?}");
    }
}
