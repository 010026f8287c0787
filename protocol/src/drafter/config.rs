//! What a [`super::Drafter`] is told at the start, and what it tells its shell.

use super::log::FinishReason;
use super::route::Route;
use crate::{Constraint, Epoch, SessionId, TraceContext, Tuning, limits};
use base::{KvFormat, Position, Privacy, Sampling, StreamWindow, TokenId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What becomes of words that the device said alone, once the target is back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterOutage {
    /// They stand, and the target goes on from them: it only says with which it agrees.
    #[default]
    Keep,
    /// They stand as far as the target would have said them. From the first that it would not, they are
    /// taken back and it says its own: the text is what it would have been without an outage.
    Revise,
}

/// One request: a prompt, and how its continuation is asked for.
#[derive(Debug, Clone)]
pub struct DrafterConfig {
    /// The conversation that it belongs to.
    pub session: SessionId,
    /// Above every epoch that this session has had: `previous.newest_epoch().next()` for the next turn.
    pub epoch: Epoch,
    /// How many leading prompt tokens the session may hold from earlier turns; 0 in the first.
    pub have: Position,
    /// How the target chooses.
    pub sampling: Sampling,
    /// How it is run at first.
    pub route: Route,
    /// The conversation so far. Not empty.
    pub prompt: Vec<TokenId>,
    /// The most tokens to generate.
    pub tokens_max: u32,
    /// The most positions, prompt included.
    pub positions_max: u32,
    /// The number format of the session's KV.
    pub kv: KvFormat,
    /// How far the text may travel.
    pub class: Privacy,
    /// What the reply must be, for whoever has the head; `None`: anything.
    pub constraint: Option<Constraint>,
    /// As [`crate::Open::likelihoods`].
    pub likelihoods: Option<u8>,
    /// The request's span, where it is traced.
    pub trace: Option<TraceContext>,
    /// What a position of an endless text sees; `None` sees all before it.
    pub stream: Option<StreamWindow>,
    /// The text ends at, and with, one of these.
    pub end_tokens: Vec<TokenId>,
    /// What earlier requests have measured: [`super::Drafter::tuning`].
    pub tuning: Tuning,
    /// The most rows of one pass: a longer prompt goes in chunks.
    pub pass_rows_max: usize,
    /// Send again what was not answered for so long. `None` over a transport that loses nothing.
    pub retransmit: Option<Duration>,
    /// How long to go on alone after a refusal that names no time.
    pub retry: Duration,
    /// What becomes of words that were said alone.
    pub after_outage: AfterOutage,
}

/// What the shell is told, in the order of happening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrafterEvent {
    /// These tokens are in the log now: for good, if verified, or with [`AfterOutage::Keep`]. `at` is
    /// where the last ones ended.
    Commit {
        /// Position of the first.
        at: Position,
        /// At least one.
        tokens: Vec<TokenId>,
        /// The target's, or the device's own.
        verified: bool,
    },
    /// The target has judged what was said without it, or with [`AfterOutage::Revise`] the next part
    /// of that.
    Judged {
        /// Position of the first judged token.
        from: Position,
        /// Whether the target would have said each. The leading `true`s are verified in the log now.
        agreed: Vec<bool>,
    },
    /// What was said alone from `at` on is taken back, and no longer in the log: the target would have
    /// said another token there, which comes next. Only with [`AfterOutage::Revise`].
    Revised {
        /// Position of the first token that was taken back; never that of a verified one.
        at: Position,
        /// How many were, up to the log's end.
        removed: usize,
    },
    /// The target is out of reach, or not on the route: please generate from the log's end, token by
    /// token, while [`super::Drafter::is_alone`]: [`super::Drafter::handle_local_token`].
    Alone {
        /// The log's length.
        at: Position,
    },
    /// The target is back: local tokens are not taken any more.
    Rejoined,
    /// Nothing more will be committed.
    Finished(FinishReason),
}

/// Why a [`super::Drafter`] wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrafterTimer {
    /// No answer yet: send again.
    Retransmit,
    /// The peer refused for a while: ask again.
    Retry,
}

/// What a request cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tokens sent as drafts.
    pub drafted: u64,
    /// Drafts that the target would have said itself.
    pub accepted: u64,
    /// Drafts of the device's own model that the target judged: of each branch, up to the first that it would not
    /// have said.
    pub own_judged: u64,
    /// Of these, how many it would have said itself.
    pub own_right: u64,
    /// Passes of the target on the verifying node.
    pub target_passes: u64,
    /// Verdicts that brought tokens.
    pub rounds: u64,
    /// Times that the target was lost.
    pub failovers: u64,
}

/// Whether a configuration makes sense; panics where it does not.
pub(super) fn check_config(config: &DrafterConfig) {
    assert!(!config.prompt.is_empty(), "a prompt has at least one token");
    assert!(config.have.index() <= config.prompt.len(), "no more is held than the prompt");
    assert!(config.positions_max <= limits::POSITIONS_MAX, "positions exceed the limit");
    let rows = 2..=limits::PASS_ROWS_MAX;
    assert!(rows.contains(&config.pass_rows_max), "rows of a pass exceed the limit");
    config.route.check(config.pass_rows_max);
}
