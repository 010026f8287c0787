//! What can be wrong with a configuration file, told to the person who wrote it.

use std::path::PathBuf;

/// A configuration file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read configuration file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is far larger than any configuration.
    #[error("configuration file {path} has {bytes} bytes; at most {bytes_max} are read")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// A key that nothing reads.
    #[error("{path}: unknown key `{key}`{hint}")]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key with its section.
        key: String,
        /// The closest known key, or all of them.
        hint: String,
    },
    /// Not TOML, a key that is missing, or a value of the wrong kind.
    #[error("{path}: {detail}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What and where.
        detail: String,
    },
    /// A value that is well formed and wrong.
    #[error("{path}: `{key}`: {detail}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The key with its section.
        key: &'static str,
        /// What is wrong and what would be right.
        detail: String,
    },
}
