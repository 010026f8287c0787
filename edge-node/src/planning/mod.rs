//! From what a device knows to a plan: its own profile, what peers said of themselves, its links, and what is
//! asked.
//!
//! ```text
//!   profiles, links, certificates, demand ─▶ Situation ─▶ partitioner ─▶ plan, and why
//! ```

pub(crate) mod certificates;
mod command;
mod front;
mod planner;
pub(crate) mod situation;
mod words;

pub use command::{PlanArguments, plan};
pub(crate) use planner::{Heard, predicted};
