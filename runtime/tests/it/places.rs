//! Where test data lies, and what is said where it is missing.

use std::path::{Path, PathBuf};

/// The committed golden folder.
pub(crate) fn golden() -> PathBuf {
    workspace().join("tests/golden")
}

/// `name` in the folder of published data: `CAUSEWAY_DATA`, or `shared/data` beside the
/// workspace. Says that a test is skipped where it is missing.
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CAUSEWAY_DATA").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| workspace().join("../shared/data"));
    found(folder.join(name), "CAUSEWAY_DATA")
}

/// `name` in the folder of large random models, `CAUSEWAY_MODELS`.
pub(crate) fn model(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CAUSEWAY_MODELS").map(PathBuf::from).unwrap_or_default();
    found(folder.join(name), "CAUSEWAY_MODELS")
}

/// The text that `CAUSEWAY_TEXT` names, for measurements. Says that one is skipped where it names none.
pub(crate) fn text() -> Option<PathBuf> {
    found(std::env::var_os("CAUSEWAY_TEXT").map(PathBuf::from).unwrap_or_default(), "CAUSEWAY_TEXT")
}

fn found(path: PathBuf, variable: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no {} ({variable} names it, or its folder)", path.display());
    None
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
