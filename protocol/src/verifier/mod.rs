//! The deciding stage of one session: what the target says, and which drafts it would have said.
//!
//! It remembers the text whose KV its stage holds, and every token it has chosen along that text.
//! A pass asks about positions. What memory can answer is answered at once; the rest becomes one
//! [`Work`] for the shell, from the first row whose choice is not known. The target's choice is a pure
//! function of the tokens before it, so that a choice stays true however often it is asked for.
//!
//! ```text
//!              handle_pass            poll_work                     handle_chosen
//!              handle_draft
//!   Idle ───────────────────▶ queued ───────────▶ running one Work ───────────────▶ verdict, Idle
//!    │                          │ all known: verdict at once
//!    │                          └ drafts that continue each other: one Work
//!    └──── extend left, nothing queued, patience over: poll_work gives one row more ◀────────┘
//! ```
//!
//! Within an epoch the target says every position once and in order, whether it took the device's
//! draft for it, corrected one, or went on alone: `spoken` is the end of that. Drafts of positions
//! that are said already are compared and not run; those of a branch that was contradicted are stale
//! and dropped.
//!
//! # Invariants
//!
//! - **Asking twice changes nothing.** A repeated pass is answered from memory, with the same words.
//! - **`choices[p]` is the target's word after `held[..p]`**, or not known. Cutting `held` at `n`
//!   forgets every choice past `n`; nothing else writes either.
//! - **Nothing of an older epoch is answered**, but what was computed for it stays true and is kept.
//! - **At most one work runs**, and at most [`limits::PASSES_IN_FLIGHT_MAX`] passes wait.
//! - **Time decides when the target goes on alone, never what it says.**

mod answer;
mod chosen;
mod cost;
mod head_alone;
mod known;
mod memory;
mod patience;
mod question;
mod take_up;

#[cfg(test)]
mod tests;

use crate::branch::Tip;
use crate::error::PeerMisbehaved;
use crate::{
    Constraint, Cost, Draft, Epoch, Fault, FaultKind, Kind, Message, Open, Opened, Pass,
    PrefixHash, Rollback, limits,
};
use base::{Position, Sampling, TokenId, WireCodec};
use bytes::Bytes;
pub use chosen::Chosen;
use cost::Told;
use memory::Memory;
use patience::Patience;
use question::{Purpose, Running};
use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

/// The detail of a gap that opens because KV was dropped.
pub(crate) const FORGOTTEN: &str = "the KV does not reach back to the pass; nothing is held now";

/// What the verifying stage reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifierConfig {
    /// `None`: tokens, the stage has the embedding. Else hidden states in this codec and width.
    pub hidden: Option<(WireCodec, u32)>,
    /// Whether the stage is the head alone: it keeps no KV, and of a pass it reads only the
    /// [`Pass::chosen_rows`].
    pub head_alone: bool,
}

/// One forward pass for the shell to run. Each is answered by exactly one
/// [`Verifier::handle_chosen`], [`Verifier::handle_refused`], [`Verifier::handle_forgotten`] or
/// [`Verifier::handle_abandoned`], also where the session was reopened meanwhile; one that is told by
/// [`Verifier::handle_known`] in the place of the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// First truncate the session's KV to this length.
    pub truncate_to: Position,
    /// Then run these tokens; row `i` stands at position `truncate_to + i`. Never empty.
    pub tokens: Vec<TokenId>,
    /// Their hidden states, where the stage starts above the embedding.
    pub hidden: Option<HiddenRows>,
    /// Nothing is run: the rows are to be taken from KV that is known of this text.
    pub told: bool,
    /// The rows to choose from, one token each: row `i` chooses the token at `truncate_to + i + 1`.
    /// Empty where only the KV is wanted.
    pub choose: Range<usize>,
}

/// Hidden states as they came, still encoded.
#[derive(Debug, Clone, PartialEq)]
pub struct HiddenRows {
    /// Number format.
    pub codec: WireCodec,
    /// Values in a row, `D`.
    pub width: u32,
    /// Rows in the payload.
    pub rows: usize,
    /// How many of its first rows are not run: they are held already.
    pub skip: usize,
    /// Encoded rows.
    pub payload: Bytes,
}

/// Why a [`Verifier`] wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifierTimer {
    /// Drafts that were expected have not come: [`Verifier::poll_work`] goes on without them.
    Patience,
}

