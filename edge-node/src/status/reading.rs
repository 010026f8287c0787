//! What a device says of itself at `/causeway/v1/status`, as far as this program knows it. What is missing or null is
//! not known, and what is new is not looked at: the device may run another version.

use serde::Deserialize;

/// A device at one moment.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Reading {
    pub(super) node: Option<String>,
    pub(super) version: Option<String>,
    pub(super) uptime_s: Option<f64>,
    pub(super) ready: Option<bool>,
    pub(super) loading: Option<Loading>,
    pub(super) failed: Option<String>,
    pub(super) models: Option<Models>,
    pub(super) mode: Option<String>,
    pub(super) plan: Option<Plan>,
    pub(super) layers: Option<u64>,
    pub(super) links: Option<Vec<Link>>,
    pub(super) requests: Option<Requests>,
    pub(super) totals: Option<Totals>,
    pub(super) timeline: Option<Vec<Happened>>,
}

/// What is being loaded.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Loading {
    pub(super) step: Option<String>,
    pub(super) done: Option<u64>,
    pub(super) of: Option<u64>,
}

/// The models.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Models {
    pub(super) target: Option<Model>,
    pub(super) draft: Option<Model>,
}

/// One of them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Model {
    pub(super) id: Option<String>,
    pub(super) layers: Option<u64>,
    pub(super) bytes: Option<u64>,
}

/// Who runs what.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Plan {
    pub(super) text: Option<String>,
    pub(super) stages: Option<Vec<Stage>>,
}

/// A stage of it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Stage {
    pub(super) node: Option<String>,
    pub(super) layers: Option<[u64; 2]>,
    pub(super) head: Option<bool>,
    pub(super) codec: Option<String>,
}

/// A link to a peer.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Link {
    pub(super) peer: Option<String>,
    pub(super) role: Option<String>,
    pub(super) address: Option<String>,
    pub(super) state: Option<String>,
    pub(super) why: Option<String>,
    pub(super) rtt_ms: Option<f64>,
    pub(super) loss: Option<f64>,
    pub(super) bytes_sent: Option<u64>,
    pub(super) bytes_received: Option<u64>,
    pub(super) emulated: Option<String>,
    pub(super) cut: Option<bool>,
}

/// Requests.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Requests {
    pub(super) running: Option<u64>,
    pub(super) queued: Option<u64>,
    pub(super) streams_max: Option<u64>,
    pub(super) queue_max: Option<u64>,
    pub(super) served: Option<u64>,
    pub(super) refused: Option<u64>,
    pub(super) failed: Option<u64>,
    pub(super) cancelled: Option<u64>,
}

/// Since the device started.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Totals {
    pub(super) tokens: Option<u64>,
    pub(super) verified: Option<u64>,
    pub(super) drafted: Option<u64>,
    pub(super) accepted: Option<u64>,
    pub(super) failovers: Option<u64>,
    pub(super) bytes_sent: Option<u64>,
    pub(super) bytes_received: Option<u64>,
    pub(super) money: Option<f64>,
    pub(super) energy_j: Option<f64>,
}

/// Something that happened lately.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Happened {
    /// Milliseconds since the beginning of 1970.
    pub(super) at_ms: Option<u64>,
    pub(super) kind: Option<String>,
    pub(super) text: Option<String>,
}
