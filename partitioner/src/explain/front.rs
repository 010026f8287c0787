//! The plans between the fastest and the cheapest of which none is both slower and dearer than another.

use crate::{Choice, Costs, Criteria, Objective};

/// A plan of the front is cheaper than the one before by this share at least.
const STEP: f64 = 0.02;

/// Plans that a person looks at.
const PLANS_MAX: usize = 24;

/// What the front holds against time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cost {
    Money,
    Energy,
    CloudPasses,
}

impl Costs<'_> {
    /// The front of a reply's time and what it costs, the fastest plan first: money, or the device's
    /// energy where nothing has a price, or passes of clouds where that is not known either. Limits of
    /// `objective` hold, its weights do not count. Each plan is the fastest of those at least 2 % cheaper
    /// than the one before.
    pub fn front(&self, objective: &Objective) -> Vec<Choice> {
        let cost = self.front_cost();
        let mut goal = Objective { weights: Objective::FASTEST.weights, limits: objective.limits };
        let mut front: Vec<Choice> = Vec::new();
        while front.len() < PLANS_MAX {
            let Some(choice) = self.best(&goal) else { break };
            let found = cost.of(&choice.prediction.criteria());
            *cost.limit(&mut goal.limits) = Some(found * (1.0 - STEP));
            front.push(choice);
            if found <= 0.0 {
                break;
            }
        }
        front
    }

    fn front_cost(&self) -> Cost {
        let nodes = self.graph.nodes().iter();
        let priced = nodes.clone().any(|node| node.profile.price_per_hour.is_some());
        let metered = self.situation.links.iter();
        let metered = metered.into_iter().any(|link| link.estimate.price_per_gigabyte.is_some());
        match (priced || metered, self.power()) {
            (true, _) => Cost::Money,
            (false, Some(_)) => Cost::Energy,
            (false, None) => Cost::CloudPasses,
        }
    }
}

impl Cost {
    const fn of(self, criteria: &Criteria<f64>) -> f64 {
        match self {
            Self::Money => criteria.money,
            Self::Energy => criteria.device_energy_j,
            Self::CloudPasses => criteria.cloud_passes,
        }
    }

    const fn limit(self, limits: &mut Criteria<Option<f64>>) -> &mut Option<f64> {
        match self {
            Self::Money => &mut limits.money,
            Self::Energy => &mut limits.device_energy_j,
            Self::CloudPasses => &mut limits.cloud_passes,
        }
    }
}
