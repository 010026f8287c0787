//! What one run gives: when each token was shown and who vouches for it, and what it took.
//!
//! Times are milliseconds since the request, on the experiment's clock.

use serde::Serialize;

/// A finished run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// In the order of the text; `at_ms` never falls.
    pub tokens: Vec<TokenTime>,
    /// Drafts, passes and judgements.
    pub counts: Counts,
    /// Bytes of frames, headers included: what the protocol says.
    pub application: Bytes,
    /// Bytes of UDP payload: what the link carries, retransmissions and acknowledgements included.
    pub udp: Bytes,
    /// When the link carried nothing, in order.
    pub outages: Vec<LinkOutage>,
    /// The device's energy, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_joules: Option<f64>,
    /// What was not real.
    pub emulated: Emulated,
    /// What the planner says that it takes, where it knows the paces and how often drafts are right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted: Option<Predicted>,
}

/// What the planner says of a run before it is made. The cuts of an experiment are no part of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Predicted {
    /// To the first token.
    pub ttft_ms: f64,
    /// From one token to the next, on average.
    pub itl_ms: f64,
}

/// A token of the text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TokenTime {
    /// When it was first shown.
    pub at_ms: f64,
    /// When the target vouched for it; `None` where it never did.
    pub verified_ms: Option<f64>,
    /// On whose word it was shown.
    pub voucher: Voucher,
}

/// On whose word a token is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Voucher {
    /// The target's: it is verified when it is shown.
    Target,
    /// The device's alone.
    Device,
}

/// What a run took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Tokens sent to the target as drafts.
    pub drafted: u64,
    /// Of these, how many the target would have said itself.
    pub accepted: u64,
    /// Forward passes of the node that verifies.
    pub target_passes: u64,
    /// How long that node computed.
    pub target_busy_ms: f64,
    /// Times that the target was lost.
    pub failovers: u64,
    /// Tokens said alone that the target judged when it was back.
    pub judged: u64,
    /// Of these, how many it would have said itself.
    pub agreed: u64,
}

/// Bytes by direction; up is from the device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Bytes {
    /// From the device.
    pub up: u64,
    /// To the device.
    pub down: u64,
}

/// A time in which the link carried nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LinkOutage {
    /// When it went down.
    pub from_ms: f64,
    /// When it was up again; `None` where the run ended before.
    pub to_ms: Option<f64>,
}

/// What a run had in place of something real, in words; `None` where it was real.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Emulated {
    /// The link.
    pub link: Option<String>,
    /// How slow passes were made.
    pub pace: Option<String>,
}

impl TokenTime {
    /// The groups that plots tell apart.
    pub(super) const fn standing(&self) -> Standing {
        match (self.voucher, self.verified_ms) {
            (Voucher::Target, _) => Standing::AtOnce,
            (Voucher::Device, Some(_)) => Standing::Later,
            (Voucher::Device, None) => Standing::Never,
        }
    }
}

/// When the target vouched for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// When it was shown.
    AtOnce,
    /// Some time afterwards.
    Later,
    /// Never.
    Never,
}
