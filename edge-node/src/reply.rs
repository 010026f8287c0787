//! What a finished request amounts to; printed as one JSON object.

use crate::percentile::percentile_ms;
use crate::spending::{Spent, TimeSplit};
use crate::transcript::Transcript;
use base::WireCodec;
use protocol::Counts;
use serde::Serialize;
use std::time::Duration;
use transport::Traffic;

/// A finished reply.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reply {
    /// The text, without what stopped it.
    pub text: String,
    /// Its token ids, without an end token.
    pub tokens: Vec<u32>,
    /// For each token, whether the target vouches for it.
    pub verified: Vec<bool>,
    /// `stop`: an end token or a stop string; `length`: a limit; `budget`: what it may take of the links; `cancelled`:
    /// the user.
    pub finish_reason: &'static str,
    /// How it was run, at first.
    pub plan: String,
    /// Whether by that no other node was to have a part in it.
    #[serde(skip)]
    pub stays: bool,
    /// How it was run later, where that was otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub switches: Vec<Switched>,
    /// Whether a forward pass of the device was slowed down to stand for a slower machine.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paced: bool,
    /// What link was emulated, where one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emulated_link: Option<String>,
    /// What it cost.
    pub usage: Usage,
}

impl Reply {
    /// With what came of the prompt before it began.
    #[must_use]
    pub(crate) fn with_brought(mut self, tokens: usize) -> Self {
        self.usage.prompt_tokens_brought = tokens;
        self
    }
}

/// Another plan in mid-reply.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Switched {
    /// After so many tokens of the reply.
    pub after: usize,
    /// From there on.
    pub plan: String,
    /// The longer of the milliseconds from the last token before to the next, and from that to the one
    /// after; `None` where the reply ended first.
    pub pause_ms: Option<f64>,
}

impl Switched {
    /// With its pause, of a reply with these times between tokens.
    #[must_use]
    pub(crate) fn paused(self, latencies: &[Duration]) -> Self {
        let around = self.after.saturating_sub(1)..(self.after + 1).min(latencies.len());
        let longest = latencies.get(around).and_then(|around| around.iter().max());
        Self { pause_ms: longest.map(|pause| pause.as_secs_f64() * 1e3), ..self }
    }
}

/// What a reply cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Of these, how many a peer has computed for the device's own layers.
    pub prompt_tokens_brought: usize,
    /// Tokens of the reply, without an end token.
    pub completion_tokens: usize,
    /// Tokens sent to the target as drafts.
    pub drafted: u64,
    /// Drafts that the target would have said itself.
    pub accepted: u64,
    /// Drafts of the device's own model that the target judged: of each branch, up to the first that it would not
    /// have said.
    pub own_judged: u64,
    /// Of these, how many it would have said itself.
    pub own_right: u64,
    /// Tokens said alone that the target judged when it was back.
    pub judged: usize,
    /// Of these, how many it would have said itself.
    pub agreed: usize,
    /// Tokens said alone that were taken back.
    pub revised: usize,
    /// Times that the target was lost.
    pub failovers: u64,
    /// Forward passes of the verifying node.
    pub target_passes: u64,
    /// Requests for a verdict that got one.
    pub rounds: u64,
    /// Application data sent: the frames of the protocol, without what QUIC adds to them.
    pub frame_bytes_sent: u64,
    /// Application data received.
    pub frame_bytes_received: u64,
    /// UDP payload sent, handshakes in mid-request included.
    pub bytes_sent: u64,
    /// UDP payload received.
    pub bytes_received: u64,
    /// Where the time went, in milliseconds.
    pub time_ms: TimeSplit,
    /// What the bytes cost, and what peers charge for the target's passes.
    pub money: f64,
    /// Joules of the device; `None` where nobody has said what it draws.
    pub energy_j: Option<f64>,
    /// Milliseconds from the request to its first token.
    pub ttft_ms: Option<f64>,
    /// Median milliseconds between tokens; tokens of one verdict come together.
    pub itl_ms_p50: Option<f64>,
    /// The same, 95th percentile.
    pub itl_ms_p95: Option<f64>,
    /// Codecs that rounded hidden states on the way; none where all hops were exact.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rounded: Vec<RoundedHop>,
}

/// A hop whose codec rounds hidden states, and what that was certified to cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoundedHop {
    /// Behind so many layers.
    pub boundary: u32,
    /// How hidden states crossed.
    pub codec: WireCodec,
    /// Nats by which the target's distribution differs, in the mean; `None` without a certificate.
    pub kl_mean: Option<f64>,
    /// The share of tokens that stay the likeliest.
    pub top1_agreement: Option<f64>,
}

impl Usage {
    /// Of a transcript that no other node has a part in.
    pub(crate) fn alone(transcript: &Transcript, prompt_tokens: usize, spent: Spent) -> Self {
        Self::of(transcript, prompt_tokens, Counts::default(), Traffic::default(), spent)
    }

    /// Of a transcript; what came of the prompt, `judged`, `agreed`, `revised` and `rounded` are the
    /// caller's.
    pub(crate) fn of(
        transcript: &Transcript,
        prompt_tokens: usize,
        counts: Counts,
        traffic: Traffic,
        spent: Spent,
    ) -> Self {
        let latencies = transcript.latencies();
        Self {
            prompt_tokens,
            prompt_tokens_brought: 0,
            completion_tokens: transcript.tokens().len(),
            drafted: counts.drafted,
            accepted: counts.accepted,
            own_judged: counts.own_judged,
            own_right: counts.own_right,
            judged: 0,
            agreed: 0,
            revised: 0,
            failovers: counts.failovers,
            target_passes: counts.target_passes,
            rounds: counts.rounds,
            frame_bytes_sent: traffic.frames.sent.0,
            frame_bytes_received: traffic.frames.received.0,
            bytes_sent: traffic.udp.sent.0,
            bytes_received: traffic.udp.received.0,
            time_ms: spent.time,
            money: spent.money,
            energy_j: spent.energy_j,
            ttft_ms: transcript.ttft().map(|time| time.as_secs_f64() * 1e3),
            itl_ms_p50: percentile_ms(&latencies, 0.5),
            itl_ms_p95: percentile_ms(&latencies, 0.95),
            rounded: Vec::new(),
        }
    }
}
