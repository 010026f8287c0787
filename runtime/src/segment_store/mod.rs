//! Segments on disk: what survives a restart, and what the pool had no room for.
//!
//! One file a segment, named by its key, in one folder of bounded size. Texts that begin alike share
//! the files of their beginning, and each block goes by its own last use: files of runs of blocks would
//! hold a common beginning once for every way in which it goes on.
//!
//! # Invariants
//!
//! - **What is given out is what was put in under that key**: every file is checked when it is read, and
//!   one that is broken is removed.
//! - **A file of the right name is whole**, or the machine died while it was written and the check says
//!   so: it is written beside its place and renamed, but not made durable, which a cache need not be.
//! - **Files of other names are nobody's business here**: a folder that somebody else uses too loses
//!   nothing of his.
//! - **Nothing that fails here fails a request.** It is logged and counted, and done without.
//! - **The files are never more than the bound**, as far as one process knows. Of several that share
//!   the folder each looks again after it has written an eighth of the bound.

mod file;
mod folder;
#[cfg(test)]
mod tests;

use crate::kv::{SEGMENT_BYTES_MAX, SegmentKey};
use base::ByteCount;
use folder::{Folder, Sweep};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A bounded folder of segments. Its operations read and write files while the caller waits; any
/// number of threads may use it.
#[derive(Debug)]
pub struct SegmentStore {
    folder: Folder,
    bound: u64,
    room: Mutex<Room>,
    counts: Mutex<StoreCounts>,
}

/// A folder in which no segments can be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep KV segments in {}", folder.display())]
pub struct StoreError {
    /// The folder that the configuration names.
    pub folder: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// What became of requests and files, so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreCounts {
    /// Segments given out.
    pub found: u64,
    /// Segments asked for that were not there.
    pub missed: u64,
    /// Files that were not what their name said, and are gone.
    pub broken: u64,
    /// Files that had to make room.
    pub evicted: u64,
    /// Segments that could not be read or written, or were too large.
    pub failed: u64,
}

/// What one process knows of the folder's size.
#[derive(Debug)]
struct Room {
    /// Bytes of files when it last looked, and of those that it has written since.
    used: u64,
    /// Of these, written since.
    written: u64,
}

impl SegmentStore {
    /// The segments in `folder`, which is made where it is missing. Of what is there, the most recently
    /// used stay, up to `bound`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where there can be no such folder, or it cannot be looked into.
    pub fn open(folder: &Path, bound: ByteCount) -> Result<Self, StoreError> {
        let error = |source| StoreError { folder: folder.to_owned(), source };
        let files = Folder::make(folder).map_err(error)?;
        let room = Mutex::new(Room { used: 0, written: 0 });
        let store = Self { folder: files, bound: bound.0, room, counts: Mutex::default() };
        let swept = store.folder.sweep(store.bound, store.bound).map_err(error)?;
        store.note(&mut lock(&store.room), &swept);
        Ok(store)
    }

    /// The bytes that were put under `key`, which counts as used now.
    pub fn get(&self, key: SegmentKey) -> Option<Vec<u8>> {
        let path = self.folder.path(key);
        match file::read(&path, key) {
            Ok(Some(body)) => {
                lock(&self.counts).found += 1;
                return Some(body);
            }
            Ok(None) => {
                tracing::warn!(path = %path.display(), "a KV segment is broken and removed");
                lock(&self.counts).broken += 1;
                self.folder.remove(&path);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                lock(&self.counts).missed += 1;
            }
            Err(error) => self.failed(&path, &error),
        }
        None
    }

    /// Keeps the bytes of the segment `key`, which may push out those that are unused for longest.
    pub fn put(&self, key: SegmentKey, body: &[u8]) {
        let path = self.folder.path(key);
        let size = file::size(body);
        if body.len() > SEGMENT_BYTES_MAX || size > self.bound {
            let error = format!("{size} bytes are more than are kept of one segment");
            return self.failed(&path, &io::Error::new(io::ErrorKind::FileTooLarge, error));
        }
        // One at a time, so that two cannot take the same room.
        let mut room = lock(&self.room);
        if file::touch(&path).is_ok() {
            return;
        }
        let written = self.make_room(&mut room, size).and_then(|()| {
            let beside = self.folder.beside(key);
            file::write(&beside, &path, key, body)
        });
        match written {
            Ok(()) => {
                room.used += size;
                room.written += size;
            }
            Err(error) => self.failed(&path, &error),
        }
    }

    /// Which of `keys` are there, as far as names tell. None of them counts as used.
    pub fn holds(&self, keys: &[SegmentKey]) -> Vec<bool> {
        keys.iter().map(|key| self.folder.path(*key).exists()).collect()
    }

    /// Removes all segments: of whom each of them is, no name tells.
    ///
    /// # Errors
    ///
    /// What the system said. Then some may still be there.
    pub fn clear(&self) -> io::Result<()> {
        let mut room = lock(&self.room);
        let swept = self.folder.sweep(0, 0)?;
        self.note(&mut room, &swept);
        Ok(())
    }

    /// What became of requests and files, so far.
    pub fn counts(&self) -> StoreCounts {
        *lock(&self.counts)
    }

    /// Sees to it that `size` more bytes fit.
    fn make_room(&self, room: &mut Room, size: u64) -> io::Result<()> {
        let share = self.bound / 8;
        if room.used + size > self.bound || room.written + size > share {
            // More than is wanted now, so that not every segment looks through the folder.
            let swept = self.folder.sweep(self.bound - size, self.bound - size.max(share))?;
            self.note(room, &swept);
        }
        if room.used + size > self.bound {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "no file gives way"));
        }
        Ok(())
    }

    fn note(&self, room: &mut Room, swept: &Sweep) {
        *room = Room { used: swept.left, written: 0 };
        lock(&self.counts).evicted += swept.evicted;
    }

    fn failed(&self, path: &Path, error: &io::Error) {
        tracing::warn!(path = %path.display(), %error, "a KV segment is done without");
        lock(&self.counts).failed += 1;
    }
}

/// What a thread that panicked left is numbers, each of them whole.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