/// The deciding stage of one session.
#[derive(Debug)]
pub struct Verifier {
    config: VerifierConfig,
    /// `None` until the session is opened.
    opened: Option<Session>,
    memory: Memory,
    queue: VecDeque<(Pass, Bytes)>,
    running: Option<Running>,
    /// The position after the last token that the target said in this epoch.
    spoken: Option<usize>,
    /// It may fill the positions before this one alone.
    until: usize,
    /// How far past each chunk of drafts it may go on alone: as the newest pass said.
    extend: u32,
    /// The end of the last branch of drafts that the target contradicted.
    abandoned: Option<Tip>,
    patience: Patience,
    passes: u32,
    told: Told,
    outbox: VecDeque<Message>,
}

/// What the newest `Open` said.
#[derive(Debug)]
struct Session {
    epoch: Epoch,
    sampling: Sampling,
    constraint: Option<Constraint>,
    /// Whether verdicts say how likely their tokens were, with so many others.
    likelihoods: Option<u8>,
    end_tokens: Vec<TokenId>,
    positions_max: u32,
}

impl Verifier {
    /// A session that is not opened yet.
    pub fn new(config: VerifierConfig) -> Self {
        Self {
            config,
            opened: None,
            memory: Memory::default(),
            queue: VecDeque::new(),
            running: None,
            spoken: None,
            until: 0,
            extend: 0,
            abandoned: None,
            patience: Patience::default(),
            passes: 0,
            told: Told::default(),
            outbox: VecDeque::new(),
        }
    }

    /// How many leading tokens have their KV, counting a work that is running.
    pub fn held(&self) -> Position {
        self.memory.held().end()
    }

    /// The text whose KV is held, counting a work that is running.
    pub fn text(&self) -> &[TokenId] {
        self.memory.held().tokens()
    }

    /// How many passes wait to be taken up.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Target passes of this session so far.
    pub const fn passes(&self) -> u32 {
        self.passes
    }

    /// The newest epoch seen.
    pub fn epoch(&self) -> Epoch {
        self.opened.as_ref().map_or_else(Epoch::default, |session| session.epoch)
    }

    /// Begins or resumes the session and answers with what is held. Ignored where it is of an older
    /// epoch than the newest seen.
    pub fn handle_open(&mut self, open: &Open) {
        if let Some(session) = &self.opened {
            if open.epoch < session.epoch {
                return;
            }
            let otherwise = open.sampling != session.sampling
                || open.constraint != session.constraint
                || open.likelihoods != session.likelihoods
                || (open.constraint.is_some() && open.end_tokens != session.end_tokens);
            if otherwise {
                self.memory.forget_choices();
                self.running.iter_mut().for_each(|running| running.outdated = true);
            }
            if otherwise || open.epoch > session.epoch {
                self.void();
            }
        }
        self.opened = Some(Session {
            epoch: open.epoch,
            sampling: open.sampling,
            constraint: open.constraint.clone(),
            likelihoods: open.likelihoods,
            end_tokens: open.end_tokens.clone(),
            positions_max: open.positions_max,
        });
        let (held, prefix) = self.memory.holds_up_to(open.have.index());
        let epoch = open.epoch;
        let answer = Opened { epoch, held, prefix, passes: self.passes };
        self.outbox.push_back(Message::Opened(answer));
    }

    /// Queues a pass. One of an older epoch is dropped, and so is one that is waiting already.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved`] where the pass breaks the session's rules; the session is to be ended.
    pub fn handle_pass(
        &mut self,
        now: Instant,
        pass: Pass,
        payload: Bytes,
    ) -> Result<(), PeerMisbehaved> {
        let Some(session) = &mut self.opened else {
            return Err(PeerMisbehaved::OutOfTurn { kind: Kind::Pass });
        };
        check_pass(&pass, session.positions_max, self.config)?;
        if pass.epoch < session.epoch {
            return Ok(());
        }
        if pass.epoch > session.epoch {
            session.epoch = pass.epoch;
            self.void();
        }
        if self.is_running(&pass) || self.queue.iter().any(|(queued, _)| *queued == pass) {
            return Ok(());
        }
        if is_chunk(&pass) {
            self.patience.drafts_came(now);
            self.supersede(pass.base);
        }
        self.allow(&pass);
        let (waiting, limit) = (self.queue.len() + 1, limits::PASSES_IN_FLIGHT_MAX);
        if waiting > limit {
            return Err(PeerMisbehaved::TooManyPasses { waiting, limit });
        }
        self.queue.push_back((pass, payload));
        Ok(())
    }

