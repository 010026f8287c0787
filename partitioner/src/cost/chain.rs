//! What a pass meets on its way through a chain of nodes, added up from the device on.
//!
//! One [`Tally`] serves the cost of a plan that is given and the search for the best one: both add the
//! same pieces in the same order, so that they cannot disagree. Every field grows from piece to piece,
//! and every result grows with every field: of two tallies at the same place the one that is nowhere
//! larger is never the worse beginning.
//!
//! The prompt is a flow shop of passes that are alike but for the last: the first goes through all
//! stages, the others follow at the pace of the slowest, `TTFT = sum of first passes + the largest rest`.
//! Before it goes the question whether the stages are there, and its answer: each hop once there and back.
//! That is exact where no stage is slower in its last pass than the slowest is in a full one less what
//! lies behind it, and never too short.

use super::brought::Brought;
use super::crossing::HopCost;
use super::lane::StageCost;
use super::style::Style;
use crate::Criteria;
use profile::Power;

/// What is known of a chain up to some place.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Seconds of opening the session, of the prompt's first pass, and of the word back.
    pub(crate) fill_s: f64,
    /// The longest rest of the prompt on one stage or hop.
    pub(crate) tail_s: f64,
    /// Seconds from the start of a chunk to its verdict.
    pub(crate) cycle_s: f64,
    /// Seconds of the slowest stage or hop of a chunk.
    pub(crate) peak_s: f64,
    /// Money for a reply.
    pub(crate) money: f64,
    /// Bytes of a reply that are counted.
    pub(crate) metered_bytes: f64,
    /// Passes of a reply that clouds run.
    pub(crate) cloud_passes: f64,
    /// Seconds for which the device computes on the prompt.
    pub(crate) device_prompt_s: f64,
    /// Seconds for which it computes on a chunk.
    pub(crate) device_round_s: f64,
}

/// What the device spends on its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drafting {
    /// Seconds a draft.
    pub(crate) draft_s: f64,
    /// Seconds in which the draft model reads the prompt.
    pub(crate) prompt_s: f64,
}

impl Tally {
    /// Before the first stage that is not on the device: with the device's own, nothing if it has none.
    pub(crate) fn start(drafting: &Drafting, stage: &StageCost, style: &Style) -> Self {
        let draft_s = f64::from(style.drafts) * drafting.draft_s;
        let reads_s = if style.drafts > 0 { drafting.prompt_s } else { 0.0 };
        let round_s = draft_s + stage.round_s;
        Self {
            fill_s: stage.fill_s,
            tail_s: stage.tail_s,
            cycle_s: round_s,
            peak_s: round_s,
            money: stage.money,
            metered_bytes: 0.0,
            cloud_passes: stage.cloud_passes,
            device_prompt_s: stage.fill_s + stage.tail_s + reads_s,
            device_round_s: round_s,
        }
    }

    /// With the prompt's KV in the device's own layers brought, before anything else.
    pub(crate) fn bring(&self, brought: &Brought) -> Self {
        Self {
            fill_s: self.fill_s + brought.blocks_s,
            money: self.money + brought.money,
            metered_bytes: self.metered_bytes + brought.metered_bytes,
            cloud_passes: self.cloud_passes + brought.cloud_passes,
            device_prompt_s: self.device_prompt_s + brought.blocks_s,
            ..*self
        }
    }

    pub(crate) fn cross(&self, hop: &HopCost) -> Self {
        Self {
            fill_s: self.fill_s + hop.fill_s,
            tail_s: self.tail_s.max(hop.tail_s),
            cycle_s: self.cycle_s + hop.round_s,
            peak_s: self.peak_s.max(hop.fills_s),
            money: self.money + hop.money,
            metered_bytes: self.metered_bytes + hop.metered_bytes,
            ..*self
        }
    }

    pub(crate) fn run(&self, stage: &StageCost) -> Self {
        Self {
            fill_s: self.fill_s + stage.fill_s,
            tail_s: self.tail_s.max(stage.tail_s),
            cycle_s: self.cycle_s + stage.round_s,
            peak_s: self.peak_s.max(stage.round_s),
            money: self.money + stage.money,
            cloud_passes: self.cloud_passes + stage.cloud_passes,
            ..*self
        }
    }

    /// Seconds to the first token.
    pub(crate) fn ttft_s(&self) -> f64 {
        self.fill_s + self.tail_s
    }

    /// Seconds from one token to the next.
    pub(crate) fn token_s(&self, style: &Style) -> f64 {
        style.cycle_share * self.cycle_s
            + style.peak_share * style.period_s(self.peak_s, self.cycle_s)
    }

    /// All that a plan is judged by, of a chain that is complete.
    pub(crate) fn criteria(
        &self,
        style: &Style,
        power: Option<Power>,
        later: f64,
    ) -> Criteria<f64> {
        let (ttft_s, token_s) = (self.ttft_s(), self.token_s(style));
        // A device that streams computes all the time: it drafts on while it waits.
        let busy_s = match style.streams() {
            true => token_s,
            false => style.sent_per_token * self.device_round_s,
        };
        Criteria {
            ttft_ms: ttft_s * 1e3,
            itl_ms: token_s * 1e3,
            money: self.money,
            device_energy_j: energy_j(
                power,
                ttft_s + later * token_s,
                self.device_prompt_s + later * busy_s,
            ),
            metered_bytes: self.metered_bytes,
            cloud_passes: self.cloud_passes,
        }
    }
}

/// Joules of a device that computes for `busy_s` of `reply_s`.
pub(crate) fn energy_j(power: Option<Power>, reply_s: f64, busy_s: f64) -> f64 {
    power.map_or(0.0, |Power { idle_w, busy_w }| {
        let (idle_w, busy_w) = (f64::from(idle_w), f64::from(busy_w));
        idle_w * reply_s + (busy_w - idle_w).max(0.0) * busy_s
    })
}
