//! Segments of KV on their way down: who asks, who gives, and at what pace.
//!
//! ```text
//!   Fetch                    SegmentRequest                      Serving
//!   wanted ─▶ asked ────────────────────────────────────▶ texts ─▶ SegmentWork ─▶ the node's KV
//!                            SegmentPart …                                            │
//!   Arrived ◀─ parts ◀───────────────────────── Pacer ◀─ waiting to be sent ◀─────────┘
//! ```
//!
//! A [`Fetch`] lives as long as its segments are wanted, over any number of channels, one at a time, to
//! any nodes. A [`Serving`] lives as long as its channel.
//!
//! # Invariants
//!
//! - **What is handed out is whole.** A segment arrives with as many bytes as its node said at first, each
//!   from its own place; what is in a segment is not looked at here.
//! - **Segments never hold up tokens.** While tokens flow on the link, the queue that parts make on it
//!   stays around a target (`pacer.rs`).
//! - **Whatever a peer sends, no more is held than what was wanted, or than two segments to be sent.**

mod fetch;
mod pacer;
mod serving;

pub use fetch::{Arrived, Fetch, Wanted};
pub use serving::{SegmentWork, Serving};

#[cfg(test)]
mod tests;
