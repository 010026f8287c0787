//! The rows of one question to the target, cut into passes.
//!
//! ```text
//!  log:   ...held │ settled ......... │ said ......... ┆ drafts
//!                 ▲ start             ▲ judged_to      ▲ log's end
//!  passes:        [ chunk ][ chunk ][ chunk ][ chunk, asks ]
//! ```
//!
//! A chunk that judges nothing only asks to be acknowledged. The one before the first judged token
//! leaves it a settled row, because the target chooses a token from the row before it.

use super::log::TokenLog;
use crate::{Epoch, Pass, limits};
use base::{Position, TokenId};
use std::collections::VecDeque;

/// Unanswered passes of one upload: half of what a peer takes, so that a repeat finds room.
const IN_FLIGHT_MAX: usize = limits::PASSES_IN_FLIGHT_MAX / 2;

#[derive(Debug)]
pub(super) struct Upload {
    /// The first log position that was not sent yet.
    next: usize,
    /// Whether the last pass was sent.
    complete: bool,
    /// They follow the log's end.
    drafts: Vec<TokenId>,
    in_flight: VecDeque<Pass>,
}

/// What every pass of an upload has in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) epoch: Epoch,
    pub(super) rows_max: usize,
    /// Log positions before it are settled.
    pub(super) judged_to: usize,
    /// The target may fill the positions before it alone; at most the upload's end where it may not.
    pub(super) until: usize,
}

impl Upload {
    /// Of the log from `start` on, then `drafts`.
    pub(super) const fn new(start: usize, drafts: Vec<TokenId>) -> Self {
        Self { next: start, complete: false, drafts, in_flight: VecDeque::new() }
    }

    /// The drafts, when nobody will judge them any more.
    pub(super) fn take_drafts(&mut self) -> Vec<TokenId> {
        std::mem::take(&mut self.drafts)
    }

    /// Passes that were sent and not answered.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = &Pass> {
        self.in_flight.iter()
    }

    /// Whether the pass that ended last was the last of all.
    pub(super) fn is_answered(&self) -> bool {
        self.complete && self.in_flight.is_empty()
    }

    /// The next pass to send, if the window has room.
    pub(super) fn next(&mut self, log: &TokenLog, terms: Terms) -> Option<Pass> {
        if self.complete || self.in_flight.len() >= IN_FLIGHT_MAX {
            return None;
        }
        let all = log.len() + self.drafts.len();
        let mut end = all.min(self.next + terms.rows_max);
        if end == terms.judged_to && end < all {
            end -= 1;
        }
        self.complete = end == all;
        let said = end.min(log.len()).saturating_sub(self.next.max(terms.judged_to));
        let drafts = end.saturating_sub(log.len());
        let tokens = [&log.tokens()[self.next..end - drafts], &self.drafts[..drafts]].concat();
        let until = if self.complete { terms.until } else { 0 };
        let pass = Pass {
            epoch: terms.epoch,
            base: Position::after(self.next),
            prefix: log.hash(self.next).expect("an upload starts within the log").check(),
            tokens,
            said: small(said),
            drafts: small(drafts),
            ask: end > terms.judged_to || self.complete,
            extend: small(until.saturating_sub(end)),
            hidden: None,
        };
        self.next = end;
        self.in_flight.push_back(pass.clone());
        Some(pass)
    }

    /// Everything before `position` was run: forgets the passes that only wanted to know this.
    pub(super) fn acknowledged(&mut self, position: Position) {
        while self.in_flight.front().is_some_and(|pass| !pass.ask && pass.end() <= position) {
            self.in_flight.pop_front();
        }
    }

    /// Takes out the first pass that asked, if a verdict from `position` answers it, and forgets the
    /// passes before it.
    pub(super) fn judged(&mut self, position: Position) -> Option<Pass> {
        let at = self.in_flight.iter().position(|pass| pass.ask)?;
        let pass = &self.in_flight[at];
        if Position::after(pass.base.index() + pass.settled()) != position {
            return None;
        }
        self.in_flight.drain(..=at).next_back()
    }
}

fn small(count: usize) -> u32 {
    u32::try_from(count).expect("a pass has few tokens")
}
