//! Other stages read the text while the present ones go on: nobody waits for a prefill when a request takes
//! another route.
//!
//! ```text
//!  Opening ── handle_opened ──▶ Reading ─┐ all but a moment's rows are run
//!     │                           │      └────────────────────────────────▶ warm: Drafter::switch_to
//!     └── handle_fault ──▶ Refused ◀┘
//! ```
//!
//! It asks nothing: its passes are only acknowledged. The text grows meanwhile, and so it is read in
//! stretches, each shorter than the one before.

use super::upload::TOLD_ROWS_MAX;
use super::{AfterOutage, Drafter, Route};
use crate::{Epoch, Fault, FaultKind, Message, Opened, Pass, SessionId, Verdict};
use base::Position;
use std::collections::VecDeque;
use std::ops::Range;

/// Rows that the stages take in within a moment.
const ROWS_SHORT: usize = 16;

/// The most rows of a pass: the present stages' words may have to wait for it, on the same machine.
const ROWS_MAX: usize = 32;

/// Passes under way: one is run while the next is on its way.
const UNDER_WAY_MAX: usize = 2;

/// A session that is being prepared for another route.
#[derive(Debug)]
pub struct WarmUp {
    pub(super) route: Route,
    pub(super) session: SessionId,
    epoch: Epoch,
    /// How many leading tokens the stages are told of.
    told: usize,
    state: State,
    outbox: VecDeque<Message>,
}

#[derive(Debug)]
enum State {
    Opening,
    Reading(Reading),
    Refused(String),
}

#[derive(Debug, Default)]
struct Reading {
    /// Rows before it were sent.
    sent: usize,
    /// Rows before it were run, or known.
    run: usize,
    /// Before it the stages are told of the text, a pass at a time.
    told: usize,
    /// The first stage that lacked some of what all were told says what it holds; those behind it may hold
    /// less, and have not been heard yet.
    unsure: bool,
    /// Where the passes that are under way end.
    under_way: VecDeque<usize>,
    /// Rows sent since all was run.
    stretch: usize,
    warm: bool,
}

impl Drafter {
    /// Begins to have `route` read the text, in a session of its own: `session` is new to its stages. They may
    /// know the KV of the first `told` tokens, which end with a block: of these they are told, and sent rows
    /// only where they do not. Words that may be taken back meanwhile are left out.
    ///
    /// # Panics
    ///
    /// Where `route` has no stages, the log has fewer tokens, or as [`Self::switch`].
    pub fn warm_up(&mut self, route: Route, session: SessionId, told: Position) -> WarmUp {
        assert!(told <= self.log.end(), "nobody is told what is not said");
        assert!(!route.is_local(), "a route without stages needs no preparation");
        route.check(self.config.pass_rows_max);
        let epoch = self.new_epoch();
        let open = self.open(session, epoch, &route.stages, 0);
        let outbox = VecDeque::from([Message::Open(open)]);
        let told = told.index().min(self.lasting());
        WarmUp { route, session, epoch, told, state: State::Opening, outbox }
    }

    /// How much of the log nobody is going to take back.
    fn lasting(&self) -> usize {
        match self.config.after_outage {
            AfterOutage::Keep => self.log.len(),
            AfterOutage::Revise => self.judged_to,
        }
    }
}

impl WarmUp {
    /// Whether the stages have read all but a moment's rows.
    pub const fn is_warm(&self) -> bool {
        matches!(self.state, State::Reading(Reading { warm: true, .. }))
    }

    /// Why they will not, once they have said so.
    pub fn refused(&self) -> Option<&str> {
        match &self.state {
            State::Refused(why) => Some(why),
            State::Opening | State::Reading(_) => None,
        }
    }

    /// The next message for the first of the stages. The shell attaches hidden states to a [`Pass`], as with
    /// those of the drafter.
    pub fn poll_transmit(&mut self) -> Option<Message> {
        self.outbox.pop_front()
    }

