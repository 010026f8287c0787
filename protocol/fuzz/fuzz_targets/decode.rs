//! Any bytes, read as a stream of frames: never a panic, never more memory than a limit.
//!
//! `cargo fuzz run decode`, in `protocol/`.

#![no_main]

#[path = "../walk.rs"]
mod walk;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| walk::walk(bytes));
