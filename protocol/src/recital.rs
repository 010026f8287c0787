//! A text that is read to stages in a session of its own, for its KV alone: nothing is asked.
//!
//! ```text
//!  Opening ── handle_opened ──▶ Reading ── all acknowledged ──▶ read
//!     └──────── handle_fault ──────┴──▶ Refused
//! ```

use crate::{Fault, Message, Open, Opened, Pass, Transcript, Verdict};
use base::{Position, TokenId};
use std::collections::VecDeque;

/// Passes under way: one is run while the next ones are on their way.
const UNDER_WAY_MAX: usize = 4;

/// A text that is being read.
#[derive(Debug)]
pub struct Recital {
    open: Open,
    text: Transcript,
    rows_max: usize,
    state: State,
    outbox: VecDeque<Message>,
}

#[derive(Debug)]
enum State {
    Opening,
    Reading {
        /// Rows before it were sent.
        sent: usize,
        /// Rows before it were run.
        run: usize,
        /// Where the passes that are under way end.
        under_way: VecDeque<usize>,
    },
    Refused(String),
}

impl Recital {
    /// Of `tokens`, in the session that `open` begins, in passes of up to `rows_max` rows.
    ///
    /// # Panics
    ///
    /// Where `rows_max` is 0.
    pub fn new(open: Open, tokens: &[TokenId], rows_max: usize) -> Self {
        assert!(rows_max > 0, "a pass has rows");
        let mut text = Transcript::default();
        text.extend(tokens);
        let open = Open { have: Position(0), ..open };
        let outbox = VecDeque::from([Message::Open(open.clone())]);
        Self { open, text, rows_max, state: State::Opening, outbox }
    }

    /// Whether the stages hold the KV of all of it.
    pub fn is_read(&self) -> bool {
        matches!(self.state, State::Reading { run, .. } if run == self.text.len())
    }

    /// Why they will not, once they have said so.
    pub fn refused(&self) -> Option<&str> {
        match &self.state {
            State::Refused(why) => Some(why),
            State::Opening | State::Reading { .. } => None,
        }
    }

    /// The next message for the first of the stages, which reads tokens.
    pub fn poll_transmit(&mut self) -> Option<Message> {
        self.outbox.pop_front()
    }

    /// The stages are there.
    pub fn handle_opened(&mut self, opened: &Opened) {
        if opened.epoch == self.open.epoch && matches!(self.state, State::Opening) {
            self.state = State::Reading { sent: 0, run: 0, under_way: VecDeque::new() };
            self.read_on();
        }
    }

    /// What was sent so far has been run up to here.
    pub fn handle_verdict(&mut self, verdict: &Verdict) {
        let State::Reading { run, under_way, .. } = &mut self.state else { return };
        if verdict.epoch != self.open.epoch {
            return;
        }
        while let Some(end) = under_way.pop_front_if(|end| *end <= verdict.from.index()) {
            *run = end;
        }
        self.read_on();
    }

    /// The stages cannot, or will not.
    pub fn handle_fault(&mut self, fault: &Fault) {
        if fault.epoch == self.open.epoch {
            self.outbox.clear();
            self.state = State::Refused(fault.detail.clone());
        }
    }

    fn read_on(&mut self) {
        let State::Reading { sent, under_way, .. } = &mut self.state else { return };
        while *sent < self.text.len() && under_way.len() < UNDER_WAY_MAX {
            let (base, end) = (*sent, self.text.len().min(*sent + self.rows_max));
            *sent = end;
            under_way.push_back(end);
            let prefix = self.text.hash(base).expect("it stands within the text");
            let tokens = &self.text.tokens()[base..end];
            let pass = Pass::unasked(self.open.epoch, base, prefix, tokens);
            self.outbox.push_back(Message::Pass(pass));
        }
    }
}

#[cfg(test)]
mod tests;
