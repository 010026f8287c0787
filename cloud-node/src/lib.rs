//! A gateway or a cloud: runs layers of the target for many devices at once.
//!
//! ```text
//!   link (visit) ─▶ session channel (session) ─▶ admitted? (stages, registry)
//!                        │  Verifier or Hops, of protocol
//!                        ├─▶ engine: one worker, ragged batches of all sessions
//!                        └─▶ upstream: a gateway's one link to its cloud
//!   panel: what the operator sees of all that
//! ```
//!
//! # Invariants
//!
//! - **Sessions do not touch each other**: each has its own task, KV sequence and state, keyed by
//!   its peer's certified name.
//! - **What is over a limit is refused with a time to come back**, never queued without end.
//! - **No global state**: several servers live in one process, and each ends alone.
//! - This crate does not plan. A device's plan is admitted or refused.

#![forbid(unsafe_code)]

mod config;
mod engine;
mod load_meter;
mod measure;
mod node;
mod panel;
mod registry;
mod segments;
mod server;
mod session;
mod stages;
mod store;
mod visit;

pub use config::{
    Config, ConfigProblem, EngineOptions, Limits, RunsOn, SegmentOptions, SharePrefixes,
};
pub use engine::EngineStartError;
pub use measure::measure;
pub use panel::{StatusError, status};
pub use server::{ServeError, Server};

#[cfg(test)]
mod tests;
