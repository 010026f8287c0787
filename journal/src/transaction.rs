//! Transactions, and the few figures that a journal keeps about itself.
//!
//! # Invariants
//!
//! - **The figure [`BYTES`] is the sum over all rows**, of keys and values: whatever changes a row
//!   goes through [`Rows`](crate::rows::Rows), and counts.

use crate::JournalError;
use base::ByteCount;
use redb::{
    Key, ReadOnlyTable, ReadTransaction, ReadableTable, Table, TableDefinition, TableError, Value,
    WriteTransaction,
};
use std::cell::Cell;

/// Figures about the journal itself.
const FIGURES: TableDefinition<'static, &str, u64> = TableDefinition::new("figures");

/// The version of all that follows.
const SCHEMA: &str = "schema";
/// What all rows take.
const BYTES: &str = "bytes";
/// Not zero where removed rows may still be found in the file.
const UNSCRUBBED: &str = "unscrubbed";

/// The version that this program reads and writes.
pub(crate) const SCHEMA_VERSION: u64 = 1;

/// A transaction whose tables can be read.
pub(crate) trait Reading {
    /// A table of it.
    type Table<'t, K: Key + 'static, V: Value + 'static>: ReadableTable<K, V>
    where
        Self: 't;

    /// Opens a table.
    fn table<K: Key + 'static, V: Value + 'static>(
        &self,
        table: TableDefinition<'_, K, V>,
    ) -> Result<Self::Table<'_, K, V>, TableError>;

    /// By how many bytes rows have grown in this transaction.
    fn grown(&self) -> i64;
}

impl Reading for ReadTransaction {
    type Table<'t, K: Key + 'static, V: Value + 'static> = ReadOnlyTable<K, V>;

    fn table<K: Key + 'static, V: Value + 'static>(
        &self,
        table: TableDefinition<'_, K, V>,
    ) -> Result<ReadOnlyTable<K, V>, TableError> {
        self.open_table(table)
    }

    fn grown(&self) -> i64 {
        0
    }
}

/// A transaction that may change rows.
pub(crate) struct Writing {
    tx: WriteTransaction,
    /// By how much the rows have grown.
    grown: Cell<i64>,
    /// Whether there is anything to commit.
    changed: Cell<bool>,
}

impl Reading for Writing {
    type Table<'t, K: Key + 'static, V: Value + 'static> = Table<'t, K, V>;

    fn table<K: Key + 'static, V: Value + 'static>(
        &self,
        table: TableDefinition<'_, K, V>,
    ) -> Result<Table<'_, K, V>, TableError> {
        self.tx.open_table(table)
    }

    fn grown(&self) -> i64 {
        self.grown.get()
    }
}

impl Writing {
    /// Wraps a transaction.
    pub(crate) fn new(mut tx: WriteTransaction) -> Self {
        // With one phase, a commit is told from half of one by its checksums alone: whoever damages
        // the newest commit makes the one before it the truth, and an acknowledged turn or spent
        // money is gone without a word. With two, what was acknowledged is flushed before anything
        // points at it, and damage is an error. It costs a second flush.
        tx.set_two_phase_commit(true);
        Self { tx, grown: Cell::new(0), changed: Cell::new(false) }
    }

    /// Refuses what would make the rows take more than `bytes_max`.
    pub(crate) fn check_room(&self, bytes_max: ByteCount) -> Result<(), JournalError> {
        let bytes = bytes(self)?;
        match bytes > bytes_max {
            true => Err(JournalError::Full { bytes, bytes_max }),
            false => Ok(()),
        }
    }

    /// Notes that rows were removed whose words must not be found in the file.
    pub(crate) fn must_scrub(&self) -> Result<(), JournalError> {
        self.set(UNSCRUBBED, 1)
    }

    /// Notes what a journal must know about itself: one that is empty, or has all rows of `from`.
    pub(crate) fn found(&self, from: Option<&ReadTransaction>) -> Result<(), JournalError> {
        self.set(SCHEMA, SCHEMA_VERSION)?;
        match from.map(bytes).transpose()? {
            Some(bytes) => self.set(BYTES, bytes.0),
            None => Ok(()),
        }
    }

    /// Makes what was written durable; nothing is done where nothing was.
    pub(crate) fn commit(self) -> Result<(), JournalError> {
        if !self.changed.get() {
            return Ok(());
        }
        self.set(BYTES, bytes(&self)?.0)?;
        Ok(self.tx.commit()?)
    }

    fn set(&self, name: &str, value: u64) -> Result<(), JournalError> {
        self.changed.set(true);
        self.table(FIGURES)?.insert(name, value)?;
        Ok(())
    }

    /// Counts bytes that rows have more now, or, where `sign` is -1, less.
    pub(crate) fn count(&self, bytes: usize, sign: i64) {
        self.changed.set(true);
        let bytes = i64::try_from(bytes).expect("a row is far smaller than memory");
        self.grown.set(self.grown.get() + sign * bytes);
    }
}

fn figure(tx: &impl Reading, name: &str) -> Result<Option<u64>, JournalError> {
    Ok(tx.table(FIGURES)?.get(name)?.map(|value| value.value()))
}

/// What all rows take by now.
pub(crate) fn bytes(tx: &impl Reading) -> Result<ByteCount, JournalError> {
    let before = figure(tx, BYTES)?.unwrap_or(0);
    Ok(ByteCount(before.saturating_add_signed(tx.grown())))
}

/// Whether removed rows may still be found in the file.
pub(crate) fn is_unscrubbed(tx: &ReadTransaction) -> Result<bool, JournalError> {
    Ok(figure(tx, UNSCRUBBED)?.is_some_and(|value| value != 0))
}

/// The version of a journal; nothing where it is none.
pub(crate) fn schema(tx: &ReadTransaction) -> Result<Option<u64>, redb::Error> {
    match tx.open_table(FIGURES) {
        Ok(figures) => Ok(figures.get(SCHEMA)?.map(|value| value.value())),
        Err(TableError::Storage(error)) => Err(error.into()),
        // No such table, or another one of that name: whatever it is, it is no journal.
        Err(_) => Ok(None),
    }
}
