//! When one more draft pays, and when drafting does not pay at all.
//!
//! One line decides (the stop rule of delay-adaptive speculation, arXiv 2606.20591): a draft is worth
//!
//! ```text
//!   a_1 · a_2 · … · a_n · l     a_i: chance that draft i is right if those before it are
//!                               l:   time for each emitted token
//! ```
//!
//! and costs the target a row, and the time of drafting, which it may spend waiting for the chunk. A chunk
//! is longer while the worth of one more of its drafts, as likely as those before it, covers both. While
//! the target is busy with an earlier chunk, a chunk is due no earlier than that pass ends, unless its
//! next draft is not worth a row: fewer and longer chunks take fewer bytes. But a target that waits for a
//! draft, with nothing to do, gets the first one alone: the drafter's rule.
//! Delay, confidence and load need no rule of their own: a longer round trip or a busier target makes
//! `l` larger. Further chunks cost nothing where an earlier one is contradicted, for the target drops
//! them; drafting goes on until all that nobody has judged is hardly ever right together.
//!
//! Drafts can be right and worth nothing: where the target by itself is ahead of every one that comes.
//! So what branches saved is held against what they cost, and where it is far less there is a *pause*;
//! after it a few branches probe whether that has changed. A pause is twice as long each time.
//!
//! # Invariants
//!
//! - **It changes speed alone.**
//! - **No clock.** What is measured outlives a request.

use super::{Calibration, PaceMeter, PassCost};
use crate::Cost;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// Chunks while nothing is measured yet.
const LENGTH_FIRST: u32 = 4;

/// A chunk is never longer: acceptance falls geometrically, and a longer one comes too late.
const LENGTH_MAX: u32 = 16;

/// Drafts that are all right less often than this are not followed by more: they would be sent in vain. At
/// 0.02 a round trip of 200 ms is 1 % shorter a token, and takes 2 to 15 % more bytes.
const RUN_MIN: f64 = 0.05;

/// The share of the past that a branch replaces in what branches save and cost.
const BRANCH_GAIN: f64 = 1.0 / 16.0;

/// Tokens of the first pause; each is twice as long as the one before, up to the last.
const PAUSE_TOKENS: (u32, u32) = (32, 512);

/// Branches before the first judgement: the start of a text tells little.
const BRANCHES_MIN: u32 = 8;

/// Branches of a probe: one alone is right or wrong by chance.
const BRANCHES_OF_PROBE: u32 = 4;

/// Drafting pauses where branches save less than this share of what they cost: what is lost meanwhile is
/// less than what a pause by mistake loses.
const SAVED_SHARE_MIN: f64 = 0.5;

/// Where a draft comes from: each is as sure of itself in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The device's draft model.
    Model,
    /// A look-up in the text.
    Lookup,
}

/// One draft, as the device made it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drafted {
    /// The token.
    pub token: base::TokenId,
    /// Who made it.
    pub origin: Origin,
    /// How sure it is, 0 to 1.
    pub confidence: f32,
    /// How long it took.
    pub took: Duration,
}

/// What a device has measured of speculation, and the rules that follow from it.
#[derive(Debug, Clone, Default)]
pub struct Tuning {
    by_model: Calibration,
    by_lookup: Calibration,
    drafting: PaceMeter,
    emitting: PaceMeter,
    passes: PassCost,
    branches: Branches,
    pause: Pause,
}

/// What branches save and cost, in seconds, as running means.
#[derive(Debug, Clone, Copy, Default)]
struct Branches {
    seen: u32,
    saved: f64,
    cost: f64,
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    /// Tokens until the next probe.
    left: u32,
    /// The length of the next pause.
    next: u32,
}

impl Default for Pause {
    fn default() -> Self {
        Self { left: 0, next: PAUSE_TOKENS.0 }
    }
}

impl Tuning {
    /// The chance that a draft is right, if those before it are.
    pub fn acceptance(&self, origin: Origin, confidence: f32) -> f64 {
        match origin {
            Origin::Model => self.by_model.acceptance(confidence),
            Origin::Lookup => self.by_lookup.acceptance(confidence),
        }
    }

