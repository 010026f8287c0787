//! One request, as both models answer it.

use crate::likeness::{Agreement, Features};
use std::time::Duration;

/// What became of a request.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    /// Of which conversation it is.
    pub(super) conversation: usize,
    pub(super) features: Features,
    /// Of the draft model's first tokens, in the mean, in nats: what a simpler router would look at.
    pub(super) entropy: f64,
    /// The device's own answer, as the target judges it.
    pub(super) own: Agreement,
    /// The target's answer, and what of it the draft model would have drafted: what a hybrid reply shows.
    pub(super) hybrid: Agreement,
    pub(super) times: Times,
}

/// How long the draft model took for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// For reading the prompt's new tokens and the whole answer, without features.
    pub(super) plain: Duration,
    /// For reading them and finding the features.
    pub(super) probe: Duration,
    /// For both: features, and the rest of the answer.
    pub(super) answer: Duration,
}

impl Exchange {
    /// To fit to.
    pub(super) fn example(&self) -> (Features, bool) {
        (self.features, self.own.is_good())
    }
}
