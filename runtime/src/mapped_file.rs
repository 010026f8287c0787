//! Files mapped into memory, read-only.
//!
//! A map reserves addresses and reads nothing; the pages that are touched come from the page
//! cache and are shared by every process that runs the same model.

use crate::LoadError;
use memmap2::{Mmap, MmapOptions};
use std::fs::File;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// An open file whose ranges can be mapped. Its length is taken once, at opening.
#[derive(Debug)]
pub(crate) struct SourceFile {
    file: File,
    path: PathBuf,
    len: u64,
}

/// A mapped range of a file. It keeps the mapping alive, not the file's name.
#[derive(Debug)]
pub(crate) struct MappedBytes(Mmap);

impl SourceFile {
    /// Opens `path` for reading.
    pub(crate) fn open(path: &Path) -> Result<Self, LoadError> {
        let read = |source| LoadError::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(read)?;
        let len = file.metadata().map_err(read)?.len();
        Ok(Self { file, path: path.to_owned(), len })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes in the file when it was opened.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// When the open file was last changed: of it, and not of what may stand under its name by now.
    pub(crate) fn modified(&self) -> Result<SystemTime, LoadError> {
        let modified = self.file.metadata().and_then(|metadata| metadata.modified());
        modified.map_err(|source| LoadError::Read { path: self.path.clone(), source })
    }

    /// Maps the bytes of `range`.
    pub(crate) fn map(&self, range: Range<u64>) -> Result<MappedBytes, LoadError> {
        let len = self.checked_len(&range)?;
        let mut options = MmapOptions::new();
        options.offset(range.start).len(len);
        #[allow(unsafe_code, reason = "a map is only as constant as its file; see the comment")]
        // SAFETY: the range lies within the file, and the map is private and read-only. What Rust
        // cannot see is another process that truncates or overwrites the file in place. Models are
        // replaced by renaming a new file over the old name, which leaves this map intact; the
        // operator's documentation says so.
        let map = unsafe { options.map(&self.file) };
        let map = map.map_err(|source| LoadError::Read { path: self.path.clone(), source })?;
        Ok(MappedBytes(map))
    }

    fn checked_len(&self, range: &Range<u64>) -> Result<usize, LoadError> {
        if range.start > range.end || range.end > self.len {
            let problem = format!("bytes {range:?} are not within its {} bytes", self.len);
            return Err(LoadError::corrupt(&self.path, problem));
        }
        usize::try_from(range.end - range.start)
            .map_err(|_| LoadError::corrupt(&self.path, "it exceeds the address space"))
    }
}

impl Deref for MappedBytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::reversed_empty_ranges, reason = "that is what is tested")]
    fn a_map_shows_its_range_and_never_leaves_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bytes");
        let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        std::fs::write(&path, &bytes).unwrap();
        let file = SourceFile::open(&path).unwrap();
        for range in [0..10_000, 4097..4098, 123..9_999] {
            let expected = &bytes[range.start..range.end];
            let range = range.start as u64..range.end as u64;
            assert_eq!(&*file.map(range).unwrap(), expected);
        }
        for range in [0..10_001, 9_999..10_002, 5..4, u64::MAX - 1..u64::MAX] {
            assert!(file.map(range.clone()).is_err(), "{range:?}");
        }
    }
}
