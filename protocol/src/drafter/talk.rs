//! What a [`Drafter`] sends while the target has its log: chunks of drafts, renewals, and questions
//! where there is nothing to draft.

use super::route::{Chain, Route};
use super::upload::IN_FLIGHT_MAX;
use super::{Drafter, State};
use crate::{Draft, Message, Pass, PrefixHash, limits};
use base::{DraftLength, Position};

impl Drafter {
    /// Sends what is due.
    pub(super) fn talk(&mut self) {
        self.send_drafts();
        if matches!(self.state, State::Talking) {
            self.renew();
            if !self.is_owed() && self.wish().is_none() {
                self.ask();
            }
        }
    }

    /// Whether the target owes us words.
    pub(super) fn is_owed(&self) -> bool {
        let rows_out = self.config.route.chain() == Chain::Staged && self.rows_to >= self.settled();
        self.asked || rows_out || self.ahead.sent() > 0 || self.until > self.settled()
    }

    /// The position before which the target may go on alone.
    pub(super) fn most(&self) -> usize {
        let room = self.room() + self.ahead.shown();
        self.settled() + room.min(self.config.route.extend as usize)
    }

    /// Whether drafts may follow what was sent: at once, but after a gap only when the target has
    /// answered.
    pub(super) fn may_send_drafts(&self) -> bool {
        match &self.state {
            State::Talking => true,
            State::Uploading(upload) => upload.is_complete() && self.gaps == 0,
            State::Opening { .. } | State::Alone | State::Finished(_) => false,
        }
    }

    /// Sends the chunks that are due.
    fn send_drafts(&mut self) {
        while let Some(count) = self.chunk_due() {
            self.counts.drafted += count as u64;
            let message = match self.config.route.chain() {
                Chain::Direct => Message::Draft(self.draft(count)),
                Chain::Staged => Message::Pass(self.staged_pass(count)),
            };
            let end = self.settled() + self.ahead.sent();
            self.rows_to = end;
            if self.granted > 0 {
                self.until = self.until.max(end + self.granted);
            }
            self.allow_after(end);
            self.outbox.push_back(message);
        }
    }

    /// How many drafts are to go out now: a chunk that is full, or where nothing more is to be drafted
    /// now. What was shown costs no drafting: as much of it as a chunk may have.
    fn chunk_due(&self) -> Option<usize> {
        let waiting = self.ahead.len() - self.ahead.sent();
        if waiting == 0 || !self.may_send_drafts() || !self.has_credit() {
            return None;
        }
        match self.ahead.shown().saturating_sub(self.ahead.sent()) {
            0 => (self.is_chunk_full(waiting) || self.wish().is_none()).then_some(waiting),
            shown => Some(shown.min(limits::DRAFTS_MAX).min(self.config.pass_rows_max - 1)),
        }
    }

    /// What ends at `end` is sent: the target may go on from there, and however passes, drafts and
    /// renewals overtook each other, never further than by the whole extension.
    pub(super) fn allow_after(&mut self, end: usize) {
        if self.config.route.extend > 0 {
            self.leave = self.leave.max(end + self.config.route.extend as usize);
        }
    }

    /// Whether another chunk may be under way.
    pub(super) fn has_credit(&self) -> bool {
        self.ahead.chunks() < self.config.route.chunks.min(IN_FLIGHT_MAX)
    }

    fn is_chunk_full(&self, length: usize) -> bool {
        match self.config.route.draft_length {
            DraftLength::Fixed(full) => length >= full as usize,
            DraftLength::Auto => {
                let run = self.ahead.run(self.ahead.sent());
                let length = u32::try_from(length).expect("a window has few drafts");
                let busy = self.ahead.sent() > 0;
                self.is_starving() || self.config.tuning.ends_chunk(length, run, busy)
            }
        }
    }

    /// Whether the target has nothing to do before a draft comes, and others may follow that one: the
    /// sooner it begins, the sooner it says what comes after a correction.
    fn is_starving(&self) -> bool {
        let Route { extend, chunks, .. } = self.config.route;
        self.ahead.sent() == 0 && extend == 0 && chunks > 1
    }

    fn draft(&mut self, count: usize) -> Draft {
        let base = self.settled() + self.ahead.sent();
        Draft {
            epoch: self.epoch,
            base: Position::after(base),
            prefix: self.hash(base).check(),
            tokens: self.ahead.send(self.settled(), count),
        }
    }

    /// Where layers are split every row comes from the device: the last settled token with the first
    /// chunk that follows it.
    fn staged_pass(&mut self, count: usize) -> Pass {
        let (base, settled) = (self.rows_to, self.settled());
        let prefix = self.hash(base).check();
        let mut tokens = self.log.tokens()[base.min(settled)..settled].to_vec();
        let drafts = self.ahead.send(settled, count);
        let count = u32::try_from(drafts.len()).expect("a window has few drafts");
        tokens.extend(drafts);
        Pass { tokens, drafts: count, ..self.question(base, prefix) }
    }

    /// Asks for the next token.
    fn ask(&mut self) {
        self.asked = true;
        let question = match self.config.route.chain() {
            Chain::Direct => {
                let most = self.most();
                self.empty_pass(true, most)
            }
            Chain::Staged => self.staged_pass(0),
        };
        self.rows_to = self.settled();
        self.outbox.push_back(Message::Pass(question));
    }

    /// Lets the target say more before it has said half of what it may.
    fn renew(&mut self) {
        let most = self.most();
        let left = self.until.saturating_sub(self.settled());
        if self.config.route.extend > 0
            && left <= self.config.route.extend as usize / 2
            && most > self.until
        {
            let pass = self.empty_pass(false, most);
            self.outbox.push_back(Message::Pass(pass));
        }
    }

    /// A pass without rows, after what is settled: asks, or only lets the target say more.
    fn empty_pass(&mut self, ask: bool, until: usize) -> Pass {
        let base = self.settled();
        (self.until, self.granted) = (until, until - base);
        self.allow_after(base);
        let extend = u32::try_from(self.granted).expect("an extension is small");
        Pass { ask, extend, ..self.question(base, self.hash(base).check()) }
    }

    fn question(&self, base: usize, prefix: crate::PrefixCheck) -> Pass {
        Pass {
            epoch: self.epoch,
            base: Position::after(base),
            prefix,
            tokens: Vec::new(),
            said: 0,
            drafts: 0,
            ask: true,
            extend: 0,
            told: false,
            hidden: None,
        }
    }

    /// Hash of the first `length` tokens of what is settled and the drafts that follow it.
    fn hash(&self, length: usize) -> PrefixHash {
        let known = length.min(self.settled());
        let hash = self.log.hash(known).expect("the log has the hash of its every prefix");
        let drafts: Vec<_> = self.ahead.tokens().take(length - known).collect();
        hash.extend(&drafts)
    }
}
