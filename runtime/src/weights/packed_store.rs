//! Packed matrices kept in files, so that a model is packed once and then mapped by every process
//! that runs it.
//!
//! # Invariants
//!
//! - **A file of the right name is whole**: it is written beside its place, made durable, and renamed.
//! - **Another model's files are not mistaken for ours**: names hold the model's fingerprint and the
//!   length and time of the file that was packed.

use super::table::TensorEntry;
use crate::LoadError;
use crate::mapped_file::{MappedBytes, SourceFile};
use base::ModelFingerprint;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Which order of bytes [`kernels::pack`] writes; files of another are not looked at.
const LAYOUT: &str = "p16";

/// A folder of packed matrices of one model.
#[derive(Debug)]
pub(crate) struct PackedStore {
    folder: PathBuf,
    model: ModelFingerprint,
}

impl PackedStore {
    /// The files of `model` in `folder`, which is made where it is missing.
    pub(crate) fn new(folder: &Path, model: ModelFingerprint) -> Result<Self, LoadError> {
        let store = Self { folder: folder.to_owned(), model };
        fs::create_dir_all(folder).map_err(|source| store.error(folder, source))?;
        Ok(store)
    }

    /// The packed form of `entry`, the tensor `name`, where it is here and has `len` bytes.
    pub(crate) fn find(
        &self,
        entry: &TensorEntry,
        name: &str,
        len: usize,
    ) -> Result<Option<MappedBytes>, LoadError> {
        let path = self.path(entry, name)?;
        if !path.try_exists().map_err(|source| self.error(&path, source))? {
            return Ok(None);
        }
        let file = SourceFile::open(&path)?;
        if file.len() != len as u64 {
            return Ok(None);
        }
        file.map(0..file.len()).map(Some)
    }

    /// Keeps `bytes` as the packed form of `entry` and maps them.
    pub(crate) fn keep(
        &self,
        entry: &TensorEntry,
        name: &str,
        bytes: &[u8],
    ) -> Result<MappedBytes, LoadError> {
        let path = self.path(entry, name)?;
        // Two processes may pack the same tensor: each writes a file of its own, and either may win.
        let beside = path.with_extension(format!("{}.part", std::process::id()));
        let write = || -> io::Result<()> {
            let mut file = File::create(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&beside, &path)
        };
        if let Err(source) = write() {
            // What is left of it is of no use; that it may not be there either is no second error.
            let _ = fs::remove_file(&beside);
            return Err(self.error(&path, source));
        }
        let file = SourceFile::open(&path)?;
        file.map(0..file.len())
    }

    fn path(&self, entry: &TensorEntry, name: &str) -> Result<PathBuf, LoadError> {
        let read = |source| LoadError::Read { path: entry.path().to_owned(), source };
        let metadata = fs::metadata(entry.path()).map_err(read)?;
        let changed = metadata.modified().map_err(read)?;
        let nanoseconds = changed.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let (model, len) = (self.model, metadata.len());
        Ok(self.folder.join(format!("{model}-{len:x}-{nanoseconds:x}-{LAYOUT}-{name}.packed")))
    }

    fn error(&self, path: &Path, source: io::Error) -> LoadError {
        LoadError::PackedStore { folder: self.folder.clone(), path: path.to_owned(), source }
    }
}
