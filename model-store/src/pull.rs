//! A model, from a hub to the store.

use crate::checksum::{Checksum, Sha256};
use crate::listing::{self, HubFile};
use crate::lock::Lock;
use crate::name::percent_encoded;
use crate::part::Part;
use crate::{Hub, ModelName, PullError, Store, StoreError, download, selection};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Who is told how a pull goes.
pub trait Progress {
    /// So many files will be had, of so many `bytes` in all; of these `here` are here already.
    fn begins(&mut self, files: usize, bytes: u64, here: u64);
    /// The next of them.
    fn file(&mut self, path: &str, bytes: u64);
    /// So many bytes came.
    fn arrived(&mut self, bytes: u64);
    /// So many that were here do not count: the file starts again.
    fn lost(&mut self, bytes: u64);
    /// Another process is at this file, and is waited for.
    fn waits(&mut self, path: &str);
}

/// What a pull ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// What to open: the file, or the folder.
    pub path: PathBuf,
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
    /// Bytes of all its files.
    pub bytes: u64,
}

/// Has the model `name` in the `store`, at what its revision is now. What is there already, of this commit or
/// another, does not travel again.
///
/// # Errors
///
/// [`PullError`] says whether the hub, the name or this machine is to blame. What came stays for the next pull.
pub fn pull(
    store: &Store,
    hub: &Hub,
    name: &ModelName,
    progress: &mut dyn Progress,
) -> Result<Pulled, PullError> {
    let listing = listing::read(hub, name)?;
    let files = selection::of(name, &listing)?;
    store.prepare(name)?;
    let known = store.known(name)?;
    let bytes = files.iter().map(|file| file.bytes).sum();
    let here: u64 = files.iter().map(|file| bytes_here(store, &known, file)).sum();
    check_room(store.folder(), bytes - here)?;
    progress.begins(files.len(), bytes, here);
    let mut blobs = Vec::with_capacity(files.len());
    for file in files {
        progress.file(&file.path, file.bytes);
        blobs.push((file, blob(store, (hub, name, &listing.commit), (file, &known), progress)?));
    }
    let path = store.record(name, &listing.commit, &blobs)?;
    Ok(Pulled { path, commit: listing.commit, bytes })
}

/// The blob that is `file`: the one that is here, or the one that comes.
fn blob(
    store: &Store,
    (hub, name, commit): (&Hub, &ModelName, &str),
    (file, known): (&HubFile, &BTreeMap<String, Sha256>),
    progress: &mut dyn Progress,
) -> Result<Sha256, PullError> {
    let (part, lock) = store.part(&file.checksum.key());
    let _lock = Lock::take(lock, || progress.waits(&file.path))?;
    // Looked for under the lock: whoever had it may have brought it.
    if let Some(sum) = sum_here(store, known, file) {
        Part::discard(&part)?;
        return Ok(sum);
    }
    let mut part = Part::open(part, file.bytes)?;
    let (org, repository) = (name.org(), name.name());
    let path = percent_encoded(&file.path, true);
    let address = format!("/{org}/{repository}/resolve/{commit}/{path}");
    let sum = download::complete(&mut part, (hub, &address), file, progress)?;
    part.finish(&store.blob(&sum))?;
    Ok(sum)
}

/// The sum of `file`, where its blob is here.
fn sum_here(store: &Store, known: &BTreeMap<String, Sha256>, file: &HubFile) -> Option<Sha256> {
    let sum = match file.checksum {
        Checksum::Sha256(sum) => sum,
        Checksum::GitBlob(_) => *known.get(&file.checksum.key())?,
    };
    let bytes = store.blob(&sum).metadata().ok()?.len();
    (bytes == file.bytes).then_some(sum)
}

/// How much of `file` need not travel.
fn bytes_here(store: &Store, known: &BTreeMap<String, Sha256>, file: &HubFile) -> u64 {
    if sum_here(store, known, file).is_some() {
        return file.bytes;
    }
    let (part, _) = store.part(&file.checksum.key());
    part.metadata().map_or(0, |part| part.len()).min(file.bytes)
}

/// Whether the disk has room for so many bytes more.
fn check_room(folder: &Path, needed: u64) -> Result<(), PullError> {
    let room = rustix::fs::statvfs(folder).map_err(std::io::Error::from);
    let room = room.map_err(StoreError::system("ask for the free room of", folder))?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if needed > free {
        return Err(PullError::NoRoom { folder: folder.to_owned(), needed, free });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_larger_than_the_disk_is_refused_before_it_comes() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check_room(folder.path(), 1).is_ok());
        let error = check_room(folder.path(), u64::MAX).unwrap_err();
        assert!(matches!(error, PullError::NoRoom { needed: u64::MAX, .. }), "{error}");
    }
}
