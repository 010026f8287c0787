//! What the device drafted beyond its log and nobody has judged yet.
//!
//! ```text
//!  log: ... ┆ sent (in chunks) ......... │ not sent yet ...
//!           ▲ log's end
//! ```
//!
//! The target's words take drafts from the front while they equal them. The first that differs ends
//! the *branch*: all of it is gone, and drafting begins anew from the log's end.

use base::TokenId;
use std::collections::VecDeque;

/// The device is asked to draft one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// How many drafts stand between the log's end and it.
    pub(super) after: usize,
    /// The log's length.
    pub(super) log: usize,
    pub(super) branch: u32,
}

#[derive(Debug, Default)]
pub(super) struct Ahead {
    tokens: VecDeque<TokenId>,
    sent: usize,
    /// Chunks of this branch that are under way: the positions where they end.
    chunks: VecDeque<usize>,
    branch: u32,
    /// The device had nothing to draft after so many tokens.
    dry: Option<usize>,
}

impl Ahead {
    /// The drafts, from the log's end on.
    pub(super) const fn tokens(&self) -> &VecDeque<TokenId> {
        &self.tokens
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
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

    /// The wish for the next draft, after a log of `log` tokens.
    pub(super) fn wish(&self, log: usize) -> Wish {
        Wish { after: self.len(), log, branch: self.branch }
    }

    /// Whether `wish` is still the next one: words that equal drafts move the log's end and leave the
    /// text behind it as it is.
    pub(super) fn wants(&self, wish: Wish, log: usize) -> bool {
        self.is_same_branch(wish) && wish.log + wish.after == log + self.len()
    }

    /// Whether the branch that `wish` is about still stands.
    pub(super) const fn is_same_branch(&self, wish: Wish) -> bool {
        wish.branch == self.branch
    }

    pub(super) fn push(&mut self, token: TokenId) {
        self.tokens.push_back(token);
    }

    /// There is nothing to draft after a text of `length` tokens.
    pub(super) const fn run_dry(&mut self, length: usize) {
        self.dry = Some(length);
    }

    /// Takes what was not sent, for a chunk after a log of `log` tokens.
    pub(super) fn send(&mut self, log: usize) -> Vec<TokenId> {
        let chunk: Vec<_> = self.tokens.iter().skip(self.sent).copied().collect();
        self.sent = self.tokens.len();
        self.chunks.push_back(log + self.sent);
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
        self.tokens.drain(..count).collect()
    }

    /// The target says `token` by itself. Whether that is a draft that was sent; another one ends the
    /// branch.
    pub(super) fn hear(&mut self, token: TokenId) -> bool {
        let (was_sent, right) = (self.sent > 0, self.tokens.front() == Some(&token));
        match right {
            true => drop(self.accept(1)),
            false => self.leave(),
        }
        right && was_sent
    }

    /// What stands before `log` is said: chunks that end there are no longer under way.
    pub(super) fn settle(&mut self, log: usize) {
        while self.chunks.front().is_some_and(|end| *end <= log) {
            self.chunks.pop_front();
        }
    }

    /// Gives the branch up; its drafts, which the device may say itself.
    pub(super) fn take(&mut self) -> Vec<TokenId> {
        let drafts = self.tokens.iter().copied().collect();
        self.leave();
        drafts
    }

    fn leave(&mut self) {
        self.branch = self.branch.wrapping_add(1);
        self.dry = None;
        self.tokens.clear();
        self.unsend();
    }
}
