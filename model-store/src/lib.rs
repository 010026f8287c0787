//! Models by name: pulled from a hub, checked, and kept by their content.
//!
//! ```text
//!   hf:ORG/NAME[@REV][:FILE.gguf] ─▶ ModelName
//!     pull: Hub lists the repository ─▶ Selection ─▶ one Part after another ─▶ blobs/sha256-…
//!                                                     links to the blobs, the manifest last
//!     Store::find: refs/REV ─▶ COMMIT.json ─▶ COMMIT/, a folder like any other
//! ```
//!
//! # Invariants
//!
//! - **Nothing stands under its name before its bytes are known to be right**: a file grows as `*.part`, is
//!   checked, flushed and renamed; what a manifest does not list was never pulled as a whole.
//! - **The token goes to the hub's own address alone**, whatever it redirects to, and in clear to no one
//!   but this machine.
//! - **What the hub says is bounded and doubted**: its answers, its file names, its sizes.
//! - **The environment, and how to wait, are handed in**; only [`pull_on_terminal`] sleeps and shows.

#![forbid(unsafe_code)]

mod checksum;
mod download;
mod durable;
mod environment;
mod error;
mod hub;
mod listing;
mod lock;
mod manifest;
mod name;
mod part;
mod pull;
mod selection;
mod store;
mod terminal;

pub use environment::Environment;
pub use error::{NamedError, PullError, StoreError};
pub use hub::{Hub, HubSettings, Patience};
pub use name::{ModelName, NameError};
pub use pull::{Progress, Pulled, pull};
pub use store::{Store, StoredModel};
pub use terminal::{Terminal, pull_on_terminal};
