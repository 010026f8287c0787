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
use std::ops::Deref;
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

    /// The packed form of `entry`, the tensor `name`, of `len` bytes: what is kept here, or what `pack`
    /// makes, kept from now on.
    pub(crate) fn find_or_keep<B: Deref<Target = [u8]>>(
        &self,
        entry: &TensorEntry,
        name: &str,
        len: usize,
        pack: impl FnOnce() -> Result<B, LoadError>,
    ) -> Result<MappedBytes, LoadError> {
        let path = self.path(entry, name)?;
        if path.try_exists().map_err(|source| self.error(&path, source))? {
            let file = SourceFile::open(&path)?;
            if file.len() == len as u64 {
                return file.map(0..file.len());
            }
        }
        write(&path, &pack()?).map_err(|source| self.error(&path, source))?;
        let file = SourceFile::open(&path)?;
        file.map(0..file.len())
    }

    fn path(&self, entry: &TensorEntry, name: &str) -> Result<PathBuf, LoadError> {
        let changed = entry.file().modified()?;
        let nanoseconds = changed.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let (model, len) = (self.model, entry.file().len());
        Ok(self.folder.join(format!("{model}-{len:x}-{nanoseconds:x}-{LAYOUT}-{name}.packed")))
    }

    fn error(&self, path: &Path, source: io::Error) -> LoadError {
        LoadError::PackedStore { folder: self.folder.clone(), path: path.to_owned(), source }
    }
}

/// Writes the whole of `path` at once.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Two processes may pack the same tensor: each writes a file of its own, and either may win.
    let beside = path.with_extension(format!("{}.part", std::process::id()));
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    if written.is_err() {
        // What is left of it is of no use; that it may not be there either is no second error.
        let _ = fs::remove_file(&beside);
    }
    written
}
