//! The typed key-value pairs at the head of a GGUF file.
//!
//! A key that is absent is `None`; a key of another kind than asked for is an error that names
//! it. Integers of every width read alike, floats too; an integer never reads as a float.
//!
//! Source: the GGUF specification, ggml `docs/gguf.md`.

use crate::LoadError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One value. Arrays hold one kind; arrays of arrays are refused by the reader.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Integer(i128),
    Float(f64),
    Boolean(bool),
    String(String),
    Integers(Vec<i64>),
    Floats(Vec<f32>),
    Booleans(Vec<bool>),
    Strings(Vec<String>),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Boolean(_) => "a boolean",
            Self::String(_) => "a string",
            Self::Integers(_) => "an array of integers",
            Self::Floats(_) => "an array of floats",
            Self::Booleans(_) => "an array of booleans",
            Self::Strings(_) => "an array of strings",
        }
    }
}

/// All pairs of one file.
#[derive(Debug)]
pub(crate) struct Metadata {
    path: PathBuf,
    pairs: BTreeMap<String, Value>,
}

impl Metadata {
    pub(crate) fn new(path: &Path, pairs: BTreeMap<String, Value>) -> Self {
        Self { path: path.to_owned(), pairs }
    }

    /// The file, for errors.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// All keys, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.pairs.keys().map(String::as_str)
    }

    pub(crate) fn string(&self, key: &str) -> Result<Option<&str>, LoadError> {
        self.read(key, "a string", |value| {
            if let Value::String(text) = value { Some(text.as_str()) } else { None }
        })
    }

    /// A non-negative integer of any width.
    pub(crate) fn unsigned(&self, key: &str) -> Result<Option<u64>, LoadError> {
        self.read(key, "an integer of at least 0", |value| {
            if let Value::Integer(n) = value { u64::try_from(*n).ok() } else { None }
        })
    }

    pub(crate) fn float(&self, key: &str) -> Result<Option<f64>, LoadError> {
        self.read(key, "a float", |value| if let Value::Float(x) = value { Some(*x) } else { None })
    }

    pub(crate) fn boolean(&self, key: &str) -> Result<Option<bool>, LoadError> {
        self.read(
            key,
            "a boolean",
            |value| {
                if let Value::Boolean(yes) = value { Some(*yes) } else { None }
            },
        )
    }

    pub(crate) fn strings(&self, key: &str) -> Result<Option<&[String]>, LoadError> {
        self.read(key, "an array of strings", |value| {
            if let Value::Strings(all) = value { Some(all.as_slice()) } else { None }
        })
    }

    pub(crate) fn integers(&self, key: &str) -> Result<Option<&[i64]>, LoadError> {
        self.read(key, "an array of integers", |value| {
            if let Value::Integers(all) = value { Some(all.as_slice()) } else { None }
        })
    }

    pub(crate) fn floats(&self, key: &str) -> Result<Option<&[f32]>, LoadError> {
        self.read(key, "an array of floats", |value| {
            if let Value::Floats(all) = value { Some(all.as_slice()) } else { None }
        })
    }

    /// What `value` has under a key, or an error that the key is missing.
    pub(crate) fn require<T>(&self, key: &str, value: Option<T>) -> Result<T, LoadError> {
        value.ok_or_else(|| LoadError::missing_key(&self.path, key))
    }

    fn read<'a, T>(
        &'a self,
        key: &str,
        wanted: &str,
        pick: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, LoadError> {
        let Some(value) = self.pairs.get(key) else { return Ok(None) };
        pick(value).map(Some).ok_or_else(|| {
            LoadError::bad_key(&self.path, key, format!("{} and not {wanted}", value.kind()))
        })
    }
}
