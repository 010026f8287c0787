//! What the device drafted, or said alone to have it revised, and nobody has judged yet.
//!
//! ```text
//!  settled ... ┆ sent (in chunks) ......... │ not sent yet ...
//!              ▲ what the target has said
//!  log: .................... ┆
//!              └─── shown ───┘  of a device that has its words revised; else the log ends with what is
//!                               settled
//! ```
//!
//! The target's words take drafts from the front while they equal them. The first that differs ends
//! the *branch*: all of it is gone, and drafting begins anew from there.

use crate::{Drafted, Origin};
use base::TokenId;
use std::collections::VecDeque;
use std::time::Duration;

/// The device is asked to draft one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// How many drafts stand between what is settled and it.
    pub(super) after: usize,
    /// How much is settled.
    pub(super) settled: usize,
    pub(super) branch: u32,
}

impl Wish {
    /// The branch that the draft will belong to: another number after each contradiction.
    pub const fn branch(&self) -> u32 {
        self.branch
    }
}

/// A draft that waits for the target's word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) draft: Drafted,
    /// The chance that it is right, if those before it are.
    pub(super) acceptance: f64,
}

/// What became of a branch of drafts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct BranchTally {
    /// Drafts that were sent.
    pub(super) sent: u64,
    /// In how many chunks.
    pub(super) chunks: u64,
    /// Of these, how many were judged right before the target said them by itself.
    pub(super) useful: u64,
}

#[derive(Debug, Default)]
pub(super) struct Ahead {
    waiting: VecDeque<Waiting>,
    /// The first of them that the log holds already, unverified.
    shown: usize,
    sent: usize,
    /// Chunks of this branch that are under way: the positions where they end.
    chunks: VecDeque<usize>,
    branch: u32,
    tally: BranchTally,
    /// The device had nothing to draft after so many tokens.
    dry: Option<usize>,
}

impl Ahead {
    /// The drafts, from the end of what is settled on.
    pub(super) fn tokens(&self) -> impl Iterator<Item = TokenId> {
        self.waiting.iter().map(|waiting| waiting.draft.token)
    }

    /// The same, with what is known of them.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter()
    }

    /// The last token that was drafted.
    pub(super) fn last(&self) -> Option<TokenId> {
        self.waiting.back().map(|waiting| waiting.draft.token)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The chance that all drafts from the one at `from` on are right.
    pub(super) fn run(&self, from: usize) -> f64 {
        self.waiting.iter().skip(from).map(|waiting| waiting.acceptance).product()
    }

    /// How many of them are shown already.
    pub(super) const fn shown(&self) -> usize {
        self.shown
    }

    /// How many of them were sent.
    pub(super) const fn sent(&self) -> usize {
        self.sent
    }

    /// Chunks under way.
    pub(super) fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// Whether the device said that it has nothing to draft after a text of `length` tokens.
    pub(super) fn is_dry(&self, length: usize) -> bool {
        self.dry == Some(length)
    }

    /// The wish for the next draft, after `settled` tokens.
    pub(super) fn wish(&self, settled: usize) -> Wish {
        Wish { after: self.len(), settled, branch: self.branch }
    }

    /// Whether `wish` is still the next one: words that equal drafts settle them and leave the text
    /// behind them as it is.
    pub(super) fn wants(&self, wish: Wish, settled: usize) -> bool {
        self.is_same_branch(wish) && wish.settled + wish.after == settled + self.len()
    }

    /// Whether the branch that `wish` is about still stands.
    pub(super) const fn is_same_branch(&self, wish: Wish) -> bool {
        wish.branch == self.branch
    }

    /// Begins anew with `tokens`, which were shown already; each is right with the chance `acceptance`.
    pub(super) fn put_shown(&mut self, tokens: &[TokenId], acceptance: f64) {
        self.leave();
        for token in tokens.iter().copied() {
            let (origin, confidence, took) = (Origin::Model, 1.0, Duration::ZERO);
            self.push(Drafted { token, origin, confidence, took }, acceptance);
        }
        self.shown = tokens.len();
    }

    pub(super) fn push(&mut self, draft: Drafted, acceptance: f64) {
        self.waiting.push_back(Waiting { draft, acceptance });
    }

    /// There is nothing to draft after a text of `length` tokens.
    pub(super) const fn run_dry(&mut self, length: usize) {
        self.dry = Some(length);
    }

    /// Takes `count` of what was not sent, for a chunk after `settled` tokens.
    pub(super) fn send(&mut self, settled: usize, count: usize) -> Vec<TokenId> {
        let chunk: Vec<_> = self.tokens().skip(self.sent).take(count).collect();
        if self.sent >= self.shown {
            self.tally.sent += chunk.len() as u64;
            self.tally.chunks += 1;
        }
        self.sent += chunk.len();
        self.chunks.push_back(settled + self.sent);
        chunk
    }

    /// The chunks under way are lost: everything is to be sent again.
    pub(super) fn unsend(&mut self) {
        self.sent = 0;
        self.chunks.clear();
    }

    /// The first `count` drafts are what the target says.
    pub(super) fn accept(&mut self, count: usize) -> Vec<TokenId> {
        self.sent = self.sent.saturating_sub(count);
        self.shown = self.shown.saturating_sub(count);
        self.waiting.drain(..count).map(|waiting| waiting.draft.token).collect()
    }

    /// The first `count` drafts saved the target a pass each; those that were shown cost none.
    pub(super) const fn credit(&mut self, count: usize) {
        self.tally.useful += count.saturating_sub(self.shown) as u64;
    }

    /// The target says `token` by itself. Whether that is a draft that was sent; another one ends the
    /// branch.
    pub(super) fn hear(&mut self, token: TokenId) -> bool {
        let was_sent = self.sent > 0;
        let right = self.waiting.front().is_some_and(|first| first.draft.token == token);
        match right {
            true => drop(self.accept(1)),
            false => self.leave(),
        }
        right && was_sent
    }

    /// What became of the branch so far, which is counted anew from here.
    pub(super) fn take_tally(&mut self) -> BranchTally {
        std::mem::take(&mut self.tally)
    }

    /// What stands before `settled` is said: chunks that end there are no longer under way.
    pub(super) fn settle(&mut self, settled: usize) {
        while self.chunks.front().is_some_and(|end| *end <= settled) {
            self.chunks.pop_front();
        }
    }

    /// Gives the branch up; its drafts, which the device may say itself, up to the first that is not
    /// its model's. Those that are shown are said.
    pub(super) fn take(&mut self) -> Vec<TokenId> {
        let by_model = |waiting: &&Waiting| waiting.draft.origin == Origin::Model;
        let own = self.waiting.iter().skip(self.shown).take_while(by_model);
        let own = own.map(|waiting| waiting.draft.token).collect();
        self.leave();
        own
    }

    fn leave(&mut self) {
        self.branch = self.branch.wrapping_add(1);
        self.dry = None;
        self.shown = 0;
        self.waiting.clear();
        self.unsend();
    }
}
