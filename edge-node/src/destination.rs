//! Where a measurement goes: known to be possible before hours of work, and whole once it is there.

use anyhow::{Context as _, ensure};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A path that can be written to.
#[derive(Debug)]
pub(crate) struct Destination {
    /// What is written, for errors.
    what: &'static str,
    path: PathBuf,
    /// A hidden neighbour that takes the name once it is whole.
    staged: PathBuf,
}

impl Destination {
    /// Tries to write a file beside `path`, where `what` shall go, and leaves nothing.
    ///
    /// # Errors
    ///
    /// Where there is no such folder, or nothing can be written there.
    pub(crate) fn claim(what: &'static str, path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("cannot write {what} {}", path.display());
        ensure!(!path.is_dir(), "{}: it is a folder; name a file in it", cannot());
        let name = path.file_name().with_context(|| format!("{}: it names no file", cannot()))?;
        let name = format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id());
        let destination = Self { what, path: path.to_owned(), staged: path.with_file_name(name) };
        let folder = destination.staged.parent().unwrap_or(path);
        ensure!(
            folder.as_os_str().is_empty() || folder.is_dir(),
            "{}: there is no folder {}; make it first",
            cannot(),
            folder.display()
        );
        destination.stage(b"").with_context(cannot)?;
        fs::remove_file(&destination.staged).with_context(cannot)?;
        Ok(destination)
    }

    /// Writes `found` as JSON, in place of what may be there.
    ///
    /// # Errors
    ///
    /// What the system says; what was there before is then still there.
    pub(crate) fn write(&self, found: &impl Serialize) -> anyhow::Result<()> {
        let cannot = || format!("cannot write {} {}", self.what, self.path.display());
        let mut text = serde_json::to_string_pretty(found).with_context(cannot)?;
        text.push('\n');
        let written = self.stage(text.as_bytes());
        let written = written.and_then(|()| fs::rename(&self.staged, &self.path));
        if written.is_err() {
            // The first error is the one to tell; the neighbour is only litter.
            let _ = fs::remove_file(&self.staged);
        }
        written.with_context(cannot)
    }

    fn stage(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create_new(&self.staged)?;
        file.write_all(bytes)?;
        file.sync_all()
    }
}
