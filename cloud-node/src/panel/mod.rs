//! What a node shows of itself to those who run it: metrics, whether it can serve, and what is going on.
//!
//! ```text
//!   Counters, Links ─┐
//!   engine, registry ┼─▶ Reading ──▶ /metrics (metrics.rs), /status (JSON), /readyz     http.rs
//!   pool, upstream  ─┘      └──────▶ `cloud-node status`, for a person                  words.rs, status.rs
//! ```
//!
//! # Invariants
//!
//! - **Nothing is counted twice**: a [`Reading`] is made for each question, out of what the node knows.
//! - **No text and no token** is in it, and no address of a person but that of a link's other end.

mod counters;
mod http;
mod links;
mod metrics;
mod reading;
mod status;
mod words;

pub(crate) use counters::Counters;
pub(crate) use http::serve;
pub(crate) use links::Links;
pub use status::{StatusError, status};

use crate::node::Node;
use std::sync::Arc;
use std::time::Instant;
use transport::TallyReader;

/// What is read when somebody asks.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) node: Arc<Node>,
    /// The model's file or folder, without the way to it.
    pub(crate) model: String,
    pub(crate) tally: TallyReader,
    pub(crate) began: Instant,
}

#[cfg(test)]
mod tests;
