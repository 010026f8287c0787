//! Where a journal's bytes lie: a file, its successor beside it, and the moment when one becomes the
//! other.
//!
//! ```text
//!   journal        the file, always whole: it comes into being by a rename
//!   journal.new    what is being written to become it; of no worth after a crash
//!   journal.lock   held as long as a process uses the journal
//! ```

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError};
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Where a journal's bytes lie. Tests have one in memory, that loses its power.
pub(crate) trait Medium: fmt::Debug + Send + Sync {
    /// Opens the journal; nothing where there is none.
    fn open(&self, builder: &Builder) -> Result<Option<Database>, DatabaseError>;

    /// Begins a new, empty file, whose predecessor, if there was one, is lost.
    fn successor(&self, builder: &Builder) -> Result<Database, DatabaseError>;

    /// Makes the successor the journal, durably; nothing is left of the old one. The old database is
    /// closed.
    fn replace(&self) -> io::Result<()>;

    /// The size of the journal's file.
    fn bytes(&self) -> io::Result<u64>;

    /// Where it is.
    fn path(&self) -> &Path;
}

/// A file of the file system.
#[derive(Debug)]
pub(crate) struct FileMedium {
    path: PathBuf,
    successor: PathBuf,
    /// Locked.
    _lock: File,
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// What is in a journal is nobody else's business.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

impl FileMedium {
    /// Takes the journal at `path` for this process.
    ///
    /// # Errors
    ///
    /// Of kind [`io::ErrorKind::WouldBlock`] where another process has it.
    pub(crate) fn lock(path: &Path) -> io::Result<Self> {
        let lock = private().create(true).truncate(false).open(beside(path, ".lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
            TryLockError::Error(error) => error,
        })?;
        Ok(Self { path: path.to_owned(), successor: beside(path, ".new"), _lock: lock })
    }

    fn remove_successor(&self) -> io::Result<()> {
        match fs::remove_file(&self.successor) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Medium for FileMedium {
    fn open(&self, builder: &Builder) -> Result<Option<Database>, DatabaseError> {
        self.remove_successor()?;
        match self.path.try_exists()? {
            true => builder.open(&self.path).map(Some),
            false => Ok(None),
        }
    }

    fn successor(&self, builder: &Builder) -> Result<Database, DatabaseError> {
        self.remove_successor()?;
        let file = private().create_new(true).open(&self.successor)?;
        builder.create_with_backend(FileBackend::new(file)?)
    }

    fn replace(&self) -> io::Result<()> {
        let old = match OpenOptions::new().write(true).open(&self.path) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        fs::rename(&self.successor, &self.path)?;
        // A path of one component has the empty path as parent.
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
        // The journal holds no forgotten word any more; the blocks that its old file gives back do. On
        // flash, or a file system that copies, overwriting them may not reach them: more we cannot do,
        // and less is no error.
        if let Some(old) = old {
            let _ = wipe(old);
        }
        Ok(())
    }

    fn bytes(&self) -> io::Result<u64> {
        fs::metadata(&self.path).map(|metadata| metadata.len())
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

fn wipe(mut file: File) -> io::Result<()> {
    static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
    let mut left = file.metadata()?.len();
    while left > 0 {
        let length = usize::try_from(left).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
        file.write_all(&ZEROS[..length])?;
        left -= length as u64;
    }
    file.sync_data()
}
