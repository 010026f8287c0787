//! The journal's tables. A row is JSON, so that a later version reads what an earlier one wrote,
//! behind a key of numbers. What a call writes is one transaction.
//!
//! # Invariants
//!
//! - **The figure [`BYTES`] is the sum over all rows**, of keys and values: whatever changes a row
//!   goes through [`Rows`], and counts.

use crate::JournalError;
use crate::budgets::Ledger;
use crate::conversations::Head;
use crate::deferred::Deferred;
use crate::fired::Fired;
use crate::turn::Turn;
use base::ByteCount;
use redb::{
    Key, ReadOnlyTable, ReadTransaction, ReadableTable, Table, TableDefinition, TableError, Value,
    WriteTransaction,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::RangeBounds;

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

/// A table of rows `R` by keys `K`.
pub(crate) struct Rows<K: Key + 'static, R> {
    table: TableDefinition<'static, K, &'static [u8]>,
    row: PhantomData<fn() -> R>,
}

/// All tables but [`FIGURES`], and what is done with each of them.
macro_rules! tables {
    ($($(#[$doc:meta])* $table:ident: $name:literal, $key:ty => $row:ty;)*) => {
        $($(#[$doc])* pub(crate) const $table: Rows<$key, $row> = Rows::new($name);)*

        /// Makes every table of a new journal.
        fn create(tx: &WriteTransaction) -> Result<(), JournalError> {
            $(tx.open_table($table.table)?;)*
            Ok(())
        }

        /// Copies the rows of every table.
        fn copy_rows(from: &ReadTransaction, to: &WriteTransaction) -> Result<(), JournalError> {
            $(copy($table.table, from, to)?;)*
            Ok(())
        }
    };
}

tables! {
    /// Conversations, by their ids.
    HEADS: "conversations", u128 => Head;
    /// Their turns, in order.
    TURNS: "turns", (u128, u64) => Turn;
    /// Deferred requests, by their ids.
    DEFERRED: "deferred", u128 => Deferred;
    /// Intents that fired, in order.
    FIRED: "fired", u64 => Fired;
    /// The one ledger.
    LEDGER: "ledger", u64 => Ledger;
}

fn copy<K: Key + 'static>(
    table: TableDefinition<'static, K, &'static [u8]>,
    from: &ReadTransaction,
    to: &WriteTransaction,
) -> Result<(), JournalError> {
    let (from, mut to) = (from.open_table(table)?, to.open_table(table)?);
    for row in from.iter()? {
        let (key, value) = row?;
        to.insert(key.value(), value.value())?;
    }
    Ok(())
}

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

    fn count(&self, bytes: usize, sign: i64) {
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

/// Makes a database a journal: an empty one, or with the rows of another one.
pub(crate) fn found(
    tx: WriteTransaction,
    from: Option<&ReadTransaction>,
) -> Result<(), JournalError> {
    create(&tx)?;
    let writing = Writing::new(tx);
    writing.set(SCHEMA, SCHEMA_VERSION)?;
    if let Some(from) = from {
        copy_rows(from, &writing.tx)?;
        writing.set(BYTES, figure(from, BYTES)?.unwrap_or(0))?;
    }
    writing.commit()
}

impl<K, R> Rows<K, R>
where
    K: Key + for<'k> Value<SelfType<'k> = K> + 'static,
    R: Serialize + DeserializeOwned,
{
    const fn new(name: &'static str) -> Self {
        Self { table: TableDefinition::new(name), row: PhantomData }
    }

    /// One row.
    pub(crate) fn get(&self, tx: &impl Reading, key: K) -> Result<Option<R>, JournalError> {
        let table = tx.table(self.table)?;
        let found = table.get(key)?;
        found.map(|value| self.read(value.value())).transpose()
    }

    /// All rows of a range, in order.
    pub(crate) fn range(
        &self,
        tx: &impl Reading,
        range: impl RangeBounds<K> + 'static,
    ) -> Result<Vec<(K, R)>, JournalError> {
        let table = tx.table(self.table)?;
        let rows = table.range::<K>(range)?.map(|row| {
            let (key, value) = row?;
            Ok((key.value(), self.read(value.value())?))
        });
        rows.collect()
    }

    /// The first and the last key.
    pub(crate) fn ends(&self, tx: &impl Reading) -> Result<Option<(K, K)>, JournalError> {
        let table = tx.table(self.table)?;
        let (Some((first, _)), Some((last, _))) = (table.first()?, table.last()?) else {
            return Ok(None);
        };
        Ok(Some((first.value(), last.value())))
    }

    /// Writes a row, in the place of an earlier one. Returns what it takes, in bytes.
    pub(crate) fn put(&self, tx: &Writing, key: K, row: &R) -> Result<u64, JournalError> {
        let bytes = serde_json::to_vec(row).expect("rows have text as their only map keys");
        let key_bytes = K::as_bytes(&key).as_ref().len();
        if let Some(old) = tx.table(self.table)?.insert(key, bytes.as_slice())? {
            tx.count(old.value().len() + key_bytes, -1);
        }
        tx.count(bytes.len() + key_bytes, 1);
        Ok((bytes.len() + key_bytes) as u64)
    }

    /// Removes a row. Returns what it took, in bytes; nothing where there was none.
    pub(crate) fn remove(&self, tx: &Writing, key: K) -> Result<Option<u64>, JournalError> {
        let key_bytes = K::as_bytes(&key).as_ref().len();
        let mut table = tx.table(self.table)?;
        let Some(old) = table.remove(key)? else { return Ok(None) };
        let bytes = old.value().len() + key_bytes;
        tx.count(bytes, -1);
        Ok(Some(bytes as u64))
    }

    fn read(&self, bytes: &[u8]) -> Result<R, JournalError> {
        serde_json::from_slice(bytes).map_err(|error| {
            use redb::TableHandle as _;
            JournalError::Corrupt(format!("a row of {}: {error}", self.table.name()))
        })
    }
}