    /// The stages are there: sends them the log.
    pub fn handle_opened(&mut self, drafter: &Drafter, opened: &Opened) {
        if opened.epoch == self.epoch && matches!(self.state, State::Opening) {
            let reading = Reading { told: self.told, ..Reading::default() };
            self.state = State::Reading(reading);
            self.read_on(drafter);
        }
    }

    /// What was sent so far has been run up to here.
    pub fn handle_verdict(&mut self, drafter: &Drafter, verdict: &Verdict) {
        let State::Reading(reading) = &mut self.state else { return };
        if verdict.epoch != self.epoch {
            return;
        }
        let ends_stretch = !reading.unsure;
        while let Some(end) = reading.under_way.pop_front_if(|end| *end <= verdict.from.index()) {
            (reading.run, reading.unsure) = (end, false);
        }
        if reading.under_way.is_empty() {
            let left = drafter.lasting() - reading.sent;
            reading.warm |= left <= ROWS_SHORT;
            if ends_stretch {
                let stretch = std::mem::take(&mut reading.stretch);
                // What was told was no stretch.
                reading.warm |= stretch > 0 && left * 2 > stretch;
            }
        }
        self.read_on(drafter);
    }

    /// The stages do not know all that they were told, or cannot or will not go on.
    pub fn handle_fault(&mut self, drafter: &Drafter, fault: &Fault) {
        if fault.epoch != self.epoch {
            return;
        }
        match (&mut self.state, fault.kind) {
            (State::Reading(reading), FaultKind::Gap { held, prefix })
                if reading.may_lack(held) && drafter.log.hash(held.index()) == Some(prefix) =>
            {
                let run = held.index();
                *reading = Reading { sent: run, run, unsure: run > 0, ..Reading::default() };
                self.read_on(drafter);
            }
            _ => self.state = State::Refused(fault.detail.clone()),
        }
    }

    /// How many leading tokens they hold.
    pub(super) const fn held(&self) -> usize {
        match &self.state {
            State::Reading(reading) => reading.run,
            State::Opening | State::Refused(_) => 0,
        }
    }

    fn read_on(&mut self, drafter: &Drafter) {
        let State::Reading(reading) = &mut self.state else { return };
        if reading.run < reading.told {
            // One at a time: of what follows one that is not known, none is.
            if reading.under_way.is_empty() {
                let (base, end) = (reading.sent, reading.told.min(reading.sent + TOLD_ROWS_MAX));
                self.outbox.push_back(Message::Pass(pass_of(drafter, self.epoch, base..end, true)));
                reading.sent = end;
                reading.under_way.push_back(end);
            }
            return;
        }
        let (all, rows_max) = (drafter.lasting(), drafter.config.pass_rows_max.min(ROWS_MAX));
        // Each pass behind a gap would be told as another one.
        let under_way_max = if reading.unsure { 1 } else { UNDER_WAY_MAX };
        while !reading.warm && reading.under_way.len() < under_way_max {
            let (base, end) = (reading.sent, all.min(reading.sent + rows_max));
            let is_full = end - base == rows_max;
            if end == base || !(is_full || reading.under_way.is_empty()) {
                return;
            }
            reading.sent = end;
            reading.stretch += end - base;
            reading.under_way.push_back(end);
            self.outbox.push_back(Message::Pass(pass_of(drafter, self.epoch, base..end, false)));
        }
    }
}

impl Reading {
    /// Whether there may be a stage that holds no more than that: one that is told of what it may know, or
    /// one behind a stage that knew more.
    fn may_lack(&self, held: Position) -> bool {
        let is_told = self.run < self.told && !self.under_way.is_empty();
        is_told || (self.unsure && held.index() < self.run)
    }
}

/// A pass of the log that asks nothing.
fn pass_of(drafter: &Drafter, epoch: Epoch, rows: Range<usize>, told: bool) -> Pass {
    let prefix = drafter.log.hash(rows.start).expect("it stands within the log");
    let tokens = &drafter.log.tokens()[rows.clone()];
    Pass { told, ..Pass::unasked(epoch, rows.start, prefix, tokens) }
}