    /// The share of the model's drafts that were right, of those whose predecessors were; `None` before
    /// enough were judged to say.
    pub fn accepted_share(&self) -> Option<f64> {
        self.by_model.accepted_share()
    }

    /// Whether a chunk of `length` drafts, all of them right with the chance `run`, is long enough.
    /// `busy`: the target has an earlier chunk to work on meanwhile.
    pub(crate) fn ends_chunk(&self, length: u32, run: f64, busy: bool) -> bool {
        let Some(token) = self.emitting.per_token() else { return length >= LENGTH_FIRST };
        let (drafting, row) =
            (self.drafting.per_token().unwrap_or_default(), self.passes.per_row());
        let worth = token.mul_f64(run.powf(1.0 + 1.0 / f64::from(length.max(1))));
        let is_due = match self.passes.estimate(1) {
            Some(pass) if busy => drafting * length >= pass || worth < row,
            Some(_) | None => true,
        };
        length >= LENGTH_MAX || (is_due && worth < drafting + row)
    }

    /// Whether to draft on behind drafts that are all right with the chance `run`.
    pub(crate) const fn goes_on(run: f64) -> bool {
        run >= RUN_MIN
    }

    /// Whether drafting does not pay at present.
    pub(crate) const fn pauses(&self) -> bool {
        self.pause.left > 0
    }

    /// How long the target is expected to take for a pass of so many rows, once it has told of one.
    pub(crate) fn pass_takes(&self, rows: usize) -> Option<Duration> {
        self.passes.estimate(u32::try_from(rows).unwrap_or(u32::MAX))
    }

    /// The device made a draft.
    pub(crate) fn drafted(&mut self, took: Duration) {
        self.drafting.observe(1, took);
    }

    /// The target said `tokens`, `elapsed` after it spoke last.
    pub(crate) fn emitted(&mut self, tokens: u32, elapsed: Duration) {
        self.emitting.observe(tokens, elapsed);
        self.pause.left = self.pause.left.saturating_sub(tokens);
    }

    /// The target's word on a draft all of whose predecessors were right.
    pub(crate) fn judged(&mut self, origin: Origin, confidence: f32, right: bool) {
        match origin {
            Origin::Model => self.by_model.observe(confidence, right),
            Origin::Lookup => self.by_lookup.observe(confidence, right),
        }
    }

    /// What a pass took.
    pub(crate) fn passed(&mut self, cost: Cost) {
        self.passes.observe(cost.rows, Duration::from_micros(u64::from(cost.us)));
    }

    /// A branch of drafts has ended: at most `rows` of them were run, `useful` of them saved the target
    /// a pass of its own.
    pub(crate) fn branch_ended(&mut self, rows: u64, useful: u64) {
        let Some(alone) = self.passes.estimate(1).filter(|_| rows > 0) else { return };
        let row = self.passes.per_row();
        self.branches.observe(seconds(alone, useful), seconds(row, rows));
        if self.branches.seen < BRANCHES_MIN {
            return;
        }
        if self.branches.pay() {
            self.pause.next = PAUSE_TOKENS.0;
        } else {
            let seen = BRANCHES_MIN - BRANCHES_OF_PROBE;
            self.branches = Branches { seen, ..Branches::default() };
            self.pause.left = self.pause.next;
            self.pause.next = (self.pause.next * 2).min(PAUSE_TOKENS.1);
        }
    }
}

impl Branches {
    fn observe(&mut self, saved: f64, cost: f64) {
        self.seen = self.seen.saturating_add(1);
        let gain = BRANCH_GAIN.max(1.0 / f64::from(self.seen));
        self.saved += (saved - self.saved) * gain;
        self.cost += (cost - self.cost) * gain;
    }

    fn pay(&self) -> bool {
        self.saved >= self.cost * SAVED_SHARE_MIN
    }
}

/// The time of `count` times `each`, in seconds.
fn seconds(each: Duration, count: u64) -> f64 {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    each.as_secs_f64() * f64::from(count)
}
