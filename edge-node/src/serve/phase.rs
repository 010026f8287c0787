//! Where the device stands: it starts, serves, or has failed to.

use crate::device::StartStep;
use crate::serve::staff::Staff;
use openai::ApiError;
use std::sync::Arc;

/// Where it stands.
#[derive(Clone)]
pub(super) enum Phase {
    /// It does this before it can be asked.
    Starting(StartStep),
    /// It can be asked.
    Serving(Arc<Staff>),
    /// It never will be, and why.
    Failed(Arc<str>),
}

/// Steps of a start.
pub(super) const STEPS: u32 = 4;

/// While it starts, one is told to come back so soon.
const RETRY_S: u32 = 1;

impl Phase {
    /// Those who answer.
    pub(super) fn staff(&self) -> Result<Arc<Staff>, ApiError> {
        match self {
            Self::Serving(staff) => Ok(Arc::clone(staff)),
            Self::Starting(step) => {
                let (done, what) = progress(*step);
                Err(ApiError::loading(&format!("step {} of {STEPS}: {what}", done + 1), RETRY_S))
            }
            Self::Failed(why) => Err(ApiError::server(format!("the device cannot start: {why}"))),
        }
    }
}

/// How many steps are done before `step`, and what it is.
pub(super) const fn progress(step: StartStep) -> (u32, &'static str) {
    match step {
        StartStep::Files => (0, "opening the models"),
        StartStep::Weights => (1, "loading weights"),
        StartStep::Peers => (2, "waiting for peers"),
        StartStep::Layers => (3, "loading layers of the target"),
    }
}
