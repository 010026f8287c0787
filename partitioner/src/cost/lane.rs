//! How long passes of one size take on a node, by what its stage has.

use crate::{NodeState, cost::style::Style};
use profile::{ModelProfile, NodeProfile};

/// A node busier than this is planned as if it were not: what it says of itself is not that exact, and
/// sharing with many it still gets its turn.
const LOAD_MAX: f64 = 0.9;

/// Rows of a pass of the prompt at most (`PASS_ROWS_MAX` in `edge-node/src/generate.rs`).
const PASS_ROWS_MAX: u32 = 256;

/// Positions whose KV travels together (`BLOCK_SLOTS` in `runtime/src/kv/mod.rs`).
pub(crate) const BLOCK_TOKENS: u32 = 32;

const SECONDS_PER_HOUR: f64 = 3_600.0;

/// Seconds of a pass of one size, by part, with the node's other work in between.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lane {
    overhead_s: f64,
    layer_s: f64,
    embedding_s: f64,
    head_s: f64,
}

/// What a stage is, beside its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) layers: u32,
    pub(crate) embedding: bool,
    pub(crate) head: bool,
}

/// How a prompt is cut: so many full passes, and a last one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prompt {
    /// Tokens before these, whose KV all stages have: they are told of them, and nothing is run.
    pub(crate) told: f64,
    /// Before the last.
    pub(crate) full_passes: f64,
    pub(crate) full_rows: f64,
    pub(crate) last_rows: f64,
}

/// A node's passes: the full ones of a prompt, the last of it, and those of a reply.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lanes {
    pub(crate) full: Lane,
    pub(crate) last: Lane,
    pub(crate) round: Lane,
    /// How much longer passes take than the node computes.
    stretch: f64,
    price_per_s: f64,
    is_cloud: bool,
}

/// What a stage adds to a chain.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StageCost {
    /// Seconds of the first pass of the prompt.
    pub(crate) fill_s: f64,
    /// Seconds of the passes after it.
    pub(crate) tail_s: f64,
    /// Seconds of a pass of the reply.
    pub(crate) round_s: f64,
    /// Money for a reply.
    pub(crate) money: f64,
    /// Passes for a reply, on a cloud.
    pub(crate) cloud_passes: f64,
}

impl Part {
    /// A head alone: what decides behind the last layer.
    pub(crate) const HEAD: Self = Self { layers: 0, embedding: false, head: true };

    /// Layers alone, however many.
    pub(crate) const MIDDLE: Self = Self { layers: 0, embedding: false, head: false };

    /// With the head as well.
    pub(crate) const fn with_head(self) -> Self {
        Self { head: true, ..self }
    }
}

impl StageCost {
    /// With what another stage on the same node adds: a chunk has to wait for both.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self {
            fill_s: self.fill_s + other.fill_s,
            tail_s: self.tail_s + other.tail_s,
            round_s: self.round_s + other.round_s,
            money: self.money + other.money,
            cloud_passes: self.cloud_passes + other.cloud_passes,
        }
    }
}

impl Prompt {
    pub(crate) fn new(tokens: u32) -> Self {
        let full = tokens.saturating_sub(1) / PASS_ROWS_MAX;
        let full_rows = f64::from(PASS_ROWS_MAX);
        let last_rows = f64::from(tokens - full * PASS_ROWS_MAX);
        Self { told: 0.0, full_passes: f64::from(full), full_rows, last_rows }
    }

    /// What is left to run of `tokens` where the KV of all whole blocks is there: the last one, from which
    /// the target chooses, in any case.
    pub(crate) fn behind_blocks(tokens: u32) -> Self {
        let told = (tokens / BLOCK_TOKENS * BLOCK_TOKENS).min(tokens - 1);
        Self { told: f64::from(told), ..Self::new(tokens - told) }
    }

    /// What a first pass and what those after it take, where a full one takes `full`, the last `last`.
    pub(crate) fn fill_and_tail(&self, full: f64, last: f64) -> (f64, f64) {
        if self.full_passes > 0.0 {
            (full, (self.full_passes - 1.0) * full + last)
        } else {
            (last, 0.0)
        }
    }

