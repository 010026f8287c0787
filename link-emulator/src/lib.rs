//! What a bad link does to datagrams, as a function of time and a seed: no sockets, no clock.
//!
//! ```text
//!                 ┌ outage? ┐  ┌─ queue ─┐  ┌── loss ──┐  ┌─ delay ─┐  ┌ reorder, repeat ┐
//!  offer(now) ───▶│  gone   │─▶│ rate;   │─▶│ evenly or │─▶│ in the  │─▶│ late, or twice  │──▶ when it
//!                 └─────────┘  │ full?   │  │ in bursts │  │ order of│  └─────────────────┘    arrives
//!                              └─────────┘  └──────────┘  │ sending │
//!                                                         └─────────┘
//! ```
//!
//! A [`LinkProfile`] is what a person writes: percentiles of delay and rate, chances, outages; or a
//! recorded trace. [`LinkProfile::ladder`] has some that ship. [`LinkProfile::resolve`] checks it and
//! reads its traces; [`Emulation::start`] makes it run from a seed.
//!
//! # Invariants
//!
//! - **The same seed, times and sizes give the same arrivals**, on every machine: values that are
//!   redrawn from time to time depend on the time alone, not on who asks how often.
//! - **Each direction is on its own**, but for outages, which they share.
//! - **A queue holds at most its bound**, and nothing waits longer than [`WAIT_MAX`].

mod capacity;
mod dice;
mod distribution;
mod emulation;
mod error;
mod ladder;
mod loss;
mod outages;
mod pipe;
mod profile;
mod series;
mod trace;
mod typical;

#[cfg(test)]
mod tests;

pub use capacity::WAIT_MAX;
pub use distribution::Distribution;
pub use emulation::{Emulation, Running};
pub use error::ProfileError;
pub use pipe::{Arrivals, Pipe, Tally};
pub use profile::LinkProfile;
pub use typical::Typical;
