//! What a reply took.

use serde::{Serialize, Serializer};

/// Tokens, and what they cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of all choices.
    pub completion_tokens: u64,
    /// What it cost beyond tokens.
    pub cost: Cost,
}

/// What OpenAI's usage has no word for: its `causeway`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Tokens sent to the target as drafts.
    pub drafted: u64,
    /// Drafts that the target would have said itself.
    pub accepted: u64,
    /// Forward passes of the verifying node.
    pub passes: u64,
    /// Times that the target was lost.
    pub failovers: u64,
    /// Tokens said alone that the target judged when it was back.
    pub judged: u64,
    /// Of these, how many it would have said itself.
    pub agreed: u64,
    /// Tokens said alone that were taken back.
    pub revised: u64,
    /// Tokens that the target vouches for.
    pub verified: u64,
    /// Tokens that it does not.
    pub unverified: u64,
    /// Bytes that the links took up.
    pub bytes_sent: u64,
    /// Bytes that they brought.
    pub bytes_received: u64,
    /// What bytes and peers charge.
    pub money: f64,
    /// Joules of the device; `None` where its power is not known.
    pub energy_j: Option<f64>,
    /// Where the time went.
    pub time_ms: TimeMs,
    /// Milliseconds to the first token; `None` where there is none.
    pub ttft_ms: Option<f64>,
}

/// Milliseconds of a request; they add up to all of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct TimeMs {
    /// The device's own passes.
    pub compute: f64,
    /// The wait for a turn.
    pub queue: f64,
    /// The round trips that it waited for.
    pub network: f64,
    /// The rest.
    pub waiting: f64,
}

impl Serialize for Usage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            prompt_tokens: u64,
            completion_tokens: u64,
            total_tokens: u64,
            causeway: &'a Cost,
        }
        let Self { prompt_tokens, completion_tokens, cost } = self;
        Written {
            prompt_tokens: *prompt_tokens,
            completion_tokens: *completion_tokens,
            total_tokens: prompt_tokens.saturating_add(*completion_tokens),
            causeway: cost,
        }
        .serialize(serializer)
    }
}
