//! A stage in the middle of one session's chain: passes go up, verdicts come down.
//!
//! ```text
//!            handle_pass           poll_work             handle_output
//!   below ──────────────▶ queued ───────────▶ one Work ───────────────▶ Pass to above, waiting
//!   below ◀────────────────────────────────────────────────────────────  handle_verdict
//! ```
//!
//! Where the head is below, the stage with the last layer is where the chain turns: its passes go down, and
//! the head's verdicts come up to it. A stage before it lets both through.
//!
//! # Invariants
//!
//! - **Passes leave in the order they came**, each with the rows of its own tokens.
//! - **At most [`limits::PASSES_IN_FLIGHT_MAX`] passes** are queued, running or waiting for a verdict.
//! - **`held` is the text whose KV this stage has**: a pass's base cuts it, its tokens extend it, and
//!   a pass past its end is answered with a gap instead of being run.
//! - **Nothing of an older epoch leaves**, in either direction.
//! - **Nothing here depends on time.**

mod config;
mod flight;
mod known;
mod returning;

#[cfg(test)]
mod tests;

use crate::branch::Tip;
use crate::error::PeerMisbehaved;
use crate::verifier::FORGOTTEN;
use crate::{
    Close, Epoch, Fault, FaultKind, Frame, Hidden, HiddenRows, Kind, Message, Open, Opened, Pass,
    PrefixHash, Rollback, Transcript, Verdict, limits,
};
use base::{Position, TokenId};
use bytes::Bytes;
pub use config::HopsConfig;

use flight::Flight;
use std::collections::VecDeque;

/// Which neighbour a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Away from the device.
    Up,
    /// Towards the device.
    Down,
}

/// One forward pass through this stage's layers. Each is answered by exactly one
/// [`Hops::handle_output`], [`Hops::handle_refused`], [`Hops::handle_forgotten`] or
/// [`Hops::handle_abandoned`], also where the session was reopened meanwhile; one that is told by
/// [`Hops::handle_known`] in the place of the first.
#[derive(Debug, Clone, PartialEq)]
pub struct HopWork {
    /// First truncate the session's KV to this length.
    pub truncate_to: Position,
    /// Row `i` stands at position `truncate_to + i`. Never empty.
    pub tokens: Vec<TokenId>,
    /// Their hidden states, where the stage starts above the embedding; behind the last layer, of the last
    /// of them.
    pub hidden: Option<HiddenRows>,
    /// Nothing is run: the rows are to be taken from KV that is known of this text.
    pub told: bool,
    /// How many of the last rows leave: the output is wanted of no others.
    pub leaving: usize,
}

/// A stage in the middle of one session's chain.
#[derive(Debug)]
pub struct Hops {
    config: HopsConfig,
    state: State,
    epoch: Epoch,
    positions_max: u32,
    held: Transcript,
    /// What is held from here on is drafts, or was when it came.
    drafts_from: usize,
    flight: Flight,
    /// The end of the last branch of drafts that the target contradicted.
    abandoned: Option<Tip>,
    outbox: VecDeque<(Side, Frame)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No `Open` yet: nothing else is allowed.
    Fresh,
    /// Asked above how much it holds; below waits for the answer.
    Opening {
        /// As asked.
        have: Position,
    },
    /// The chain stands.
    Open,
    /// Nothing is above: every pass is answered with that, until the session is opened again. Below
    /// may have missed the first word of it, or dropped it as one of an older epoch.
    Cut,
}

impl Hops {
    /// A session that is not opened yet.
    pub fn new(config: HopsConfig) -> Self {
        Self {
            config,
            state: State::Fresh,
            epoch: Epoch::default(),
            positions_max: 0,
            held: Transcript::default(),
            drafts_from: 0,
            flight: Flight::default(),
            abandoned: None,
            outbox: VecDeque::new(),
        }
    }

    /// How many leading tokens have their KV here, counting a work that is running.
    pub fn held(&self) -> Position {
        self.held.end()
    }

