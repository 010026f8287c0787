//! Configuration files: TOML into typed values, with errors that say what would be right.
//!
//! A key that nothing reads is an error with a suggestion, never a silent default. Paths in a file
//! are relative to that file, so a configuration works from any working directory.

mod emulation;
mod error;
mod file;
mod listen;
mod report;
mod sections;
mod telemetry_section;

pub use error::ConfigError;
pub use file::{ConfigFile, load};
pub use listen::near;
pub use report::chain;
pub use sections::{Identity, Link, Pace, Peer, Profile};
pub use telemetry_section::Telemetry;
