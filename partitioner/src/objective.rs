//! What a plan is judged by, and by how much.

use serde::{Deserialize, Serialize};

/// One value for each thing that a plan is judged by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Criteria<T: Default> {
    /// Of milliseconds to the first token.
    pub ttft_ms: T,
    /// Of milliseconds from one token to the next.
    pub itl_ms: T,
    /// Of money for a reply.
    pub money: T,
    /// Of joules that the device draws for a reply.
    pub device_energy_j: T,
    /// Of bytes of a reply that somebody counts.
    pub metered_bytes: T,
    /// Of passes that clouds run for a reply.
    pub cloud_passes: T,
}

/// What the best plan is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Objective {
    /// What one unit of each is worth; not negative. One of `ttft_ms` and `itl_ms` each asks for the
    /// shortest reply: the time between tokens counts once for each token after the first.
    pub weights: Criteria<f64>,
    /// What each may be at most.
    pub limits: Criteria<Option<f64>>,
}

/// A limit that a plan breaks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BrokenLimit {
    /// Which criterion, as configuration spells it.
    pub criterion: &'static str,
    /// What the plan takes.
    pub found: f64,
    /// What it may.
    pub limit: f64,
}

/// The criteria, as configuration spells them, in the order of their fields.
pub const CRITERIA: [&str; 6] =
    ["ttft_ms", "itl_ms", "money", "device_energy_j", "metered_bytes", "cloud_passes"];

impl<T: Default + Copy> Criteria<T> {
    /// The values in the order of [`CRITERIA`].
    pub const fn values(&self) -> [T; 6] {
        let Self { ttft_ms, itl_ms, money, device_energy_j, metered_bytes, cloud_passes } = *self;
        [ttft_ms, itl_ms, money, device_energy_j, metered_bytes, cloud_passes]
    }
}

impl Objective {
    /// The shortest reply, whatever it costs.
    pub const FASTEST: Self = Self {
        weights: Criteria {
            ttft_ms: 1.0,
            itl_ms: 1.0,
            money: 0.0,
            device_energy_j: 0.0,
            metered_bytes: 0.0,
            cloud_passes: 0.0,
        },
        limits: Criteria {
            ttft_ms: None,
            itl_ms: None,
            money: None,
            device_energy_j: None,
            metered_bytes: None,
            cloud_passes: None,
        },
    };

    /// How bad a plan of `found` is, for a reply with `later` tokens after the first.
    pub fn score(&self, found: &Criteria<f64>, later: f64) -> f64 {
        let counts = [1.0, later, 1.0, 1.0, 1.0, 1.0];
        let weights = self.weights.values();
        let terms = found.values().into_iter().zip(weights).zip(counts);
        terms.map(|((found, weight), count)| found * weight * count).sum()
    }

    /// The first limit that `found` breaks.
    pub fn broken(&self, found: &Criteria<f64>) -> Option<BrokenLimit> {
        let values = found.values().into_iter().zip(self.limits.values()).zip(CRITERIA);
        values
            .filter_map(|((found, limit), criterion)| {
                limit.map(|limit| BrokenLimit { criterion, found, limit })
            })
            .find(|broken| broken.found > broken.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_reply_counts_every_token() {
        let found = Criteria { ttft_ms: 100.0, itl_ms: 20.0, money: 5.0, ..Criteria::default() };
        assert_eq!(Objective::FASTEST.score(&found, 9.0), 280.0);
    }

    #[test]
    fn a_limit_holds_at_its_edge_and_is_named_beyond() {
        let limits = Criteria { money: Some(5.0), itl_ms: Some(30.0), ..Criteria::default() };
        let objective = Objective { limits, ..Objective::FASTEST };
        let mut found = Criteria { itl_ms: 20.0, money: 5.0, ..Criteria::default() };
        assert_eq!(objective.broken(&found), None);
        found.money = 5.5;
        let broken = BrokenLimit { criterion: "money", found: 5.5, limit: 5.0 };
        assert_eq!(objective.broken(&found), Some(broken));
    }
}
