//! What of a repository has been pulled at one commit: the last thing that a pull writes.

use crate::checksum::Sha256;
use crate::listing::HubFile;
use crate::name::is_path;
use crate::{StoreError, durable};
use base::GgufPart;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

/// What a thousand files need is a tenth of that.
const BYTES_MAX: u64 = 4 << 20;

/// The files of one commit that are there as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// Whether the files that a Hugging Face folder needs are among them.
    pub(crate) folder: bool,
    /// By their path in the repository.
    pub(crate) files: BTreeMap<String, Entry>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) bytes: u64,
    /// The blob that it is.
    pub(crate) sha256: String,
    /// How the hub calls it: the key of its own sum.
    pub(crate) hub: String,
}

impl Entry {
    pub(crate) fn new(file: &HubFile, sum: Sha256) -> Self {
        Self { bytes: file.bytes, sha256: sum.to_string(), hub: file.checksum.key() }
    }
}

impl Manifest {
    /// The manifest at `path`; an empty one where there is none.
    pub(crate) fn read(path: &Path) -> Result<Self, StoreError> {
        let file = match std::fs::File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            opened => opened.map_err(StoreError::system("read", path))?,
        };
        let mut json = Vec::new();
        let read = file.take(BYTES_MAX + 1).read_to_end(&mut json);
        read.map_err(StoreError::system("read", path))?;
        if json.len() as u64 > BYTES_MAX {
            return Err(StoreError::damaged(path, "it is longer than any that was written"));
        }
        let manifest: Self =
            serde_json::from_slice(&json).map_err(|error| StoreError::damaged(path, error))?;
        let wrong = |(path, entry): &(&String, &Entry)| {
            !is_path(path) || Sha256::parse(&entry.sha256).is_none()
        };
        match manifest.files.iter().find(wrong) {
            Some((file, _)) => Err(StoreError::damaged(path, format!("{file:?} is no file of it"))),
            None => Ok(manifest),
        }
    }

    /// The files of the GGUF model `path`: itself, with those that go on from it. None, where one is not there.
    pub(crate) fn model(&self, path: &str) -> Vec<(&String, &Entry)> {
        let files: Option<_> = match GgufPart::of(path) {
            Some(part) => part.all().map(|path| self.files.get_key_value(&path)).collect(),
            None => self.files.get_key_value(path).map(|file| vec![file]),
        };
        files.unwrap_or_default()
    }

    /// Writes it as `path`.
    pub(crate) fn write(&self, path: &Path) -> Result<(), StoreError> {
        let json = serde_json::to_vec_pretty(self).expect("texts and numbers are JSON");
        durable::write(path, &json)
    }
}
