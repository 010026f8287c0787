//! Links of tests, in the words of a profile's file.

use link_emulator::{Emulation, LinkProfile};
use std::path::Path;

/// What the file says that has this beside its `about`; it names no other file.
pub(crate) fn emulated(text: &str) -> Emulation {
    let no_file = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    LinkProfile::parse(&format!("about = ''\n{text}")).unwrap().resolve(no_file).unwrap()
}

/// So many milliseconds each way, and the `rest` of the file.
pub(crate) fn delayed(ms: u64, rest: &str) -> Emulation {
    emulated(&format!("[up]\ndelay_ms = {ms}\n[down]\ndelay_ms = {ms}\n{rest}"))
}
