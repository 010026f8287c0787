//! What is known of a request before it is answered.

use crate::Route;
use base::Privacy;
use std::time::Duration;

/// All that a route is a function of, beside the policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts<'a> {
    /// What was said.
    pub text: &'a str,
    /// What it was taken for; `None` where it is none of the intents.
    pub intent: Option<IntentFacts>,
    /// How far it may travel, as the request or its conversation says.
    pub privacy: Privacy,
    /// The route that the request asks for, and no other.
    pub demanded: Option<Route>,
    /// When the answer has to be whole, from now; of one that waits, how long it is worth waiting.
    pub deadline: Option<Duration>,
    /// The chance that the device's own answer is as good as the target's, 0 to 1.
    pub likeness: f64,
    /// How long an answer of the device's own model takes; `None` where it has none.
    pub local: Option<Duration>,
    /// What the planner says.
    pub hybrid: Hybrid,
    /// What may be spent on this request: the least that its own budget, the day's and the month's leave.
    pub left: Left,
    /// Why no request can be put off now, where that is so: how many are waiting, or that none may.
    pub no_room: Option<String>,
}

/// What a text was taken for.
#[derive(Debug, Clone, PartialEq)]
pub struct IntentFacts {
    /// The intent's name.
    pub name: String,
    /// The chance that it is right, 0 to 1; 1 of a template that fits.
    pub confidence: f64,
    /// Whether the device can do something about it: all that the intent's action needs was said.
    pub acts: bool,
}

/// The target, as it can be had now.
#[derive(Debug, Clone, PartialEq)]
pub enum Hybrid {
    /// The device knows no other node, and cannot run the target itself.
    None,
    /// No node that it takes can be reached.
    OutOfReach {
        /// For how long that has been so.
        since: Duration,
    },
    /// No plan is allowed for this request, or none fits: the planner's own words.
    NoPlan(String),
    /// The best plan would take so much.
    Planned(Forecast),
}

/// What a plan is expected to take for a whole reply.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Forecast {
    /// Until the last token.
    pub took: Duration,
    /// Millionths of the currency of all prices.
    pub money_micros: u64,
    /// Bytes that somebody counts.
    pub metered_bytes: u64,
    /// Whether it stays within the device: the whole target is there.
    pub stays: bool,
}

/// What budgets leave; `None` is no limit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Left {
    /// Millionths of the currency, and whose limit that is.
    pub money_micros: Option<(u64, &'static str)>,
    /// Bytes that somebody counts, and whose limit that is.
    pub metered_bytes: Option<(u64, &'static str)>,
}