    /// The text whose KV is held here, counting a work that is running.
    pub fn text(&self) -> &[TokenId] {
        self.held.tokens()
    }

    /// The newest epoch seen.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How many passes are queued, running or waiting for a verdict.
    pub fn in_flight(&self) -> usize {
        self.flight.len()
    }

    /// From below: begins or resumes the session. The stages above are asked for no more than is held
    /// here; where there are none, what is held is the answer. Ignored where it is of an older epoch.
    pub fn handle_open(&mut self, mut open: Open) {
        if self.state != State::Fresh && open.epoch < self.epoch {
            return;
        }
        self.start(open.epoch);
        self.positions_max = open.positions_max;
        open.have = open.have.min(self.held.end());
        if self.config.turns() {
            return self.answer_open(&open);
        }
        open.stages = open.stages.split_off(open.stages.len().min(1));
        self.state = State::Opening { have: open.have };
        self.send(Side::Up, Message::Open(open));
    }

    /// From above: what the chain above holds. Ignored where it answers another `Open`.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::HeldTooMuch`] where it is more than was asked for.
    pub fn handle_opened(&mut self, opened: &Opened) -> Result<(), PeerMisbehaved> {
        let State::Opening { have } = self.state else { return Ok(()) };
        if opened.epoch != self.epoch {
            return Ok(());
        }
        if opened.held > have {
            return Err(PeerMisbehaved::HeldTooMuch { held: opened.held, asked: have });
        }
        let same = self.held.hash(opened.held.index()) == Some(opened.prefix);
        let (held, prefix) = if same {
            (opened.held, opened.prefix)
        } else {
            (Position::default(), PrefixHash::EMPTY)
        };
        self.state = State::Open;
        self.send(Side::Down, Message::Opened(Opened { held, prefix, ..*opened }));
        Ok(())
    }

    /// From below: queues a pass. One of an older epoch is dropped.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved`] where the pass breaks the session's rules; the session is to be ended.
    pub fn handle_pass(&mut self, pass: Pass, payload: Bytes) -> Result<(), PeerMisbehaved> {
        if self.state == State::Fresh {
            return Err(PeerMisbehaved::OutOfTurn { kind: Kind::Pass });
        }
        self.check_pass(&pass)?;
        if pass.epoch < self.epoch {
            return Ok(());
        }
        if pass.epoch > self.epoch {
            self.start(pass.epoch);
        }
        if self.state == State::Cut {
            self.report_cut();
            return Ok(());
        }
        let (waiting, limit) = (self.flight.len() + 1, limits::PASSES_IN_FLIGHT_MAX);
        let admitted = self.flight.admit(pass, payload);
        if admitted { Ok(()) } else { Err(PeerMisbehaved::TooManyPasses { waiting, limit }) }
    }

    /// From below: stops and cuts the text, here and above. Ignored where it is of an older epoch.
    pub fn handle_rollback(&mut self, rollback: Rollback) {
        if rollback.epoch >= self.epoch {
            self.start(rollback.epoch);
            self.held.truncate(rollback.to.index());
            self.send_up(Message::Rollback(rollback));
        }
    }

    /// From below: the session ends, here and above.
    pub fn handle_close(&mut self) {
        self.flight.void();
        self.state = State::Cut;
        self.send_up(Message::Close(Close {}));
    }

    /// From where the head is: goes on as it is, and frees the credit of what it answers. Drafts that it
    /// contradicts, and what builds on them, are not run any more. One of an older epoch is dropped.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::OutOfTurn`] where the head is on the other side.
    pub fn handle_verdict(&mut self, from: Side, verdict: Verdict) -> Result<(), PeerMisbehaved> {
        if from != self.config.head {
            return Err(PeerMisbehaved::OutOfTurn { kind: Kind::Verdict });
        }
        if verdict.epoch == self.epoch {
            self.flight.answered(verdict.at());
            if let Some(own) = verdict.tokens.first() {
                self.hear(verdict.at().index(), *own);
            }
            match from {
                Side::Up => self.send(Side::Down, Message::Verdict(verdict)),
                Side::Down => self.send_up(Message::Verdict(verdict)),
            }
        }
        Ok(())
    }

