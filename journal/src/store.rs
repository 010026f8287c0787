//! The database: transactions that are flushed before they are acknowledged, and a file that can be
//! written anew, without what was removed from it.
//!
//! A B-tree that frees a page leaves its bytes in the file, and compaction moves pages without
//! clearing the places that they leave. So [`Store::rewrite`] copies the rows that are left into a new
//! file, which then takes the old one's place: no removed word was ever in it, it has no free pages,
//! and at every moment either the old file or the new one is the journal. Where a process dies
//! between a removal and the rewrite, the next one finds that noted, and makes up for it.

use crate::medium::Medium;
use crate::transaction::{self, SCHEMA_VERSION, Writing};
use crate::{JournalError, OpenError, rows};
use base::ByteCount;
use redb::{
    Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase as _, StorageError,
    WriteTransaction,
};
use std::io;

/// Memory for pages. The working set of a journal is the end of one conversation.
const CACHE_BYTES: usize = 4 << 20;

/// The journal's database.
#[derive(Debug)]
pub(crate) struct Store {
    medium: Box<dyn Medium>,
    /// Nothing where a rewrite failed halfway.
    database: Option<Database>,
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    // Every page is read and its checksum compared, so that damage is found now, and as an error.
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder
}

impl Store {
    /// Opens the journal there, or begins one.
    ///
    /// # Errors
    ///
    /// As of [`Journal::open`](crate::Journal::open).
    pub(crate) fn open(medium: Box<dyn Medium>) -> Result<Self, OpenError> {
        let path = || medium.path().to_owned();
        let recovery = |source| OpenError::Recovery { path: path(), source };
        let Some(database) =
            medium.open(&builder()).map_err(|error| unopened(error, medium.as_ref()))?
        else {
            let mut store = Self { medium, database: None };
            return match store.rewrite() {
                Ok(()) => Ok(store),
                Err(source) => {
                    Err(OpenError::Recovery { path: store.medium.path().to_owned(), source })
                }
            };
        };
        match found_schema(&database).map_err(recovery)? {
            Some(SCHEMA_VERSION) => {}
            Some(found) => {
                return Err(OpenError::OtherVersion { path: path(), found, known: SCHEMA_VERSION });
            }
            None => return Err(OpenError::NotAJournal { path: path() }),
        }
        Ok(Self { medium, database: Some(database) })
    }

    /// Reads.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let database = self.database.as_ref().ok_or(JournalError::Broken)?;
        read(&database.begin_read()?)
    }

    /// Writes: all of it, durably, or where there is an error nothing.
    pub(crate) fn write<T>(
        &mut self,
        write: impl FnOnce(&Writing) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let database = self.database.as_ref().ok_or(JournalError::Broken)?;
        let writing = Writing::new(database.begin_write()?);
        let written = write(&writing)?;
        writing.commit()?;
        Ok(written)
    }

    /// Writes the journal anew, without what was removed from it. Where there is none yet, begins it.
    pub(crate) fn rewrite(&mut self) -> Result<(), JournalError> {
        let mut successor = self.medium.successor(&builder())?;
        match &self.database {
            Some(database) => {
                found(successor.begin_write()?, Some(&database.begin_read()?))?;
            }
            None => found(successor.begin_write()?, None)?,
        }
        successor.compact()?;
        // From here on the old file takes no more rows, whatever happens: they might be lost with it.
        self.database = None;
        self.medium.replace().map_err(JournalError::Rewrite)?;
        self.database = Some(successor);
        Ok(())
    }

    /// Whether a rewrite is owed.
    pub(crate) fn is_unscrubbed(&self) -> Result<bool, JournalError> {
        self.read(transaction::is_unscrubbed)
    }

    /// The file's size.
    pub(crate) fn bytes(&self) -> Result<ByteCount, JournalError> {
        self.medium
            .bytes()
            .map(ByteCount)
            .map_err(|error| JournalError::Storage(Box::new(StorageError::Io(error).into())))
    }
}

/// Makes a database a journal: an empty one, or with the rows of another one.
fn found(tx: WriteTransaction, from: Option<&ReadTransaction>) -> Result<(), JournalError> {
    rows::create(&tx)?;
    if let Some(from) = from {
        rows::copy(from, &tx)?;
    }
    let writing = Writing::new(tx);
    writing.found(from)?;
    writing.commit()
}

fn found_schema(database: &Database) -> Result<Option<u64>, JournalError> {
    Ok(transaction::schema(&database.begin_read()?)?)
}

/// Who is to blame where redb does not open a file.
fn unopened(error: DatabaseError, medium: &dyn Medium) -> OpenError {
    let path = medium.path().to_owned();
    if matches!(error, DatabaseError::DatabaseAlreadyOpen) {
        return OpenError::InUse { path };
    }
    let DatabaseError::Storage(StorageError::Io(source)) = error else {
        return OpenError::Corrupt { path, detail: error.to_string() };
    };
    // What redb says of a file that does not begin as its own do, and of one that ends too early.
    if source.kind() == io::ErrorKind::InvalidData {
        OpenError::NotAJournal { path }
    } else if source.kind() == io::ErrorKind::UnexpectedEof {
        OpenError::Corrupt { path, detail: "it ends too early".to_owned() }
    } else {
        OpenError::Io { path, source }
    }
}
