//! A node's profile as a file: JSON, so that people can read it and other programs make it.

use profile::NodeProfile;
use settings::{ConfigError, ConfigFile};
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// Far above any real profile, far below what would hurt.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A profile that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ProfileFileError {
    /// The file system.
    #[error("cannot {action} the profile {}", path.display())]
    Io {
        /// Read, or write.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What is in the way.
        source: std::io::Error,
    },
    /// Another file.
    #[error("{} is larger than {FILE_BYTES_MAX} bytes: no profile is", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Broken, or of another version of the program.
    #[error("{} is no profile that this program wrote: measure again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where.
        source: serde_json::Error,
    },
}

/// Reads what [`write()`] wrote; `None` where there is no such file.
///
/// # Errors
///
/// [`ProfileFileError`] names the file.
pub fn read(path: &Path) -> Result<Option<NodeProfile>, ProfileFileError> {
    let failed = |source| ProfileFileError::Io { action: "read", path: path.to_owned(), source };
    let mut text = String::new();
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(ProfileFileError::TooLarge { path: path.to_owned() });
    }
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|source| ProfileFileError::Malformed { path: path.to_owned(), source })
}

/// What was written to the path that a configuration names; `None` where nothing was so far.
///
/// # Errors
///
/// [`ConfigError`] names the key and what is wrong with the file.
pub fn configured(
    settings: &settings::Profile,
    file: &ConfigFile,
) -> Result<Option<NodeProfile>, ConfigError> {
    let Some(path) = &settings.path else { return Ok(None) };
    read(path).map_err(|error| file.invalid("profile.path", settings::chain(&error)))
}

/// Writes `profile` in one piece: whoever reads meanwhile sees the old file or the new one.
///
/// # Errors
///
/// [`ProfileFileError::Io`] where the folder cannot be written to.
///
/// # Panics
///
/// Never: a profile is JSON.
pub fn write(path: &Path, profile: &NodeProfile) -> Result<(), ProfileFileError> {
    let mut text = serde_json::to_string_pretty(profile).expect("a profile is JSON");
    text.push('\n');
    let beside = path.with_extension("partial");
    std::fs::write(&beside, text)
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|source| ProfileFileError::Io { action: "write", path: path.to_owned(), source })
}
