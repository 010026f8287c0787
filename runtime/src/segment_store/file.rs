//! One segment as a file.
//!
//! ```text
//!   magic and version [8]   key [32]   length of the body u64   BLAKE3 of the body [32]   body
//! ```
//!
//! Little-endian. When a file was last used is its time of modification.

use crate::kv::{SEGMENT_BYTES_MAX, SegmentKey};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::SystemTime;

/// What files begin with; those of another version are broken ones.
const MAGIC: [u8; 8] = *b"CWKVSEG1";
const HEADER: usize = 80;

/// Bytes of a file with this `body`.
pub(super) const fn size(body: &[u8]) -> u64 {
    (HEADER + body.len()) as u64
}

/// The body of the file `path`, which counts as used now; `None` where it is not the whole of `key`.
pub(super) fn read(path: &Path, key: SegmentKey) -> io::Result<Option<Vec<u8>>> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    let Some(body_len) = usize::try_from(len).ok().and_then(|len| len.checked_sub(HEADER)) else {
        return Ok(None);
    };
    if body_len > SEGMENT_BYTES_MAX {
        return Ok(None);
    }
    let mut read = Vec::new();
    read.try_reserve_exact(HEADER + body_len)?;
    // No more than was counted, though the file may have grown since.
    Read::by_ref(&mut file).take(len).read_to_end(&mut read)?;
    let Some((found, body)) = read.split_at_checked(HEADER) else { return Ok(None) };
    if *found != header(key, body) || body.len() != body_len {
        return Ok(None);
    }
    // Where the system does not let us, the file goes a little early; no more than that is lost.
    let _ = file.set_modified(SystemTime::now());
    read.drain(..HEADER);
    Ok(Some(read))
}

/// Makes the file `path` count as used now.
pub(super) fn touch(path: &Path) -> io::Result<()> {
    File::open(path)?.set_modified(SystemTime::now())
}

/// Writes the whole of `path` at once: first to `beside`, which nobody else uses.
pub(super) fn write(beside: &Path, path: &Path, key: SegmentKey, body: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // Whoever reads KV reads the text that it was made of.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(beside).and_then(|mut file| {
        file.write_all(&header(key, body))?;
        file.write_all(body)?;
        file.set_modified(SystemTime::now())?;
        fs::rename(beside, path)
    });
    if written.is_err() {
        // What is left of it is of no use; that it may not be there either is no second error.
        let _ = fs::remove_file(beside);
    }
    written
}

fn header(key: SegmentKey, body: &[u8]) -> [u8; HEADER] {
    let (length, hash) = ((body.len() as u64).to_le_bytes(), blake3::hash(body));
    let fields: [&[u8]; 4] = [&MAGIC, &key.0, &length, hash.as_bytes()];
    let mut header = [0; HEADER];
    let mut rest = &mut header[..];
    for field in fields {
        let (place, behind) = rest.split_at_mut(field.len());
        place.copy_from_slice(field);
        rest = behind;
    }
    header
}