    /// Passes in all.
    pub(crate) fn passes(&self) -> f64 {
        self.full_passes + 1.0
    }

    /// Positions before the average full pass, and before the last.
    fn contexts(&self) -> (f64, f64) {
        let behind = (self.full_passes - 1.0).max(0.0);
        let before = |passes: f64| self.told + self.full_rows * passes;
        (before(behind / 2.0), before(self.full_passes))
    }
}

impl Lane {
    fn new(model: &ModelProfile, stretch: f64, rows: f64, choices: f64, context: f64) -> Self {
        let times = &model.times;
        let head_s = if choices > 0.0 { times.head_s(choices) } else { 0.0 };
        Self {
            overhead_s: times.overhead_s() * stretch,
            layer_s: times.layers_s(1, rows, context) * stretch,
            embedding_s: times.embedding_s(rows) * stretch,
            head_s: head_s * stretch,
        }
    }

    /// Seconds of a pass through `part`.
    pub(crate) fn pass_s(&self, part: Part) -> f64 {
        let embedding = if part.embedding { self.embedding_s } else { 0.0 };
        let head = if part.head { self.head_s } else { 0.0 };
        self.overhead_s + f64::from(part.layers) * self.layer_s + embedding + head
    }
}

impl Lanes {
    /// Of `model` on `node`, for a reply whose passes have `rows` rows behind `context` positions.
    pub(crate) fn new(
        node: &NodeState,
        model: &ModelProfile,
        prompt: &Prompt,
        rows: f64,
        context: f64,
    ) -> Self {
        let stretch = stretch(node);
        let lane = |rows, choices, context| Lane::new(model, stretch, rows, choices, context);
        let (full_context, last_context) = prompt.contexts();
        let NodeProfile { price_per_hour, role, .. } = node.profile;
        Self {
            full: lane(prompt.full_rows, 0.0, full_context),
            last: lane(prompt.last_rows, 1.0, last_context),
            round: lane(rows, rows, context),
            stretch,
            price_per_s: price_per_hour.unwrap_or_default() / SECONDS_PER_HOUR,
            is_cloud: matches!(role, base::Role::Cloud),
        }
    }

    /// What `part` adds to a chain in `style`, whose reply has `later` tokens after the first.
    pub(crate) fn stage(
        &self,
        part: Part,
        prompt: &Prompt,
        style: &Style,
        later: f64,
    ) -> StageCost {
        let (full_s, last_s) = (self.full.pass_s(part), self.last.pass_s(part));
        // A head alone runs for what is chosen: one row of a prompt.
        let (fill_s, tail_s, prompt_passes) = match part == Part::HEAD {
            true => (last_s, 0.0, 1.0),
            false => {
                let (fill_s, tail_s) = prompt.fill_and_tail(full_s, last_s);
                (fill_s, tail_s, prompt.passes())
            }
        };
        let round_s = self.round.pass_s(part);
        let per_token = if part.head { style.judged_per_token } else { style.sent_per_token };
        let passes = later * per_token;
        let computes_s = (fill_s + tail_s + passes * round_s) / self.stretch;
        StageCost {
            fill_s,
            tail_s,
            round_s,
            money: computes_s * self.price_per_s,
            cloud_passes: self.cloud_passes(prompt_passes + passes),
        }
    }

    /// What so many seconds of passes cost.
    pub(crate) fn money(&self, passes_s: f64) -> f64 {
        passes_s / self.stretch * self.price_per_s
    }

    /// Of so many passes those that a cloud runs.
    pub(crate) fn cloud_passes(&self, passes: f64) -> f64 {
        if self.is_cloud { passes } else { 0.0 }
    }
}

/// How much longer a pass takes on a node that computes for others, too.
pub(crate) fn stretch(node: &NodeState) -> f64 {
    1.0 / (1.0 - node.profile.load_after(node.load_age_s).min(LOAD_MAX))
}
