//! What nodes and links can do, as it was measured: what every plan is made from.
//!
//! A node measures itself and says so in a [`NodeProfile`]; a device estimates the links that it has
//! in a [`LinkEstimate`]. Both are values: they measure nothing, know no clock, and travel as they are.
//!
//! # Invariants
//!
//! - **What is read is checked as it is read**, from a file or from a peer: figures are finite and not
//!   negative, a curve has at least one point and its points ascend.

mod curve;
mod figure;
mod link;
mod model;
mod node;

pub use curve::{Curve, CurveError, Surface};
pub use link::{Estimate, LinkEstimate, LinkTerms};
pub use model::{ModelProfile, PassTimes, Weights};
pub use node::{NodeProfile, Power, Reach, Upstream};
