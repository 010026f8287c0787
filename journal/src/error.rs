//! What can go wrong with a journal, and what would be right.

use crate::{ConversationId, RequestId};
use base::ByteCount;
use std::io;
use std::path::PathBuf;

/// A journal that cannot be opened. What its file holds is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A limit that makes no sense.
    #[error("limits of the journal: {0}")]
    Limits(&'static str),
    /// Another process has it.
    #[error("{path} is in use by another process; stop that one first")]
    InUse {
        /// The journal.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{path} is no journal; name another file, or none that exists to begin a new one")]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// Another version of the program wrote it.
    #[error("{path} is a journal of version {found}, this program reads version {known}")]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The version that is read.
        known: u64,
    },
    /// It was damaged since it was written.
    #[error("{path} is damaged: {detail}; restore a copy, or move it away to begin a new one")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        detail: String,
    },
    /// The system does not let us.
    #[error("cannot open the journal {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What the last process left cannot be put in order.
    #[error("cannot put the journal {path} in order after the last process")]
    Recovery {
        /// The file.
        path: PathBuf,
        /// Why.
        source: JournalError,
    },
}

/// A call that changed nothing, but where it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A text that is longer than any may be.
    #[error("{what} has {bytes} bytes; at most {bytes_max} are kept")]
    TooLong {
        /// Which.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// All rows together would be more than may be.
    #[error("the journal would hold {bytes}; at most {bytes_max} are kept: tidy it, and ask again")]
    Full {
        /// What it would hold.
        bytes: ByteCount,
        /// The limit.
        bytes_max: ByteCount,
    },
    /// As many requests wait as may.
    #[error(
        "{requests} deferred requests of {bytes} bytes wait; at most {requests_max} of {bytes_max} may: \
         ask again when some of them are answered or have expired"
    )]
    DeferredFull {
        /// How many.
        requests: usize,
        /// Their bytes.
        bytes: u64,
        /// How many may.
        requests_max: usize,
        /// Their bytes.
        bytes_max: u64,
    },
    /// An idempotency key or a request id that has another meaning already.
    #[error("{what} {name:?} belongs to another request; use a new one")]
    Taken {
        /// Which of both.
        what: &'static str,
        /// It.
        name: String,
    },
    /// No such conversation.
    #[error("there is no conversation {0}")]
    NoConversation(ConversationId),
    /// No such deferred request.
    #[error("there is no deferred request {0}; it may have been forgotten with its conversation")]
    NoRequest(RequestId),
    /// A step that a request in this state cannot make.
    #[error("a request that {state} cannot be {step}")]
    NoSuchStep {
        /// How it stands.
        state: &'static str,
        /// What was to happen.
        step: &'static str,
    },
    /// Nothing is reserved for this request.
    #[error("nothing is reserved for request {0}; reserve before you settle, and settle once")]
    NoReservation(RequestId),
    /// Too many requests hold reservations.
    #[error("{0} requests hold reservations, as many as may; settle some first")]
    ReservationsFull(usize),
    /// A row that cannot be what was written.
    #[error("the journal is damaged: {0}")]
    Corrupt(String),
    /// An earlier write failed, and it is not known how much of it the file has.
    #[error("an earlier write to the journal failed: open it again")]
    Broken,
    /// The file cannot be read or written.
    #[error("cannot use the journal's file")]
    Storage(#[source] Box<redb::Error>),
    /// The file cannot be replaced by its smaller self.
    #[error("cannot write the journal anew")]
    Rewrite(#[source] io::Error),
}

impl From<redb::Error> for JournalError {
    fn from(error: redb::Error) -> Self {
        // Most of redb's errors are misuse that this crate does not commit; one is damage, and after
        // another nothing works until the file is opened again.
        if let redb::Error::Corrupted(detail) = error {
            return Self::Corrupt(detail);
        }
        match matches!(error, redb::Error::PreviousIo) {
            true => Self::Broken,
            false => Self::Storage(Box::new(error)),
        }
    }
}

/// Each family of redb's errors is one of [`redb::Error`].
macro_rules! through_redb_error {
    ($($family:ident),*) => {$(
        impl From<redb::$family> for JournalError {
            fn from(error: redb::$family) -> Self {
                redb::Error::from(error).into()
            }
        }
    )*};
}

through_redb_error!(
    StorageError,
    TableError,
    TransactionError,
    CommitError,
    CompactionError,
    DatabaseError
);
