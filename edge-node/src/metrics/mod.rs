//! What a device counts of its requests, and reads of its links, for Prometheus.
//!
//! ```text
//!   answered, acted, deferred, failed, refused ─▶ Metrics ─┐
//!   uplinks, queue, readiness ──────────────────▶ Snapshot ┴─▶ page ─▶ /metrics
//! ```
//!
//! Whoever takes requests tells [`Metrics`] what became of each, once; a [`Snapshot`] is made for each reading.
//!
//! # Invariants
//!
//! - **Nothing of a text**: labels are routes, outcomes, reasons and peers' names.

mod page;
mod snapshot;
mod totals;

pub use snapshot::{LinkSnapshot, LinkState, LinksReader, Snapshot};
pub use totals::{Outcome, Refusal, Totals};

use crate::reply::Reply;
use routing::Route;
use std::sync::{Mutex, MutexGuard, PoisonError};
use telemetry::{Histogram, histogram_of};

/// Upper bounds of the time to a first token, in seconds: of a local draft up to a cold link in space.
const FIRST_TOKEN_SECONDS: [f64; 12] =
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Upper bounds of the time between tokens, in seconds; those of one verdict come together.
const BETWEEN_TOKENS_SECONDS: [f64; 12] =
    [0.0001, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Since the device started.
#[derive(Debug)]
pub struct Metrics {
    totals: Mutex<Totals>,
    first_token: Histogram,
    between_tokens: Histogram,
}

impl Metrics {
    /// Of a device that starts.
    pub fn new() -> Self {
        Self {
            totals: Mutex::default(),
            first_token: histogram_of(&FIRST_TOKEN_SECONDS),
            between_tokens: histogram_of(&BETWEEN_TOKENS_SECONDS),
        }
    }

    /// A model answered by `route`, with so many replies to one prompt, and the request ended so; also where replies
    /// were cut short.
    pub fn answered(&self, route: Route, outcome: Outcome, replies: &[&Reply]) {
        // Those behind it are not begun before it is whole.
        if let Some(ms) = replies.first().and_then(|reply| reply.usage.ttft_ms) {
            self.first_token.observe(ms / 1e3);
        }
        for latency in replies.iter().flat_map(|reply| &reply.usage.latencies) {
            self.between_tokens.observe(latency.as_secs_f64());
        }
        let mut totals = self.locked();
        totals.prompt(replies.first().map_or(0, |reply| reply.usage.prompt_tokens as u64));
        replies.iter().for_each(|reply| totals.reply(reply));
        totals.end(route, outcome);
    }

    /// A request without a model's answer ended so, by `route`: an action, one that waits, or one that failed.
    pub fn ended(&self, route: Route, outcome: Outcome) {
        self.locked().end(route, outcome);
    }

    /// A request was not taken.
    pub fn refused(&self, why: Refusal) {
        self.locked().refuse(why);
    }

    /// All of it by now.
    pub fn totals(&self) -> Totals {
        self.locked().clone()
    }

    /// As Prometheus reads it, with what is true `now`.
    pub fn page(&self, now: &Snapshot) -> String {
        page::page(&self.totals(), now, (&self.first_token, &self.between_tokens)).text()
    }

    fn locked(&self) -> MutexGuard<'_, Totals> {
        // A number that is missing is no reason to count no more.
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
