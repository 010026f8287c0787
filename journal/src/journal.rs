//! A journal: opened, and put in order after a process that died.

use crate::medium::{FileMedium, Medium};
use crate::store::Store;
use crate::{Amount, JournalError, Limits, OpenError, RequestId, UnixTime, budgets, deferred};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// What a device must not lose. One process has it at a time.
///
/// A call that writes returns when its transaction is flushed. After an error of the file, or
/// [`JournalError::Broken`], the journal is dropped and opened again: what was acknowledged is there.
#[derive(Debug)]
pub struct Journal {
    pub(crate) store: Store,
    pub(crate) limits: Limits,
}

/// What the last process left undone, and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Requests that were under way. They wait again, to be asked with the same ids.
    pub asked_again: Vec<RequestId>,
    /// Reservations that count as spent in full now.
    pub spent: BTreeMap<RequestId, Amount>,
    /// Whether removed rows had to be cleared from the file.
    pub scrubbed: bool,
}

impl Journal {
    /// Opens the journal at `path`, or begins one where there is none; its folder must be there. Two
    /// files beside it, `path.lock` and at times `path.new`, are the journal's own.
    ///
    /// All of the file is read and its checksums compared: it is bounded, and damage is found here.
    ///
    /// # Errors
    ///
    /// [`OpenError`]. What a file that is damaged, or something else, holds is left as it is.
    pub fn open(path: &Path, limits: Limits, now: UnixTime) -> Result<(Self, Recovery), OpenError> {
        limits.check()?;
        let medium = FileMedium::lock(path).map_err(|source| {
            let (path, in_use) = (path.to_owned(), source.kind() == io::ErrorKind::WouldBlock);
            if in_use { OpenError::InUse { path } } else { OpenError::Io { path, source } }
        })?;
        Self::open_on(Box::new(medium), limits, now)
    }

    /// The same, wherever the bytes lie.
    pub(crate) fn open_on(
        medium: Box<dyn Medium>,
        limits: Limits,
        now: UnixTime,
    ) -> Result<(Self, Recovery), OpenError> {
        let path = medium.path().to_owned();
        let mut journal = Self { store: Store::open(medium)?, limits };
        let recovery =
            journal.recover(now).map_err(|source| OpenError::Recovery { path, source })?;
        Ok((journal, recovery))
    }

    fn recover(&mut self, now: UnixTime) -> Result<Recovery, JournalError> {
        let scrubbed = self.store.is_unscrubbed()?;
        if scrubbed {
            self.store.rewrite()?;
        }
        let policy = &self.limits.budgets;
        let (asked_again, spent) = self
            .store
            .write(|tx| Ok((deferred::recover(tx)?, budgets::recover(tx, policy, now)?)))?;
        Ok(Recovery { asked_again, spent, scrubbed })
    }
}
