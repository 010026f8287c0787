//! A link as its device sees it.

use serde::{Deserialize, Serialize};

/// A measured value and how far it is from being known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The best guess.
    pub mean: f64,
    /// Standard deviation of what was measured around it; 0 where it is given, not measured.
    pub deviation: f64,
}

/// What a link between two nodes does to what crosses it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LinkEstimate {
    /// From a question to its answer, in milliseconds, of packets that hardly fill it.
    pub rtt_ms: Estimate,
    /// The share of packets that are lost.
    pub loss: Estimate,
    /// Megabits (10^6) a second towards the target.
    pub up_mbps: Estimate,
    /// Megabits a second from the target.
    pub down_mbps: Estimate,
    /// What 10^9 bytes cost, either way; `None` where nobody counts them.
    pub price_per_gigabyte: Option<f64>,
}

impl Estimate {
    /// A value that is given.
    pub const fn exactly(mean: f64) -> Self {
        Self { mean, deviation: 0.0 }
    }
}