    /// From above: goes down as it is. One of an older epoch is dropped.
    pub fn handle_fault(&mut self, fault: Fault) {
        if fault.epoch == self.epoch {
            self.flight.void();
            self.send(Side::Down, Message::Fault(fault));
        }
    }

    /// The link up is lost: below is told, and has to open again.
    pub fn handle_upstream_lost(&mut self) {
        self.flight.void();
        if !matches!(self.state, State::Fresh | State::Cut) {
            self.state = State::Cut;
            self.report_cut();
        }
    }

    /// The next forward pass to run, if any. `None` while one runs.
    pub fn poll_work(&mut self) -> Option<HopWork> {
        while let Some((pass, payload)) = self.flight.next() {
            let base = pass.base.index();
            if let Some(tip) = self.abandoned.filter(|tip| tip.continues(base, pass.prefix)) {
                self.abandoned = Some(tip.after(&pass.tokens));
                continue;
            }
            if self.held.hash(base).is_none_or(|hash| hash.check() != pass.prefix) {
                self.report_gap(&pass);
                continue;
            }
            if pass.told {
                match self.look_up(pass) {
                    Some(work) => return Some(work),
                    None => continue,
                }
            }
            self.held.truncate(base);
            self.held.extend(&pass.tokens);
            let drafts_from = pass.end().index() - pass.drafts as usize;
            let continues = drafts_from == base;
            self.drafts_from = if continues { self.drafts_from.min(base) } else { drafts_from };
            let leaving = self.config.leaving(&pass);
            if self.config.behind_layers && leaving == 0 {
                self.flight.run(pass);
                self.pass_on();
                continue;
            }
            let work = HopWork {
                truncate_to: pass.base,
                tokens: pass.tokens.clone(),
                hidden: pass.hidden.map(|hidden| HiddenRows {
                    codec: hidden.codec,
                    width: hidden.width,
                    rows: if self.config.behind_layers { leaving } else { pass.tokens.len() },
                    skip: 0,
                    payload,
                }),
                told: false,
                leaving,
            };
            self.flight.run(pass);
            return Some(work);
        }
        None
    }

    /// The shell ran the work: `payload` holds the output of its [`HopWork::leaving`] rows in the
    /// session's codec.
    ///
    /// # Panics
    ///
    /// Where no work is running, or `payload` is longer than a frame may carry.
    pub fn handle_output(&mut self, payload: Bytes) {
        let Some(mut pass) = self.flight.ran() else { return };
        assert!(!pass.told, "a told work is not run");
        let bytes = u32::try_from(payload.len()).expect("rows of one pass fit a frame");
        let HopsConfig { writes: codec, width, .. } = self.config;
        pass.hidden = (self.config.leaving(&pass) > 0).then_some(Hidden { codec, width, bytes });
        let onward = self.config.onward();
        self.outbox.push_back((onward, Frame { message: Message::Pass(pass), payload }));
    }

    /// The shell could not run the work: no room for its KV, or a payload that is not of its codec.
    /// Below is told, and the text is cut to where the work began.
    ///
    /// # Panics
    ///
    /// Where no work is running.
    pub fn handle_refused(&mut self, kind: FaultKind, detail: &str, retry_after_ms: Option<u32>) {
        let start = self.flight.running_from();
        self.flight.void();
        self.flight.give_up();
        self.held.truncate(start.index());
        self.fault(kind, detail, retry_after_ms);
    }

    /// The shell could not run the work because the session's KV does not reach back so far, and
    /// forgot the rest: nothing is held now. Below is told of the gap, and sends its text again.
    ///
    /// # Panics
    ///
    /// Where no work is running.
    pub fn handle_forgotten(&mut self) {
        self.flight.void();
        self.flight.give_up();
        self.held.truncate(0);
        let kind = FaultKind::Gap { held: Position::default(), prefix: PrefixHash::EMPTY };
        self.fault(kind, FORGOTTEN, None);
    }

