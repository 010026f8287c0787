//! Sums over requests: a pure function of what became of each.

use crate::reply::Reply;
use routing::Route;
use std::collections::BTreeMap;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// An end token, a stop string, or an action that was done.
    Done,
    /// The reply reached a limit.
    Length,
    /// Whoever asked went away, or said so.
    Cancelled,
    /// It waits for the target.
    Deferred,
    /// It could not be answered.
    Failed,
}

/// Why a request is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// It is wrong.
    Invalid,
    /// No key, or not one of ours.
    Unauthorized,
    /// Of a key that asks too often.
    RateLimit,
    /// As many wait as may.
    QueueFull,
    /// The models are not there yet.
    Loading,
    /// The device is to stop.
    Draining,
    /// There is no way to go.
    NoRoute,
}

/// Of all requests since the device started.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// Requests that ended, by route and outcome.
    pub ended: BTreeMap<(Route, Outcome), u64>,
    /// Requests that were not taken.
    pub refused: BTreeMap<Refusal, u64>,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of replies that the target vouches for.
    pub verified: u64,
    /// Tokens of replies that it does not.
    pub unverified: u64,
    /// Tokens sent to the target as drafts.
    pub drafted: u64,
    /// Drafts that the target would have said itself.
    pub accepted: u64,
    /// Tokens said alone that the target judged.
    pub judged: u64,
    /// Of these, those that it would have said itself.
    pub agreed: u64,
    /// Tokens said alone that were taken back.
    pub revised: u64,
    /// Times that the target was lost.
    pub failovers: u64,
    /// Forward passes of the target.
    pub target_passes: u64,
    /// In the currency of all prices.
    pub money: f64,
    /// Joules of the device, as far as they are known.
    pub energy_j: f64,
}

impl Outcome {
    /// All there are.
    pub const ALL: [Self; 5] =
        [Self::Done, Self::Length, Self::Cancelled, Self::Deferred, Self::Failed];

    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Length => "length",
            Self::Cancelled => "cancelled",
            Self::Deferred => "deferred",
            Self::Failed => "failed",
        }
    }

    /// Of a reply.
    pub fn of(reply: &Reply) -> Self {
        match reply.finish_reason {
            "length" | "budget" => Self::Length,
            "cancelled" => Self::Cancelled,
            _ => Self::Done,
        }
    }
}

impl Refusal {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::Invalid,
        Self::Unauthorized,
        Self::RateLimit,
        Self::QueueFull,
        Self::Loading,
        Self::Draining,
        Self::NoRoute,
    ];

    /// In a word, as the API's error code has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unauthorized => "unauthorized",
            Self::RateLimit => "rate_limit",
            Self::QueueFull => "queue_full",
            Self::Loading => "loading",
            Self::Draining => "draining",
            Self::NoRoute => "no_route",
        }
    }
}

impl Totals {
    /// Adds a reply, but not its prompt, which may have others.
    pub(super) fn reply(&mut self, reply: &Reply) {
        let (usage, tokens) = (&reply.usage, reply.verified.len() as u64);
        let verified = reply.verified.iter().filter(|verified| **verified).count() as u64;
        self.verified += verified;
        self.unverified += tokens - verified;
        self.drafted += usage.drafted;
        self.accepted += usage.accepted;
        self.judged += usage.judged as u64;
        self.agreed += usage.agreed as u64;
        self.revised += usage.revised as u64;
        self.failovers += usage.failovers;
        self.target_passes += usage.target_passes;
        self.money += usage.money;
        self.energy_j += usage.energy_j.unwrap_or_default();
    }

    /// Adds the prompt of a request.
    pub(super) fn prompt(&mut self, tokens: u64) {
        self.prompt_tokens += tokens;
    }

    /// Adds a request that ended.
    pub(super) fn end(&mut self, route: Route, outcome: Outcome) {
        *self.ended.entry((route, outcome)).or_default() += 1;
    }

    /// Adds a request that was not taken.
    pub(super) fn refuse(&mut self, why: Refusal) {
        *self.refused.entry(why).or_default() += 1;
    }

    /// Requests that were taken and have ended, but for those that were cancelled or failed.
    pub fn served(&self) -> u64 {
        let is_served = |outcome: Outcome| match outcome {
            Outcome::Done | Outcome::Length | Outcome::Deferred => true,
            Outcome::Cancelled | Outcome::Failed => false,
        };
        let served = self.ended.iter().filter(|((_, outcome), _)| is_served(*outcome));
        served.map(|(_, requests)| requests).sum()
    }
}
