//! How busy this machine is with other things than the device: it slows all that the device computes.

use std::fs;
use std::sync::{Mutex, PoisonError};

/// What the operating system has counted since it started, in ticks of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    /// Of all processors.
    all: u64,
    /// Of these, in which something ran.
    busy: u64,
    /// Of these, what ran was this process.
    own: u64,
}

/// Watches the machine, or stands for one that is idle.
#[derive(Debug, Default)]
pub(crate) struct MachineLoad {
    watched: bool,
    seen: Mutex<Seen>,
}

/// What was found so far.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    last: Option<Ticks>,
    share: f32,
}

/// Shares of fewer ticks are chance: two seconds of one processor.
const TICKS_MIN: u64 = 200;

impl MachineLoad {
    /// Of this machine where it is `watched`, else of one that does nothing else.
    pub(crate) fn new(watched: bool) -> Self {
        Self { watched, ..Self::default() }
    }

    /// The share of the machine that others used lately, 0 to 1: between this call and the last one that was far
    /// enough before. 0 where the system does not tell.
    pub(crate) fn share(&self) -> f32 {
        if !self.watched {
            return 0.0;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(now) = read() {
            seen.note(now);
        }
        seen.share
    }
}

impl Seen {
    fn note(&mut self, now: Ticks) {
        let Some(last) = self.last else {
            self.last = Some(now);
            return;
        };
        if now.all.saturating_sub(last.all) >= TICKS_MIN {
            (self.share, self.last) = (others(last, now), Some(now));
        }
    }
}

/// The share that others used between two readings.
fn others(before: Ticks, now: Ticks) -> f32 {
    let all = now.all.saturating_sub(before.all);
    let busy = now.busy.saturating_sub(before.busy);
    let others = busy.saturating_sub(now.own.saturating_sub(before.own));
    #[expect(clippy::cast_precision_loss, reason = "a share needs few digits")]
    let share = others as f32 / all.max(1) as f32;
    share.min(1.0)
}

/// What Linux says; `None` elsewhere.
fn read() -> Option<Ticks> {
    parse(&fs::read_to_string("/proc/stat").ok()?, &fs::read_to_string("/proc/self/stat").ok()?)
}

/// `/proc/stat` and `/proc/self/stat`, as proc(5) describes them.
fn parse(machine: &str, process: &str) -> Option<Ticks> {
    let line = machine.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
    // User, nice, system, idle, waiting for the disk, interrupts of both kinds, stolen; guests are in the first.
    let all = ticks.iter().take(8).sum::<u64>();
    let idle = ticks.get(3)? + ticks.get(4)?;
    // The name before may hold anything, brackets and spaces too.
    let fields: Vec<&str> = process.rsplit_once(')')?.1.split_whitespace().collect();
    let own = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Ticks { all, busy: all.checked_sub(idle)?, own: own(11)? + own(12)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_use_is_what_is_busy_and_not_ours() {
        let machine = "cpu  100 10 50 800 40 0 0 0 7 0\ncpu0 1 1 1 1\n";
        let process = "42 (edge) node) S 1 1 1 0 -1 0 0 0 0 0 60 5 0 0 20 0 3 0 9 9 9\n";
        let now = parse(machine, process).unwrap();
        assert_eq!(now, Ticks { all: 1_000, busy: 160, own: 65 });
        let before = Ticks { all: 600, busy: 60, own: 5 };
        assert_eq!(others(before, now), 0.1);
        assert_eq!(others(now, before), 0.0, "a counter that runs back says nothing");
        for broken in ["", "cpu", "cpu 1 2", "intr 1 2 3 4 5"] {
            assert_eq!(parse(broken, process), None, "{broken}");
        }
        assert_eq!(parse(machine, "42 node"), None);
    }

    #[test]
    fn a_moment_tells_nothing_and_what_was_found_stays() {
        let mut seen = Seen::default();
        let at = |all, busy| Ticks { all, busy, own: 0 };
        seen.note(at(1_000, 500));
        assert_eq!(seen.share, 0.0);
        seen.note(at(1_400, 700));
        assert_eq!(seen.share, 0.5);
        seen.note(at(1_401, 701));
        assert_eq!((seen.share, seen.last), (0.5, Some(at(1_400, 700))));
    }

    #[test]
    fn a_machine_that_is_not_watched_is_idle() {
        assert_eq!(MachineLoad::new(false).share(), 0.0);
        assert!((0.0..=1.0).contains(&MachineLoad::new(true).share()));
    }
}
