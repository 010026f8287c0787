//! The rows of the log that the target lacks, cut into passes; the last one asks.
//!
//! ```text
//!  log:   ...held │ settled ......... │ said ......... ┆ said, and to be revised
//!                 ▲ start             ▲ judged_to      ▲ end
//!  passes:        [ chunk ][ chunk ][ chunk ][ chunk, asks ]
//! ```
//!
//! A chunk that judges nothing only asks to be acknowledged. The one before the first judged token
//! leaves it a settled row, because the target chooses a token from the row before it.
//!
//! A device that was alone for long *speaks on* while the target catches up: what it says meanwhile goes up
//! in another stretch, shorter than the one before, until the last is a moment's work. Nobody waits in
//! silence for the target to read all of an outage.

use super::log::TokenLog;
use crate::{Epoch, Pass, limits};
use base::Position;
use std::collections::VecDeque;
use std::ops::Range;

/// Unanswered passes of one session: half of what a peer takes, so that a repeat finds room.
pub(super) const IN_FLIGHT_MAX: usize = limits::PASSES_IN_FLIGHT_MAX / 2;

/// Tokens of a pass that nobody runs: whole blocks, as only these are known.
pub(super) const TOLD_ROWS_MAX: usize = limits::PASS_ROWS_MAX / 32 * 32;

#[derive(Debug)]
pub(super) struct Upload {
    /// The first log position that was not sent yet.
    next: usize,
    /// Before it the stages are told of the text, and sent no rows.
    told: usize,
    /// Whether the last pass was sent.
    complete: bool,
    /// The device speaks on: no pass is the last.
    speaks: bool,
    /// Where the present stretch of one that speaks on began, and where it ends.
    stretch: Range<usize>,
    in_flight: VecDeque<Pass>,
}

/// What every pass of an upload has in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) epoch: Epoch,
    pub(super) rows_max: usize,
    /// Log positions before it are settled.
    pub(super) judged_to: usize,
    /// Log positions before it are sent: what follows, if anything, goes as drafts.
    pub(super) end: usize,
    /// The target may fill the positions before it alone; at most `end` where it may not.
    pub(super) until: usize,
}

impl Upload {
    /// Of the log from `start` on; the device speaks on where it `speaks`.
    pub(super) const fn new(start: usize, speaks: bool) -> Self {
        let in_flight = VecDeque::new();
        Self { next: start, told: 0, complete: false, speaks, stretch: start..start, in_flight }
    }

    /// The stages may know the KV of the log before `told`.
    pub(super) fn telling(self, told: usize) -> Self {
        Self { told, ..self }
    }

    /// Whether the device speaks on.
    pub(super) const fn speaks(&self) -> bool {
        self.speaks
    }

    /// Where a stretch is answered, and the device speaks on: how many rows of a log of `length` it has
    /// said meanwhile, and how many the stretch had.
    pub(super) fn stretches(&self, length: usize) -> Option<(usize, usize)> {
        let is_due = self.speaks && self.in_flight.is_empty() && self.next >= self.stretch.end;
        is_due.then(|| (length - self.next, self.stretch.len()))
    }

    /// The device falls silent: the next pass that reaches the log's end is the last. It begins at `from`
    /// at the latest.
    pub(super) fn fall_silent(&mut self, from: usize) {
        self.speaks = false;
        self.next = self.next.min(from);
    }

    /// Passes that were sent and not answered.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = &Pass> {
        self.in_flight.iter()
    }

    /// Whether the last pass was sent: what follows it may follow at once.
    pub(super) const fn is_complete(&self) -> bool {
        self.complete
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
        if self.next < self.told.min(terms.judged_to.saturating_sub(1)) {
            return Some(self.next_told(log, terms));
        }
        // Rows on the stream of hidden states would overtake it.
        if self.in_flight.iter().any(|pass| pass.told) {
            return None;
        }
        let all = if self.speaks { self.stretch_end(terms.end) } else { terms.end };
        if self.speaks && all == self.next {
            return None;
        }
        let mut end = all.min(self.next + terms.rows_max);
        if end == terms.judged_to && end < all {
            end -= 1;
        }
        self.complete = end == all && !self.speaks;
        let said = end.saturating_sub(self.next.max(terms.judged_to));
        let until = if self.complete { terms.until } else { 0 };
        let pass = Pass {
            epoch: terms.epoch,
            base: Position::after(self.next),
            prefix: log.hash(self.next).expect("an upload starts within the log").check(),
            tokens: log.tokens()[self.next..end].to_vec(),
            said: small(said),
            drafts: 0,
            ask: end > terms.judged_to || self.complete,
            extend: small(until.saturating_sub(end)),
            told: false,
            hidden: None,
        };
        self.next = end;
        self.in_flight.push_back(pass.clone());
        Some(pass)
    }

    /// The next pass of what the stages may know.
    fn next_told(&mut self, log: &TokenLog, terms: Terms) -> Pass {
        let (base, end) = (self.next, self.told.min(self.next + TOLD_ROWS_MAX));
        let prefix = log.hash(base).expect("an upload starts within the log");
        let tokens = &log.tokens()[base..end];
        let pass = Pass { told: true, ..Pass::unasked(terms.epoch, base, prefix, tokens) };
        // The row that the target chooses from is run, also where it is the last of a block that is known.
        self.next = end.min(terms.judged_to - 1);
        self.stretch = self.next..self.next;
        self.in_flight.push_back(pass.clone());
        pass
    }

    /// Where the present stretch ends, or the next one, which takes in all up to `end`, once that is
    /// answered.
    fn stretch_end(&mut self, end: usize) -> usize {
        if self.in_flight.is_empty() && self.next >= self.stretch.end {
            self.stretch = self.next..end;
        }
        self.stretch.end
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
