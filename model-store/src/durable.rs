//! Files that are whole under their name, or not there, whatever happens in between.

use crate::StoreError;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

/// Writes `bytes` as `path`, in place of what stands there. One at a time for one path.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let temporary = path.with_added_extension("new");
    let write = |file: &mut File| file.write_all(bytes).and_then(|()| file.sync_all());
    let mut file = File::create(&temporary).map_err(StoreError::system("write", &temporary))?;
    write(&mut file).map_err(StoreError::system("write", &temporary))?;
    rename(&temporary, path)
}

/// Gives what is flushed as `from` the name `to`, for good.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(StoreError::system("rename a file to", to))?;
    sync_parent(to)
}

/// Gives the bytes of `blob` the name `path` too, in place of what stands there.
pub(crate) fn link(blob: &Path, path: &Path) -> Result<(), StoreError> {
    let temporary = path.with_added_extension("new");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(StoreError::system("remove", &temporary)(error));
        }
        Ok(()) | Err(_) => {}
    }
    // A file system without hard links (FAT) cannot hold a store.
    fs::hard_link(blob, &temporary).map_err(StoreError::system("make the hard link", path))?;
    // Where both are links to the same bytes already, this leaves the temporary name.
    rename(&temporary, path)?;
    let _ = fs::remove_file(&temporary);
    Ok(())
}

/// Makes the folder and those above it.
pub(crate) fn folder(path: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(path).map_err(StoreError::system("make the folder", path))
}

fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let parent = path.parent().unwrap_or_else(|| Path::new("."));
    let synced = File::open(parent).and_then(|folder| folder.sync_all());
    synced.map_err(StoreError::system("flush the folder", parent))
}
