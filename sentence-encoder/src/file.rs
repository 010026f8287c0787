//! Files of a folder, each with a bound.

use crate::OpenError;
use std::path::Path;

/// Far above any configuration or vocabulary, and any sentence encoder.
pub(crate) const JSON_BYTES_MAX: u64 = 64 << 20;
pub(crate) const WEIGHTS_BYTES_MAX: u64 = 4 << 30;

/// The bytes of the file at `path`, if they are no more than `bytes_max`.
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, OpenError> {
    let failed = |source| OpenError::Read { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > bytes_max {
        return Err(OpenError::TooLarge { path: path.to_owned(), bytes, bytes_max });
    }
    std::fs::read(path).map_err(failed)
}
