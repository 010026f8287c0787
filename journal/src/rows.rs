//! The journal's tables. A row is JSON, so that a later version reads what an earlier one wrote,
//! behind a key of numbers.

use crate::JournalError;
use crate::budgets::Ledger;
use crate::conversations::Head;
use crate::deferred::Deferred;
use crate::fired::Fired;
use crate::transaction::{Reading, Writing};
use crate::turn::Turn;
use redb::{Key, ReadTransaction, ReadableTable as _, TableDefinition, Value, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::ops::RangeBounds;

/// A table of rows `R` by keys `K`.
pub(crate) struct Rows<K: Key + 'static, R> {
    table: TableDefinition<'static, K, &'static [u8]>,
    row: PhantomData<fn() -> R>,
}

/// All tables, and what is done with each of them.
macro_rules! tables {
    ($($(#[$doc:meta])* $table:ident: $name:literal, $key:ty => $row:ty;)*) => {
        $($(#[$doc])* pub(crate) const $table: Rows<$key, $row> = Rows::new($name);)*

        /// Makes every table of a new journal.
        pub(crate) fn create(tx: &WriteTransaction) -> Result<(), JournalError> {
            $(tx.open_table($table.table)?;)*
            Ok(())
        }

        /// Copies the rows of every table.
        pub(crate) fn copy(
            from: &ReadTransaction,
            to: &WriteTransaction,
        ) -> Result<(), JournalError> {
            $(copy_table($table.table, from, to)?;)*
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

fn copy_table<K: Key + 'static>(
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
