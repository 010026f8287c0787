//! What a device measures while it speculates, and what these measurements say it should do next.
//!
//! A draft is worth making while the target is likely to accept it and the time that this saves is
//! longer than the time that it costs: `acceptance * time per emitted token >= cost of one more
//! draft`. Each factor is measured here, while the text is written.
//!
//! | estimator | says |
//! |---|---|
//! | [`Calibration`] | how likely a draft is accepted, given how sure its source is of it |
//! | [`PassCost`] | how long the target takes for a pass of so many rows |
//! | [`PaceMeter`] | how long an emitted token takes, or a drafted one |
//! | [`Sources`] | where drafts should come from: the draft model, a look-up, or both |
//!
//! [`Tuning`] holds the first three and decides by them.
//!
//! # Invariants
//!
//! - **Speed alone depends on what stands here.** The text is the target's, whatever they say.
//! - **No clock and no randomness.** Times are arguments; equal observations give equal answers.
//! - **Old observations fade.** A link, a load and a text change while they are measured.
//! - **Any observation is safe.** No number of tokens, no time and no confidence panics or poisons.
//!
//! # Source
//!
//! The stop rule with a threshold on the product of acceptances is that of delay-adaptive
//! speculation (arXiv 2606.20591).

mod calibration;
mod pace_meter;
mod pass_cost;
mod sources;
mod tuning;

pub use sources::{Source, Sources};
pub use tuning::{Drafted, Origin, Tuning};

use calibration::Calibration;
use pace_meter::PaceMeter;
use pass_cost::PassCost;
