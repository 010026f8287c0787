//! A file that is still arriving.
//!
//! It grows at its end alone, so that whatever is there is a beginning of what some answer held; which
//! one, says the mark (the ETag) beside it. Its sums are kept while it grows, and made up for
//! what was there before.

use crate::checksum::{Checksum, Sha256, Summing};
use crate::{StoreError, durable};
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Longer marks are not kept.
const MARK_BYTES_MAX: usize = 1_024;

/// A file that is still arriving, open for more.
#[derive(Debug)]
pub(crate) struct Part {
    file: File,
    path: PathBuf,
    mark_path: PathBuf,
    mark: Option<String>,
    bytes: u64,
    bytes_max: u64,
    /// Whether its bytes came with one answer, as far as anybody knows.
    of_one_piece: bool,
    summing: Summing,
}

impl Part {
    /// The part at `path` of a file of `bytes_max` bytes, with what has come of it. One that is read-only begins
    /// again: it was left by a version that ended before what it had was flushed.
    pub(crate) fn open(path: PathBuf, bytes_max: u64) -> Result<Self, StoreError> {
        if fs::metadata(&path).is_ok_and(|part| part.permissions().readonly()) {
            Self::discard(&path)?;
        }
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(StoreError::system("open", &path))?;
        let mark_path = mark_path(&path);
        let mark = read_mark(&mark_path);
        let summing = Summing::new(bytes_max);
        let mut part =
            Self { file, path, mark_path, mark, bytes: 0, bytes_max, of_one_piece: true, summing };
        part.take_up()?;
        Ok(part)
    }

    /// Reads what is there.
    fn take_up(&mut self) -> Result<(), StoreError> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read =
                self.file.read(&mut buffer).map_err(StoreError::system("read", &self.path))?;
            if read == 0 {
                break;
            }
            self.bytes += read as u64;
            self.summing.update(&buffer[..read]);
        }
        self.of_one_piece = self.bytes == 0;
        // More than the file has is no beginning of it.
        if self.bytes > self.bytes_max { self.begin(None) } else { Ok(()) }
    }

    /// How many bytes are there.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many bytes are still to come.
    pub(crate) const fn missing(&self) -> u64 {
        self.bytes_max - self.bytes
    }

    /// Which answer they are of.
    pub(crate) fn mark(&self) -> Option<&str> {
        self.mark.as_deref()
    }

    /// Whether they came with one answer, so that nothing would be gained by asking again.
    pub(crate) const fn is_of_one_piece(&self) -> bool {
        self.of_one_piece
    }

    /// Starts again, with what is `mark`ed so.
    pub(crate) fn begin(&mut self, mark: Option<&str>) -> Result<(), StoreError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(StoreError::system("empty", &self.path))?;
        self.bytes = 0;
        self.summing = Summing::new(self.bytes_max);
        self.of_one_piece = true;
        self.mark = mark.filter(|mark| mark.len() <= MARK_BYTES_MAX).map(str::to_owned);
        match &self.mark {
            Some(mark) => durable::write(&self.mark_path, mark.as_bytes()),
            None => remove(&self.mark_path),
        }
    }

    /// Goes on with the bytes of another answer.
    pub(crate) fn goes_on(&mut self) {
        self.of_one_piece = self.bytes == 0;
    }

    /// Adds `bytes` at the end.
    ///
    /// # Panics
    ///
    /// Where these are more than [`Self::missing`].
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        assert!(bytes.len() as u64 <= self.missing(), "a part is never longer than its file");
        self.file.write_all(bytes).map_err(StoreError::system("write", &self.path))?;
        self.bytes += bytes.len() as u64;
        self.summing.update(bytes);
        Ok(())
    }

    /// What the bytes add up to, once all are there; `None` where that is not what was `expected`.
    pub(crate) fn checked(&self, expected: &Checksum) -> Option<Sha256> {
        let (sum, right) = self.summing.clone().finish(expected);
        (right && self.missing() == 0).then_some(sum)
    }

    /// Flushes the file and gives it the name `to`, read-only.
    pub(crate) fn finish(self, to: &Path) -> Result<(), StoreError> {
        let Self { file, path, mark_path, .. } = self;
        file.sync_all().map_err(StoreError::system("flush", &path))?;
        durable::rename(&path, to)?;
        // Last: a part that is read-only could not be taken up again.
        let mut permissions =
            file.metadata().map_err(StoreError::system("look at", to))?.permissions();
        permissions.set_readonly(true);
        file.set_permissions(permissions).map_err(StoreError::system("make read-only", to))?;
        remove(&mark_path)
    }

    /// Leaves nothing of the part at `path`.
    pub(crate) fn discard(path: &Path) -> Result<(), StoreError> {
        remove(&mark_path(path))?;
        remove(path)
    }
}

fn mark_path(path: &Path) -> PathBuf {
    path.with_added_extension("etag")
}

/// A mark that cannot be read is none: then the sum alone tells what the bytes are of.
fn read_mark(path: &Path) -> Option<String> {
    let bytes = fs::metadata(path).ok()?.len();
    let short = bytes <= MARK_BYTES_MAX as u64;
    if short { fs::read_to_string(path).ok() } else { None }
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::system("remove", path)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