    /// Queues drafts: as [`Self::handle_pass`] of a pass of nothing else.
    ///
    /// # Errors
    ///
    /// As [`Self::handle_pass`].
    ///
    /// # Panics
    ///
    /// Where there are more drafts than a decoded message can hold.
    pub fn handle_draft(&mut self, now: Instant, draft: Draft) -> Result<(), PeerMisbehaved> {
        if draft.tokens.is_empty() {
            return Err(PeerMisbehaved::WrongInput { expected: "at least one draft" });
        }
        let pass = Pass {
            epoch: draft.epoch,
            base: draft.base,
            prefix: draft.prefix,
            said: 0,
            drafts: u32::try_from(draft.tokens.len()).expect("a checked message has few drafts"),
            tokens: draft.tokens,
            ask: true,
            extend: self.extend,
            told: false,
            hidden: None,
        };
        self.handle_pass(now, pass, Bytes::new())
    }

    /// Stops saying things and cuts the text. Ignored where it is of an older epoch.
    pub fn handle_rollback(&mut self, rollback: &Rollback) {
        let Some(session) = &mut self.opened else { return };
        if rollback.epoch >= session.epoch {
            session.epoch = rollback.epoch;
            self.void();
            self.memory.truncate(rollback.to.index());
        }
    }

    /// Whether other sessions wait for the same machine: then the target goes on alone only where no
    /// drafts come at all, and leaves its time to them otherwise.
    pub const fn handle_load(&mut self, crowded: bool) {
        self.patience.set_crowded(crowded);
    }

    /// The next forward pass to run, if any. `None` while one runs.
    pub fn poll_work(&mut self, now: Instant) -> Option<Work> {
        while self.running.is_none() {
            let Some((pass, payload)) = self.queue.pop_front() else {
                return self.go_on_alone(now);
            };
            let work = match is_chunk(&pass) {
                true => self.take_up_chunk(now, pass, payload),
                false => self.take_up(now, pass, payload),
            };
            if work.is_some() {
                return work;
            }
        }
        None
    }

