//! What goes wrong with a store, and with a pull.

use crate::{ModelName, NameError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A store that cannot be used, or lacks what is asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot {what} {}", path.display())]
    System {
        /// What was to be done.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the store's own that it did not write so.
    #[error("{} is damaged: {problem}; remove it and pull the model again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The model was never pulled as a whole.
    #[error("{name} is not in the store {}", store.display())]
    Missing {
        /// The model.
        name: ModelName,
        /// Where it was looked for.
        store: PathBuf,
    },
}

/// A model that a configuration or a person names, and that is not at hand.
#[derive(Debug, thiserror::Error)]
pub enum NamedError {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Nobody said where models are kept.
    #[error(
        "where models are kept is not known: neither HOME nor XDG_DATA_HOME is set, and no store is named"
    )]
    NoStore,
    /// The store does not have it.
    #[error("{store}; `{command}` fetches it")]
    Missing {
        /// What the store says.
        store: Box<StoreError>,
        /// What would fetch it.
        command: String,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(StoreError),
    /// It did not come.
    #[error(transparent)]
    Pull(Box<PullError>),
}

/// A model that could not be pulled. What came of it stays, and the next pull goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The store cannot take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address of the hub is none.
    #[error("{endpoint:?} is no address of a hub: {problem}; one is https://huggingface.co")]
    Endpoint {
        /// What was given.
        endpoint: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The hub knows no such repository, revision or file, or does not say so to strangers.
    #[error("{host} has no {what}, or shows it to its members alone; {token}")]
    NotFound {
        /// The hub.
        host: String,
        /// What was asked for.
        what: String,
        /// What became of the token.
        token: &'static str,
    },
    /// The hub wants to know who asks.
    #[error(
        "{host} does not give {what} (status {status}): the model may be gated, so that its page has to be agreed to; {token}"
    )]
    Denied {
        /// The hub.
        host: String,
        /// What was asked for.
        what: String,
        /// 401 or 403.
        status: u16,
        /// What became of the token.
        token: &'static str,
    },
    /// The hub has too much to do, and says for how long.
    #[error("{host} asks to come back in {} s for {what}", retry_after.as_secs())]
    Busy {
        /// The hub.
        host: String,
        /// What was asked for.
        what: String,
        /// When.
        retry_after: Duration,
    },
    /// Another answer than one that can be used.
    #[error("{host} answers {what} with {problem}")]
    Answer {
        /// Who answered.
        host: String,
        /// What was asked for.
        what: String,
        /// What came.
        problem: String,
    },
    /// The connection broke, again and again.
    #[error("{what} did not arrive in {tries} tries; the last one: {problem}")]
    GaveUp {
        /// What was asked for.
        what: String,
        /// How often in a row nothing much came.
        tries: u32,
        /// What went wrong last.
        problem: String,
    },
    /// The hub's listing breaks its own rules, or ours.
    #[error("{host} lists {repository} in a way that cannot be right: {problem}")]
    Listing {
        /// The hub.
        host: String,
        /// The repository.
        repository: String,
        /// Which rule it breaks.
        problem: String,
    },
    /// The repository holds nothing that the name could mean.
    #[error("{name}: {problem}")]
    NothingToPull {
        /// The name.
        name: String,
        /// What is there, and what would be right.
        problem: String,
    },
    /// The bytes are not those that the hub lists.
    #[error("{host} sent another {what} than it lists: its checksum is wrong")]
    Wrong {
        /// The hub.
        host: String,
        /// The file.
        what: String,
    },
    /// The disk is too small.
    #[error("{} has room for {free} bytes, and the model needs {needed} more", folder.display())]
    NoRoom {
        /// The store.
        folder: PathBuf,
        /// Bytes still to come.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
}

impl From<PullError> for NamedError {
    fn from(error: PullError) -> Self {
        Self::Pull(Box::new(error))
    }
}

impl StoreError {
    /// For `map_err`: the system would not do `what` with `path`.
    pub(crate) fn system(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::System { what, path, source }
    }

    pub(crate) fn damaged(path: &Path, problem: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), problem: problem.to_string() }
    }
}
