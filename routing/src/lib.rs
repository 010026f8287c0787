//! Which way a request goes: an action, the device's own model, the target, later, or nowhere.
//!
//! Pure: [`Facts`] about a request and an operator's [`Policy`] go in, a [`Decision`] comes out, which says of
//! every route why it was taken or not.
//!
//! ```text
//!   what was said ─▶ rules ─▶ class, routes ─┐
//!   facts ───────────────────────────────────┴▶ what is possible ─▶ what is best ─▶ Decision
//! ```

mod decision;
mod facts;
mod hindrance;
mod policy;

#[cfg(test)]
mod tests;

pub use decision::{Considered, Decision, Standing, decide};
pub use facts::{Facts, Forecast, Hybrid, IntentFacts, Left};
pub use hindrance::Hindrance;
pub use policy::{Policy, PolicyError, Route, Rule};
