//! A link as its device sees it.

use crate::figure::{figure, optional};
use serde::{Deserialize, Serialize};

/// A measured value and how far it is from being known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The best guess.
    #[serde(deserialize_with = "figure")]
    pub mean: f64,
    /// Standard deviation of what was measured around it; 0 where it is given, not measured.
    #[serde(deserialize_with = "figure")]
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
    #[serde(deserialize_with = "optional")]
    pub price_per_gigabyte: Option<f64>,
}

/// What an application cannot see: bandwidth and prices, as the configuration says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkTerms {
    /// Megabits a second towards the target.
    pub up_mbps: Estimate,
    /// Megabits a second from the target.
    pub down_mbps: Estimate,
    /// What 10^9 bytes cost; `None` where nobody counts them.
    pub price_per_gigabyte: Option<f64>,
}

/// Ten megabits a second each way, or twice that, or nothing: nobody has said.
impl Default for LinkTerms {
    fn default() -> Self {
        let unknown = Estimate { mean: 10.0, deviation: 10.0 };
        Self { up_mbps: unknown, down_mbps: unknown, price_per_gigabyte: None }
    }
}

impl Estimate {
    /// A value that is given.
    pub const fn exactly(mean: f64) -> Self {
        Self { mean, deviation: 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_that_are_none_are_refused() {
        let read = serde_json::from_str::<Estimate>;
        assert_eq!(read(r#"{"mean": 5.0, "deviation": 0.5}"#).unwrap().mean, 5.0);
        assert!(read(r#"{"mean": -5.0, "deviation": 0.5}"#).is_err());
        assert!(read(r#"{"mean": 5.0, "deviation": 1e999}"#).is_err());
    }
}
