//! Why a request cannot go a way.

use crate::Route;
use base::Privacy;
use std::time::Duration;

/// Why a request cannot go a way. The words speak of the request, for whoever sent it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Hindrance {
    /// The request wants another one.
    #[error("the request asks for {0} and nothing else")]
    NotDemanded(Route),
    /// The policy has no such route.
    #[error("the policy does not allow it")]
    NotAllowed,
    /// A rule of the policy.
    #[error("rule {rule:?} does not allow it")]
    Rule {
        /// Its name.
        rule: String,
    },
    /// A rule that refuses the request as a whole.
    #[error("{reason} (rule {rule:?})")]
    Refused {
        /// Its name.
        rule: String,
        /// As the policy says.
        reason: String,
    },
    /// Nothing that can be done was said.
    #[error("it is none of the known intents")]
    NoIntent,
    /// An intent that may be another one.
    #[error("{:.0} % are too little to act on {name:?}; it takes {:.0} %", confidence * 100.0, least * 100.0)]
    Unsure {
        /// Of the intent.
        name: String,
        /// The chance that it is right.
        confidence: f64,
        /// From which it is acted on.
        least: f64,
    },
    /// An intent that lacks something, or has no action.
    #[error("it was taken for {0:?}, for which there is nothing to do, or something is missing")]
    NoAction(String),
    /// A device that cannot speak.
    #[error("the device has no model of its own")]
    NoModel,
    /// No target to be had, ever.
    #[error("the device knows no node that runs the target")]
    NoTarget,
    /// No target to be had now.
    #[error("the target has been out of reach for {} s", since.as_secs())]
    OutOfReach {
        /// For how long.
        since: Duration,
    },
    /// The planner's own words.
    #[error("no plan: {0}")]
    NoPlan(String),
    /// Text that would leave.
    #[error("class {} lets nothing leave the device", class.as_str())]
    Privacy {
        /// Of the request.
        class: Privacy,
    },
    /// A budget that is used up.
    #[error("it would take {needs} {unit}, and {whose} leaves {left}")]
    OverBudget {
        /// Whose limit.
        whose: &'static str,
        /// Of what.
        unit: &'static str,
        /// What it would take.
        needs: u64,
        /// What is left.
        left: u64,
    },
    /// An answer that would be late.
    #[error("it would take {:.1} s, and the answer is wanted in {:.1} s", takes.as_secs_f64(), deadline.as_secs_f64())]
    Late {
        /// Until it is whole.
        takes: Duration,
        /// By when it is wanted.
        deadline: Duration,
    },
    /// No room among those that wait.
    #[error("{0}")]
    NoRoom(String),
}
