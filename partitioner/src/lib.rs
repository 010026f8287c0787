//! Which node runs which layers of the target, and how: the plan of a request.
//!
//! A plan is a pure function of what it is given: no clock, no sockets, no tensors. Today a plan is
//! written by a person in `[plan]` and checked here; what is checked is what every plan must keep.

mod plan;
mod request;

pub use plan::{Codec, Mode, Plan, Speculation, Stage};
pub use request::{PlanError, PlanRequest, RequestedStage};
