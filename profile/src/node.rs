//! A node as it says it is.

use crate::figure::{figure, optional};
use crate::{LinkEstimate, ModelProfile};
use base::{ByteCount, NodeName, Role};
use serde::{Deserialize, Serialize};

/// Seconds after which what a node said of its load is half forgotten.
const LOAD_HALF_LIFE_S: f64 = 60.0;

/// What a node can do, as it measured itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeProfile {
    /// Its name.
    pub node: NodeName,
    /// Its tier.
    pub role: Role,
    /// When it was measured, in seconds since 1970.
    pub measured_unix_s: u64,
    /// The target, where it runs layers of it.
    pub target: Option<ModelProfile>,
    /// The draft model, where it has one.
    pub draft: Option<ModelProfile>,
    /// Memory that models and KV may take.
    pub memory: ByteCount,
    /// The share of time in which it computed for others, 0 to 1, when it said so.
    #[serde(deserialize_with = "figure")]
    pub load: f32,
    /// What it draws, where somebody has said so.
    pub power: Option<Power>,
    /// What an hour of its computing costs, where somebody has said so.
    #[serde(deserialize_with = "optional")]
    pub price_per_hour: Option<f64>,
}

/// Watts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Power {
    /// While it waits.
    #[serde(deserialize_with = "figure")]
    pub idle_w: f32,
    /// While it computes.
    #[serde(deserialize_with = "figure")]
    pub busy_w: f32,
}

/// A node and what can be reached through it, as it says to who dials it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reach {
    /// Itself.
    pub node: NodeProfile,
    /// The node that it passes hidden states on to, once it knows that one.
    pub upstream: Option<Upstream>,
}

/// A node that another one passes hidden states on to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Upstream {
    /// The link to it.
    pub link: LinkEstimate,
    /// As it said.
    pub node: NodeProfile,
}

impl NodeProfile {
    /// The load to be expected `age_s` seconds after it was said: it fades, for nobody knows.
    pub fn load_after(&self, age_s: f64) -> f64 {
        f64::from(self.load).clamp(0.0, 1.0) * 0.5_f64.powf(age_s.max(0.0) / LOAD_HALF_LIFE_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_fades_as_it_ages() {
        let profile = NodeProfile {
            node: NodeName::new("cloud").unwrap(),
            role: Role::Cloud,
            measured_unix_s: 0,
            target: None,
            draft: None,
            memory: ByteCount(0),
            load: 0.8,
            power: None,
            price_per_hour: None,
        };
        let at = [0.0, 60.0, 120.0, -5.0].map(|age| (profile.load_after(age) * 100.0).round());
        assert_eq!(at, [80.0, 40.0, 20.0, 80.0]);
    }
}
