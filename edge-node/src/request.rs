//! One request, as a device is asked.

use crate::prompt::Prompt;
use base::{Grammar, Sampling};
use protocol::{AfterOutage, TraceContext};

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The conversation so far. Not empty.
    pub prompt: Prompt,
    /// How the target chooses.
    pub sampling: Sampling,
    /// What the reply must be; `None`: anything.
    pub grammar: Option<Grammar>,
    /// The most tokens of the reply.
    pub tokens_max: u32,
    /// The reply ends before the first of these.
    pub stop: Vec<String>,
    /// Whether the session's KV is to be kept for a next request.
    pub keep: bool,
    /// Whether the text goes on past end tokens, to its full length: for measurements.
    pub past_end: bool,
    /// The most bytes that it may take of the links, either way: the reply ends before. `None`: any number.
    pub bytes_max: Option<u64>,
    /// Whether no other node may have a part in it: nothing was reserved for one. The device has all of the target.
    pub stays: bool,
    /// Whether to tell how likely whoever chose them took the tokens to be, and of how many others at each position.
    pub likelihoods: Option<u8>,
    /// The span of whoever asks, where that is traced.
    pub trace: Option<TraceContext>,
    /// What becomes of words that are said without the target; as configured, where it is not said.
    pub after_outage: Option<AfterOutage>,
}

impl Request {
    /// A reply of up to `tokens_max` to `prompt`, with everything else as is usual.
    pub const fn new(prompt: Prompt, sampling: Sampling, tokens_max: u32) -> Self {
        Self {
            prompt,
            sampling,
            grammar: None,
            tokens_max,
            stop: Vec::new(),
            keep: false,
            past_end: false,
            bytes_max: None,
            stays: false,
            likelihoods: None,
            trace: None,
            after_outage: None,
        }
    }
}
