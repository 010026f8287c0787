//! Which node runs which layers of the target, and how: the plan of a request.
//!
//! A plan is a pure function of what it is given: no clock, no sockets, no tensors. A person writes one
//! in `[plan]`, and [`PlanRequest::check`] says whether it holds; or it is found. A [`Situation`] says
//! what nodes, links and a request are like, an [`Objective`] what is good, [`Costs`] what each
//! [`Candidate`] takes.

mod candidate;
mod certificates;
mod cost;
mod explain;
mod meeting;
mod objective;
mod obstacle;
mod plan;
mod replanner;
mod request;
mod search;
mod situation;
#[cfg(test)]
mod testing;

pub use candidate::Candidate;
pub use certificates::{Certificate, Certificates, NoCertificate, QualityBudget};
pub use cost::{Costs, Prediction};
pub use explain::{Alternative, BroughtPrompt, Decision, Difference, Part, PartOf, Verdict};
pub use meeting::{Meeting, held_back_s};
pub use objective::{BrokenLimit, CRITERIA, Criteria, Objective};
pub use obstacle::{Obstacle, StageRoom};
pub use plan::{LocalChoice, Mode, Plan, Speculation, Stage};
pub use replanner::{Advice, Outlook, Reason, Replanner};
pub use request::{PlanError, PlanRequest, RequestedStage};
pub use search::Choice;
pub use situation::{Admission, Demand, Link, NodeState, Situation, SituationError};
