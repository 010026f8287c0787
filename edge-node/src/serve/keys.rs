//! Who may ask, and how much.
//!
//! A file of keys is TOML, a table a key:
//!
//! ```toml
//! [[keys]]
//! name = "dashboard"          # in logs and metrics, in place of the key itself
//! secret = "…"                # what clients send, 16 bytes or more
//! requests_per_minute = 60    # optional, as are the next two
//! tokens_per_minute = 20000   # of prompts and replies
//! streams_max = 2             # replies at a time
//! ```

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file that is longer is none of keys.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Bytes of a secret that nobody guesses.
const SECRET_LEN_MIN: usize = 16;

/// The keys of a device.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// By the hash of the secret: what is looked up tells nothing of how much of it was right.
    by_hash: Arc<BTreeMap<[u8; 32], Key>>,
}

/// Says nothing of them.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.by_hash.len())
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// What it is called.
    pub(crate) name: Arc<str>,
    /// What it may.
    pub(crate) limits: KeyLimits,
}

/// What a key may; `None` is as much as it likes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KeyLimits {
    pub(crate) requests_per_minute: Option<u32>,
    pub(crate) tokens_per_minute: Option<u32>,
    pub(crate) streams_max: Option<u32>,
}

/// A file that holds no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not what a file of keys is.
    #[error("{}: {detail}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    keys: Vec<FileKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileKey {
    name: String,
    secret: String,
    requests_per_minute: Option<u32>,
    tokens_per_minute: Option<u32>,
    streams_max: Option<u32>,
}

impl Keys {
    /// Reads a file of keys.
    ///
    /// # Errors
    ///
    /// [`KeysError`] says what is wrong; it repeats no secret.
    pub fn read(path: &Path) -> Result<Self, KeysError> {
        let failed = |source| KeysError::Read { path: path.to_owned(), source };
        let length = std::fs::metadata(path).map_err(failed)?.len();
        if length > FILE_BYTES_MAX {
            let detail = format!("has {length} bytes; a file of keys has {FILE_BYTES_MAX} at most");
            return Err(KeysError::Invalid { path: path.to_owned(), detail });
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        Self::parse(&text).map_err(|detail| KeysError::Invalid { path: path.to_owned(), detail })
    }

    fn parse(text: &str) -> Result<Self, String> {
        // Its own message would quote the line, with the secret in it.
        let File { keys } = toml::from_str(text).map_err(|error| match error.span() {
            Some(span) => {
                let before = text.get(..span.start).unwrap_or(text);
                let line = before.matches('\n').count() + 1;
                format!("line {line}: {}", error.message())
            }
            None => error.message().to_owned(),
        })?;
        let mut by_hash = BTreeMap::new();
        for FileKey { name, secret, requests_per_minute, tokens_per_minute, streams_max } in keys {
            if secret.len() < SECRET_LEN_MIN {
                return Err(format!(
                    "the secret of {name:?} has {} bytes, and should have {SECRET_LEN_MIN} at least",
                    secret.len()
                ));
            }
            let named = by_hash.values().any(|key: &Key| *key.name == *name);
            let limits = KeyLimits { requests_per_minute, tokens_per_minute, streams_max };
            let key = Key { name: name.as_str().into(), limits };
            if named || by_hash.insert(hash(&secret), key).is_some() {
                return Err(format!("the name or the secret of {name:?} is there twice"));
            }
        }
        match by_hash.is_empty() {
            true => Err("lists no key: begin one with [[keys]]".to_owned()),
            false => Ok(Self { by_hash: Arc::new(by_hash) }),
        }
    }

    /// Who has `secret`.
    pub(crate) fn find(&self, secret: &str) -> Option<&Key> {
        self.by_hash.get(&hash(secret))
    }
}

fn hash(secret: &str) -> [u8; 32] {
    *blake3::hash(secret.as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[[keys]]\nname = 'car'\nsecret = '0123456789abcdef'\nstreams_max = 2\n\
                        [[keys]]\nname = 'home'\nsecret = 'fedcba9876543210'\n";

    #[test]
    fn a_key_is_found_by_its_secret_and_by_nothing_else() {
        let keys = Keys::parse(GOOD).unwrap();
        let car = keys.find("0123456789abcdef").unwrap();
        assert_eq!((&*car.name, car.limits.streams_max), ("car", Some(2)));
        assert_eq!(keys.find("fedcba9876543210").unwrap().limits, KeyLimits::default());
        for wrong in ["", "0123456789abcde", "0123456789abcdeF", "car"] {
            assert_eq!(keys.find(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_file_that_is_wrong_is_refused_without_its_secrets() {
        let check = |text: &str, says: &str| {
            let error = Keys::parse(text).unwrap_err();
            assert!(error.contains(says), "{error}");
            assert!(!error.contains("0123456789"), "{error}");
        };
        check("", "keys");
        check("keys = []", "lists no key");
        check(&GOOD.replace("'home'", "'car'"), "twice");
        check(&GOOD.replace("fedcba9876543210", "0123456789abcdef"), "twice");
        check(&GOOD.replace("fedcba9876543210", "short"), "has 5 bytes");
        check(&GOOD.replace("streams_max = 2", "streams = 2"), "line 4");
        check("[[keys]]\nname = 'car'\nsecret = '0123456789abcdef", "line 3");
        assert_eq!(format!("{:?}", Keys::parse(GOOD).unwrap()), "Keys(2)");
    }
}