    /// When to call [`Self::poll_work`] again though nothing came, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, VerifierTimer)> {
        let idle = self.running.is_none() && self.queue.is_empty();
        let until = self.patience.until().filter(|_| idle && self.next_row().is_some())?;
        Some((until, VerifierTimer::Patience))
    }

    /// The shell ran the work: `chosen` holds what was chosen, and `us` is how many microseconds it took.
    ///
    /// # Panics
    ///
    /// Where no work is running, or `chosen` has another length.
    pub fn handle_chosen(&mut self, now: Instant, chosen: Chosen, us: u32) {
        let running = self.running.take().expect("the shell answers a work that it was given");
        assert!(!running.told, "a told work is not run");
        let Chosen { tokens, likelihoods } = chosen;
        assert_eq!(tokens.len(), running.choose.len(), "one token is chosen for each row");
        self.passes += 1;
        if !running.outdated {
            let mut likelihoods = likelihoods.into_iter();
            for (row, token) in running.choose.zip(tokens) {
                self.memory.choose(running.start + row + 1, token, likelihoods.next());
            }
        }
        let rows = u32::try_from(running.rows).expect("a work has few rows");
        let cost = Cost { rows, us };
        self.patience.ran(cost);
        match running.purpose {
            Some(Purpose::Answer(question)) => self.answer(now, &question, Some(cost)),
            Some(Purpose::GoOn) => self.say_known(now, Some(cost)),
            None => {}
        }
    }

    /// The shell could not run the work: no room for its KV, or a payload that is not of its codec.
    /// The device is told, and the text is cut to where the work began.
    ///
    /// # Panics
    ///
    /// Where no work is running.
    pub fn handle_refused(&mut self, kind: FaultKind, detail: &str, retry_after_ms: Option<u32>) {
        let running = self.running.take().expect("the shell answers a work that it was given");
        self.memory.truncate(running.start);
        self.void();
        let fault = Fault::on_session(self.epoch(), kind, detail);
        self.outbox.push_back(Message::Fault(Fault { retry_after_ms, ..fault }));
    }

    /// The shell could not run the work because the session's KV does not reach back so far, and
    /// forgot the rest: nothing is held now. The device is told of the gap, and sends its text again.
    ///
    /// # Panics
    ///
    /// Where no work is running.
    pub fn handle_forgotten(&mut self) {
        self.running.take().expect("the shell answers a work that it was given");
        self.memory.truncate(0);
        self.void();
        let kind = FaultKind::Gap { held: Position::default(), prefix: PrefixHash::EMPTY };
        let fault = Fault::on_session(self.epoch(), kind, FORGOTTEN);
        self.outbox.push_back(Message::Fault(fault));
    }

    /// The shell gave the work up, because it is obsolete, or because nobody is there for what it
    /// would say. The text is cut to where the work began, and nothing is said of it.
    ///
    /// # Panics
    ///
    /// Where no work is running.
    pub fn handle_abandoned(&mut self) {
        let running = self.running.take().expect("the shell answers a work that it was given");
        self.memory.truncate(running.start);
    }

    /// Whether a work is running of which nothing is of use any more: the text was cut to where it
    /// began, or before.
    pub fn is_obsolete(&self) -> bool {
        let held = self.memory.held().len();
        self.running.as_ref().is_some_and(|running| held <= running.start)
    }

    /// Whether a work is running that is only the target going on alone.
    pub fn is_going_on_alone(&self) -> bool {
        let purpose = self.running.as_ref().and_then(|running| running.purpose.as_ref());
        matches!(purpose, Some(Purpose::GoOn))
    }

    /// The next message for the device.
    pub fn poll_transmit(&mut self) -> Option<Message> {
        self.outbox.pop_front()
    }

    /// Whether the running work answers `pass`.
    fn is_running(&self, pass: &Pass) -> bool {
        let purpose = self.running.as_ref().and_then(|running| running.purpose.as_ref());
        matches!(purpose, Some(Purpose::Answer(question)) if question.is_of(pass))
    }

    /// Nothing that was asked for so far is wanted any more.
    fn void(&mut self) {
        self.queue.clear();
        (self.spoken, self.until, self.extend, self.abandoned) = (None, 0, 0, None);
        self.patience.forget();
        self.running.iter_mut().for_each(|running| running.purpose = None);
    }

    /// How far the target may go on alone from now on. Drafts only ever let it go further, also those
    /// that turn out stale: the device counts on what it has sent.
    fn allow(&mut self, pass: &Pass) {
        self.extend = pass.extend;
        let until = if pass.extend == 0 { 0 } else { pass.end().advance(pass.extend).index() };
        self.until = if is_chunk(pass) { self.until.max(until) } else { until };
    }

    /// A chunk of drafts came for `base`: the device has left those that reach past it, and those
    /// that end before it.
    fn supersede(&mut self, base: Position) {
        // One that only lets the target say more stands between no two.
        let mut rows = self.queue.iter().filter(|(pass, _)| pass.ask || !pass.tokens.is_empty());
        let chained = rows.next_back().is_some_and(|(last, _)| last.end() == base);
        self.queue.retain(|(queued, _)| !is_chunk(queued) || (chained && queued.end() <= base));
    }
}

/// Whether a pass holds nothing but drafts: it builds on what was said or drafted in this epoch.
fn is_chunk(pass: &Pass) -> bool {
    pass.drafts > 0 && pass.drafts as usize == pass.tokens.len()
}

fn check_pass(
    pass: &Pass,
    positions_max: u32,
    config: VerifierConfig,
) -> Result<(), PeerMisbehaved> {
    if pass.end().0 > positions_max {
        return Err(PeerMisbehaved::PastSession { end: pass.end(), positions_max });
    }
    let wrong = |expected| Err(PeerMisbehaved::WrongInput { expected });
    if pass.told && !pass.may_be_told() {
        return wrong("nothing but settled tokens in a told pass");
    }
    if config.hidden.is_some() && pass.extend > 0 {
        return wrong("no extension where layers are split");
    }
    match (config.hidden, pass.hidden) {
        (None, None) => {}
        (None, Some(_)) => return wrong("tokens without hidden states"),
        (Some(_), None) if pass.told || (config.head_alone && pass.chosen_rows() == 0) => {}
        (Some(_), None) => return wrong("hidden states"),
        (Some(_), Some(_)) if config.head_alone && pass.chosen_rows() == 0 => {
            return wrong("no hidden states, where none are chosen from");
        }
        (Some((codec, width)), Some(hidden)) => {
            if (hidden.codec, hidden.width) != (codec, width) {
                return wrong("hidden states of the session's codec and width");
            }
        }
    }
    if pass.ask && pass.base.index() + pass.settled() == 0 {
        return wrong("a token before the first that is judged");
    }
    Ok(())
}
