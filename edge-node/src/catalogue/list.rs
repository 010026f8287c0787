//! What is in the store.

use base::ByteCount;
use model_store::{Store, StoreError};
use std::fmt::Write as _;

/// A line a model: size, name, what was last known to be that commit, path.
pub(super) fn of(store: &Store) -> Result<String, StoreError> {
    let models = store.list()?;
    if models.is_empty() {
        return Ok(format!("no models in {}\n", store.folder().display()));
    }
    let mut text = String::new();
    for model in models {
        let revisions = match model.revisions.as_slice() {
            [] => String::new(),
            revisions => format!("  ({})", revisions.join(", ")),
        };
        let (bytes, path) = (ByteCount(model.bytes).to_string(), model.path.display());
        // Writing to a string does not fail.
        let _ = writeln!(text, "{bytes:>10}  {}{revisions}\n{:>10}  {path}", model.name, "");
    }
    Ok(text)
}
