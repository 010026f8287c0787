//! The folder of a store: names, sizes, and which files go first.

use crate::kv::SegmentKey;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Ends the name of a whole segment, behind its key, and of one that is being written.
const WHOLE: &str = ".segment";
const PART: &str = ".part";

/// How long nobody takes to write one file: what is older was left by a process that died.
const PART_AGE_MAX: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

/// What a look through the folder came to.
#[derive(Debug)]
pub(super) struct Sweep {
    /// Bytes of the files that stay.
    pub(super) left: u64,
    /// Files that went.
    pub(super) evicted: u64,
}

/// A whole segment's file. Ordered by who goes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Kept {
    used: SystemTime,
    path: PathBuf,
    size: u64,
}

impl Folder {
    pub(super) fn make(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Ok(Self { path: path.to_owned() })
    }

    /// Where the segment `key` lies.
    pub(super) fn path(&self, key: SegmentKey) -> PathBuf {
        self.path.join(format!("{key}{WHOLE}"))
    }

    /// Where one thread of one process can write it.
    pub(super) fn beside(&self, key: SegmentKey) -> PathBuf {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        self.path.join(format!("{key}.{}-{number}{PART}", std::process::id()))
    }

    /// Removes one of our files; whether it is gone.
    pub(super) fn remove(&self, path: &Path) -> bool {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "a KV segment cannot be removed");
                false
            }
            Ok(()) | Err(_) => true,
        }
    }

    /// Where the files have more than `most` bytes, removes those that are unused for longest, down to
    /// `target` bytes. Removes what dead processes left, too.
    pub(super) fn sweep(&self, most: u64, target: u64) -> io::Result<Sweep> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            // Another process may have removed it since it was listed.
            kept.extend(entry.and_then(|entry| self.look_at(&entry)).unwrap_or_default());
        }
        let mut swept = Sweep { left: kept.iter().map(|file| file.size).sum(), evicted: 0 };
        if swept.left <= most {
            return Ok(swept);
        }
        kept.sort_unstable();
        for file in kept {
            if swept.left <= target {
                break;
            }
            if self.remove(&file.path) {
                swept.left -= file.size;
                swept.evicted += 1;
            }
        }
        Ok(swept)
    }

    /// The segment that `entry` is, if it is one. Its bytes are not looked at.
    fn look_at(&self, entry: &DirEntry) -> io::Result<Option<Kept>> {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| is_ours(name)) else { return Ok(None) };
        let metadata = entry.metadata()?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let (used, size, path) = (metadata.modified()?, metadata.len(), entry.path());
        if name.ends_with(WHOLE) {
            return Ok(Some(Kept { used, path, size }));
        }
        if used.elapsed().is_ok_and(|age| age > PART_AGE_MAX) {
            self.remove(&path);
        }
        Ok(None)
    }
}

/// Whether a file of this name was made by a store.
fn is_ours(name: &str) -> bool {
    let Some((key, rest)) = name.split_at_checked(64) else { return false };
    let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_part = rest.starts_with('.') && rest.ends_with(PART);
    key.bytes().all(lower_hex) && (rest == WHOLE || is_part)
}
