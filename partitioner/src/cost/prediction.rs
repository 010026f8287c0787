//! What a plan is expected to take.

use crate::Criteria;
use base::DraftLength;
use serde::{Deserialize, Serialize};

/// What a plan is expected to take, in the steady state of an average reply.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Milliseconds to the first token.
    pub ttft_ms: f64,
    /// How far that is from being known, one standard deviation of the links' estimates to first order.
    pub ttft_deviation_ms: f64,
    /// Milliseconds from one token to the next, on average.
    pub itl_ms: f64,
    /// How far that is from being known.
    pub itl_deviation_ms: f64,
    /// Milliseconds of the whole reply.
    pub reply_ms: f64,
    /// How far that is from being known.
    pub reply_deviation_ms: f64,
    /// Bytes towards the target for the prompt, over all hops.
    pub prompt_bytes_up: f64,
    /// Bytes from the target for the prompt, over all hops.
    pub prompt_bytes_down: f64,
    /// Bytes towards the target for a token, over all hops.
    pub token_bytes_up: f64,
    /// Bytes from the target for a token, over all hops.
    pub token_bytes_down: f64,
    /// Bytes of a reply on links that have a price.
    pub metered_bytes: f64,
    /// Money for a reply.
    pub money: f64,
    /// Money for 1,000 tokens of such replies.
    pub money_per_1000_tokens: f64,
    /// Joules that the device draws during a reply.
    pub device_energy_j: f64,
    /// Passes of a reply that clouds run, those of the prompt included.
    pub cloud_passes: f64,
    /// Passes for a token of the stage that decides.
    pub target_passes_per_token: f64,
    /// How many drafts go out together.
    pub draft_length: DraftLength,
    /// Whether the target decides each token.
    pub vouched: bool,
}

/// The expected values alone.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    pub(crate) criteria: Criteria<f64>,
    pub(crate) bytes: super::crossing::Bytes,
    pub(crate) passes_per_token: f64,
}

/// Standard deviations, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Deviations {
    pub(crate) ttft_ms: f64,
    pub(crate) itl_ms: f64,
    pub(crate) reply_ms: f64,
}

impl Prediction {
    pub(crate) fn new(
        totals: &Totals,
        deviations: Deviations,
        later: f64,
        draft_length: DraftLength,
        vouched: bool,
    ) -> Self {
        let Totals { criteria, bytes, passes_per_token } = *totals;
        Self {
            ttft_ms: criteria.ttft_ms,
            ttft_deviation_ms: deviations.ttft_ms,
            itl_ms: criteria.itl_ms,
            itl_deviation_ms: deviations.itl_ms,
            reply_ms: criteria.ttft_ms + later * criteria.itl_ms,
            reply_deviation_ms: deviations.reply_ms,
            prompt_bytes_up: bytes.prompt_up,
            prompt_bytes_down: bytes.prompt_down,
            token_bytes_up: bytes.token_up,
            token_bytes_down: bytes.token_down,
            metered_bytes: criteria.metered_bytes,
            money: criteria.money,
            money_per_1000_tokens: criteria.money / (later + 1.0) * 1e3,
            device_energy_j: criteria.device_energy_j,
            cloud_passes: criteria.cloud_passes,
            target_passes_per_token: passes_per_token,
            draft_length,
            vouched,
        }
    }

    /// What the plan is judged by.
    pub const fn criteria(&self) -> Criteria<f64> {
        Criteria {
            ttft_ms: self.ttft_ms,
            itl_ms: self.itl_ms,
            money: self.money,
            device_energy_j: self.device_energy_j,
            metered_bytes: self.metered_bytes,
            cloud_passes: self.cloud_passes,
        }
    }
}
