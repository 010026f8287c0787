//! Tests of the whole: calls on a journal, and what is left of it when power is lost.

mod bounds;
mod calls;
mod disk;
mod figures;
mod forgetting;
mod kill;
mod opening;
mod power;
mod workload;

use crate::rows::{DEFERRED, FIRED, HEADS, LEDGER, TURNS};
use crate::transaction::{self, Reading};
use crate::{
    By, Caps, ConversationId, Journal, JournalError, Limits, Turn, UnixTime, budgets, deferred,
};
use base::{ByteCount, Privacy};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// 2024-02-28, noon.
pub(crate) const NOON: UnixTime = UnixTime(1_709_121_600);

/// Small, so that each of them is reached.
pub(crate) fn limits() -> Limits {
    Limits {
        file_bytes_max: ByteCount(1 << 20),
        text_bytes_max: 8 << 10,
        conversation_bytes_max: 16 << 10,
        conversation_kept: Duration::from_secs(10 * 86_400),
        deferred_max: 6,
        deferred_bytes_max: 16 << 10,
        ended_kept: Duration::from_secs(2 * 86_400),
        callback_kept: Duration::from_secs(86_400),
        fired_max: 5,
        reservations_max: 3,
        budgets: budgets::BudgetPolicy {
            day: Caps { tokens: Some(1_000), ..Caps::default() },
            month: Caps { money_micro: Some(5_000), tokens: Some(4_000), ..Caps::default() },
            request: Caps { metered_bytes: Some(1 << 20), ..Caps::default() },
            ..budgets::BudgetPolicy::default()
        },
    }
}

/// A journal in a folder of its own.
pub(crate) struct Home {
    folder: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn open(&self) -> Journal {
        Journal::open(&self.path(), limits(), NOON).unwrap().0
    }

    pub(crate) fn open_with(&self, limits: Limits) -> Journal {
        Journal::open(&self.path(), limits, NOON).unwrap().0
    }
}

pub(crate) fn id(id: u128) -> ConversationId {
    ConversationId(id)
}

pub(crate) fn said(at: u64, text: &str) -> Turn {
    Turn { at: UnixTime(at), by: By::Person, text: text.to_owned() }
}

/// Says something in a conversation.
pub(crate) fn say(journal: &mut Journal, conversation: u128, at: u64, text: &str) {
    journal.append(id(conversation), Privacy::Anywhere, &said(at, text)).unwrap();
}

/// Every row of a journal, as text; and the figure that says what they take is right.
pub(crate) fn dump(journal: &Journal) -> String {
    journal.store.read(lines).unwrap().join("\n")
}

/// The rows that the next process must find, opening the journal at `later`, if this one dies now: by
/// what this one knows, whatever the disk has.
pub(crate) fn dump_for_next(journal: &mut Journal, later: UnixTime) -> String {
    let (mut rows, policy) = (Vec::new(), journal.limits.budgets);
    let undone = journal.store.write(|tx| -> Result<(), JournalError> {
        deferred::recover(tx)?;
        budgets::recover(tx, &policy, later)?;
        rows = lines(tx)?;
        Err(JournalError::Broken)
    });
    assert!(matches!(undone, Err(JournalError::Broken)), "{undone:?}");
    rows.join("\n")
}

fn lines(tx: &impl Reading) -> Result<Vec<String>, JournalError> {
    let (mut lines, mut bytes) = (Vec::new(), 0);
    let mut line = |table: &str, key: String, key_bytes: usize, row: String| {
        bytes += key_bytes + row.len();
        lines.push(format!("{table} {key} {row}"));
    };
    fn json(row: &impl Serialize) -> String {
        serde_json::to_string(row).unwrap()
    }
    for (key, row) in HEADS.range(tx, ..)? {
        line("conversation", format!("{key:032x}"), 16, json(&row));
    }
    for (key, row) in TURNS.range(tx, ..)? {
        line("turn", format!("{:032x} {}", key.0, key.1), 24, json(&row));
    }
    for (key, row) in DEFERRED.range(tx, ..)? {
        line("deferred", format!("{key:032x}"), 16, json(&row));
    }
    for (key, row) in FIRED.range(tx, ..)? {
        line("fired", key.to_string(), 8, json(&row));
    }
    for (key, row) in LEDGER.range(tx, ..)? {
        line("ledger", key.to_string(), 8, json(&row));
    }
    assert_eq!(transaction::bytes(tx)?, ByteCount(bytes as u64));
    Ok(lines)
}

/// Whether there is time for every case.
pub(crate) fn slow() -> bool {
    std::env::var("SLOW_TESTS").is_ok_and(|value| value == "1")
}

/// Whether `words` stand in `bytes`.
pub(crate) fn contains(bytes: &[u8], words: &str) -> bool {
    let words = words.as_bytes();
    bytes.windows(words.len()).any(|window| window[0] == words[0] && window == words)
}
