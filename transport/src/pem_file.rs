//! Certificate and key files: capped when read, whole when written.
//!
//! # Invariants
//!
//! - **No file is replaced by accident.** [`create`] fails where the path is taken; only
//!   [`replace`] writes over, and only the revocation list is replaced.
//! - **No half-written file is ever at its path.** Bytes go to a neighbour first, are synced, and
//!   then take the name in one step.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The largest PEM file that is read. A revocation list with ten thousand entries has 600 KiB.
pub(crate) const BYTES_MAX: u64 = 4 << 20;

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system says no.
    #[error("cannot read {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Larger than any certificate, key or revocation list.
    #[error("{path} has more than {BYTES_MAX} bytes; certificates and keys have a few thousand")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Its owner alone: private keys.
    Owner,
    /// Everyone: certificates and revocation lists.
    Everyone,
}

/// The bytes of a file of at most [`BYTES_MAX`].
///
/// # Errors
///
/// [`ReadError`] names the file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(io)?;
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(ReadError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

/// Writes a file that is not there yet.
///
/// # Errors
///
/// [`io::ErrorKind::AlreadyExists`] where it is; else what the system says.
pub(crate) fn create(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let staged = stage(path, bytes, access)?;
    // A hard link is the one step that both appears whole and never replaces.
    let linked = fs::hard_link(&staged, path);
    fs::remove_file(&staged)?;
    linked?;
    sync_folder(path)
}

/// Writes a file, in place of the one that may be there.
///
/// # Errors
///
/// What the system says; the old file is then still there.
pub(crate) fn replace(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let staged = stage(path, bytes, access)?;
    fs::rename(&staged, path)?;
    sync_folder(path)
}

/// Writes and syncs the bytes to a hidden neighbour of `path`.
fn stage(path: &Path, bytes: &[u8], access: Access) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let staged = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let mut file = open_new(&staged, access)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // The first error is the one to tell; the neighbour is only litter.
        let _ = fs::remove_file(&staged);
        return Err(error);
    }
    Ok(staged)
}

/// Never through a link that lies there, never with more rights than asked for.
fn open_new(path: &Path, access: Access) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(
        &mut options,
        match access {
            Access::Owner => 0o600,
            Access::Everyone => 0o644,
        },
    );
    #[cfg(not(unix))]
    let _ = access;
    options.open(path)
}

/// Makes the new name survive a power cut.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_not_replaced_by_accident() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        create(&path, b"first", Access::Owner).unwrap();
        let again = create(&path, b"second", Access::Owner).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(read(&path).unwrap(), b"first");
        replace(&path, b"third", Access::Everyone).unwrap();
        assert_eq!(read(&path).unwrap(), b"third");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no neighbour is left");
    }

    #[test]
    fn files_over_the_cap_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large.pem");
        let file = File::create(&path).unwrap();
        file.set_len(BYTES_MAX).unwrap();
        assert!(read(&path).is_ok());
        file.set_len(BYTES_MAX + 1).unwrap();
        assert!(matches!(read(&path), Err(ReadError::TooLarge { .. })));
    }
}