    /// The shell gave the work up, because it is obsolete, or because the session is over. The text is
    /// cut to where the work began, and nothing goes up.
    ///
    /// # Panics
    ///
    /// Where no work is running.
    pub fn handle_abandoned(&mut self) {
        let start = self.flight.running_from();
        self.flight.give_up();
        self.held.truncate(start.index());
    }

    /// Whether a work is running of which nothing is of use any more: it is void, and the text was cut
    /// to where it began, or before.
    pub fn is_obsolete(&self) -> bool {
        self.flight.void_from().is_some_and(|from| self.held.len() <= from.index())
    }

    /// The next frame for a neighbour.
    pub fn poll_transmit(&mut self) -> Option<(Side, Frame)> {
        self.outbox.pop_front()
    }

    /// What was asked for before is void.
    fn start(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        self.abandoned = None;
        self.flight.void();
    }

    /// The target says `own` at `at`: a branch with another draft there is left. The device has not
    /// heard it yet, so that all that is in flight behind it is of that branch. What was said without
    /// the target stays, whatever it says now.
    fn hear(&mut self, at: usize, own: TokenId) {
        let held = self.held.hash(self.held.len()).expect("every held prefix has its hash");
        let tip = Tip::new(self.held.len(), held);
        let differs = at >= self.drafts_from && self.held.get(at).is_some_and(|token| token != own);
        if let Some(tip) = self.flight.leave(tip, differs, at, own) {
            self.abandoned = Some(tip);
            self.held.truncate(at);
        }
    }

    fn send(&mut self, side: Side, message: Message) {
        self.outbox.push_back((side, Frame::from(message)));
    }

    fn fault(&mut self, kind: FaultKind, detail: &str, retry_after_ms: Option<u32>) {
        let fault = Fault::on_session(self.epoch, kind, detail);
        self.send(Side::Down, Message::Fault(Fault { retry_after_ms, ..fault }));
    }

    fn report_cut(&mut self) {
        self.fault(FaultKind::Unavailable, "the next stage is out of reach", None);
    }

    fn report_gap(&mut self, pass: &Pass) {
        let held = pass.base.min(self.held.end());
        let prefix = self.held.hash(held.index()).expect("every held prefix has its hash");
        let detail = format!("pass builds on {} tokens, {held} of them are held", pass.base);
        self.fault(FaultKind::Gap { held, prefix }, &detail, None);
    }

    fn check_pass(&self, pass: &Pass) -> Result<(), PeerMisbehaved> {
        let (end, positions_max) = (pass.end(), self.positions_max);
        if end.0 > positions_max {
            return Err(PeerMisbehaved::PastSession { end, positions_max });
        }
        let wrong = |expected| Err(PeerMisbehaved::WrongInput { expected });
        if pass.tokens.is_empty() || pass.extend > 0 {
            return wrong("rows of its own, and no extension, where layers are split");
        }
        if pass.told && !pass.may_be_told() {
            return wrong("nothing but settled tokens in a told pass");
        }
        let nothing_chosen = self.config.behind_layers && pass.chosen_rows() == 0;
        match (self.config.reads, pass.hidden) {
            (None, None) => Ok(()),
            (None, Some(_)) => wrong("tokens without hidden states"),
            (Some(_), None) if pass.told || nothing_chosen => Ok(()),
            (Some(_), None) => wrong("hidden states"),
            (Some(_), Some(_)) if nothing_chosen => {
                wrong("no hidden states, where none are chosen from")
            }
            (Some(codec), Some(hidden)) => {
                if (hidden.codec, hidden.width) == (codec, self.config.width) {
                    Ok(())
                } else {
                    wrong("hidden states of the session's codec and width")
                }
            }
        }
    }
}
