//! The deciding stage of one session: what the target says, and which drafts it would have said.
//!
//! It remembers the text whose KV its stage holds, and every token it has chosen along that text.
//! A pass asks about positions. What memory can answer is answered at once; the rest becomes one
//! [`Work`] for the shell, from the first row whose choice is not known. The target's choice is a pure
//! function of the tokens before it, so that a choice stays true however often it is asked for.
//!
//! ```text
//!              handle_pass            poll_work                     handle_chosen
//!   Idle ───────────────────▶ queued ───────────▶ running one Work ───────────────▶ verdict, Idle
//!    │                          └─ all known: verdict at once                          │
//!    └──── extend left, nothing queued: poll_work gives one row more, alone ◀──────────┘
//! ```
//!
//! # Invariants
//!
//! - **Asking twice changes nothing.** A repeated pass is answered from memory, with the same words.
//! - **`choices[p]` is the target's word after `held[..p]`**, or not known. Cutting `held` at `n`
//!   forgets every choice past `n`; nothing else writes either.
//! - **Nothing of an older epoch is answered**, but what was computed for it stays true and is kept.
//! - **At most one work runs**, and at most [`limits::PASSES_IN_FLIGHT_MAX`] passes wait.
//! - **Nothing here depends on time.** Patience will be a `poll_timeout`.

mod memory;

#[cfg(test)]
mod tests;

use crate::error::PeerMisbehaved;
use crate::{
    Epoch, Fault, FaultKind, Kind, Message, Open, Opened, Pass, PrefixHash, Rollback, Verdict,
    WireCodec, limits,
};
use base::{Position, Sampling, TokenId};
use bytes::Bytes;
use memory::Memory;
use std::collections::VecDeque;
use std::ops::Range;

/// The detail of a gap that opens because KV was dropped.
pub(crate) const FORGOTTEN: &str = "the KV does not reach back to the pass; nothing is held now";

/// What the verifying stage reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifierConfig {
    /// `None`: tokens, the stage has the embedding. Else hidden states in this codec and width.
    pub hidden: Option<(WireCodec, u32)>,
}

/// One forward pass for the shell to run. Each is answered by exactly one
/// [`Verifier::handle_chosen`], [`Verifier::handle_refused`] or [`Verifier::handle_forgotten`], also
/// where the session was reopened meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// First truncate the session's KV to this length.
    pub truncate_to: Position,
    /// Then run these tokens; row `i` stands at position `truncate_to + i`. Never empty.
    pub tokens: Vec<TokenId>,
    /// Their hidden states, where the stage starts above the embedding.
    pub hidden: Option<HiddenRows>,
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

/// The deciding stage of one session.
#[derive(Debug)]
pub struct Verifier {
    config: VerifierConfig,
    /// `None` until the session is opened.
    opened: Option<Session>,
    memory: Memory,
    queue: VecDeque<(Pass, Bytes)>,
    running: Option<Running>,
    alone: Option<Alone>,
    passes: u32,
    outbox: VecDeque<Message>,
}

/// What the newest `Open` said.
#[derive(Debug)]
struct Session {
    epoch: Epoch,
    sampling: Sampling,
    end_tokens: Vec<TokenId>,
    positions_max: u32,
}

/// A work in the hands of the shell.
#[derive(Debug)]
struct Running {
    start: usize,
    choose: Range<usize>,
    /// The pass it answers; `None` where the target goes on alone, or the pass became void.
    pass: Option<Pass>,
    /// Chosen by other sampling parameters than the session has now.
    outdated: bool,
}

/// The target's own text may grow without the device.
#[derive(Debug, Clone, Copy)]
struct Alone {
    /// The position after the last token it said.
    end: usize,
    /// It may fill the positions before this one.
    until: usize,
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
            alone: None,
            passes: 0,
            outbox: VecDeque::new(),
        }
    }

    /// How many leading tokens have their KV, counting a work that is running.
    pub fn held(&self) -> Position {
        self.memory.held().end()
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
            let resampled = open.sampling != session.sampling;
            if resampled {
                self.memory.forget_choices();
                self.running.iter_mut().for_each(|running| running.outdated = true);
            }
            if resampled || open.epoch > session.epoch {
                self.void();
            }
        }
        self.opened = Some(Session {
            epoch: open.epoch,
            sampling: open.sampling,
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
    pub fn handle_pass(&mut self, pass: Pass, payload: Bytes) -> Result<(), PeerMisbehaved> {
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
        let running = self.running.as_ref().and_then(|running| running.pass.as_ref());
        if running == Some(&pass) || self.queue.iter().any(|(queued, _)| *queued == pass) {
            return Ok(());
        }
        let (waiting, limit) = (self.queue.len() + 1, limits::PASSES_IN_FLIGHT_MAX);
        if waiting > limit {
            return Err(PeerMisbehaved::TooManyPasses { waiting, limit });
        }
        self.queue.push_back((pass, payload));
        Ok(())
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

    /// The next forward pass to run, if any. `None` while one runs.
    pub fn poll_work(&mut self) -> Option<Work> {
        while self.running.is_none() {
            let Some((pass, payload)) = self.queue.pop_front() else {
                return self.go_on_alone();
            };
            if let Some(work) = self.take_up(pass, payload) {
                return Some(work);
            }
        }
        None
    }

    /// The shell ran the work: `chosen` holds one token for each row of [`Work::choose`], and
    /// `pass_us` is how many microseconds it took.
    ///
    /// # Panics
    ///
    /// Where no work is running, or `chosen` has another length.
    pub fn handle_chosen(&mut self, chosen: &[TokenId], pass_us: u32) {
        let running = self.running.take().expect("the shell answers a work that it was given");
        assert_eq!(chosen.len(), running.choose.len(), "one token is chosen for each row");
        self.passes += 1;
        if !running.outdated {
            for (row, token) in running.choose.zip(chosen) {
                self.memory.choose(running.start + row + 1, *token);
            }
        }
        match running.pass {
            Some(pass) => self.answer(&pass, pass_us),
            None => self.say_known(pass_us),
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

    /// The next message for the device.
    pub fn poll_transmit(&mut self) -> Option<Message> {
        self.outbox.pop_front()
    }

    /// Nothing that was asked for so far is wanted any more.
    fn void(&mut self) {
        self.queue.clear();
        self.alone = None;
        self.running.iter_mut().for_each(|running| running.pass = None);
    }

    /// Answers `pass` from memory, or makes it the running work.
    fn take_up(&mut self, pass: Pass, payload: Bytes) -> Option<Work> {
        let Some(text) = self.memory.place(pass.base.index(), pass.prefix, &pass.tokens) else {
            self.report_gap(&pass);
            return None;
        };
        if pass.tokens.is_empty() && !pass.ask {
            self.alone.iter_mut().for_each(|alone| alone.until = until(&pass));
            return None;
        }
        self.alone = None;
        let unknown = if pass.ask { self.first_unknown(&pass, text.common) } else { None };
        let start = match unknown {
            Some(position) => text.common.min(position - 1),
            None if pass.ask || text.common >= pass.end().index() => {
                self.answer(&pass, 0);
                return None;
            }
            None => text.common,
        };
        if self.config.hidden.is_some() && start < pass.base.index() {
            self.report_gap(&pass);
            return None;
        }
        let rows = text.rows_from(start, self.memory.held());
        let first = unknown.map_or(rows.len(), |position| position - 1 - start);
        let work = Work {
            truncate_to: Position::after(start),
            hidden: pass.hidden.map(|hidden| HiddenRows {
                codec: hidden.codec,
                width: hidden.width,
                rows: pass.tokens.len(),
                skip: start - pass.base.index(),
                payload,
            }),
            choose: first..rows.len(),
            tokens: rows,
        };
        self.run(&work, Some(pass));
        Some(work)
    }

    /// The first position whose choice the verdict on `pass` needs and memory lacks. Choices up to
    /// `common` are of the pass's own text; a known miss ends the search.
    fn first_unknown(&self, pass: &Pass, common: usize) -> Option<usize> {
        let drafts_from = pass.end().index() - pass.drafts as usize;
        for position in pass.base.index() + pass.settled()..=pass.end().index() {
            let known = self.memory.choice(position).filter(|_| position <= common);
            let Some(choice) = known else { return Some(position) };
            let token = pass.tokens.get(position - pass.base.index());
            if position >= drafts_from && token != Some(&choice) {
                return None;
            }
        }
        None
    }

    fn run(&mut self, work: &Work, pass: Option<Pass>) {
        let start = work.truncate_to.index();
        self.memory.put(start, &work.tokens);
        self.running = Some(Running { start, choose: work.choose.clone(), pass, outdated: false });
    }

    /// The verdict on a pass whose choices are known, or the acknowledgement of one that did not ask.
    fn answer(&mut self, pass: &Pass, pass_us: u32) {
        let base = pass.base.index();
        let from = if pass.ask { base + pass.settled() } else { pass.end().index() };
        let said = pass.said as usize;
        let judged = &pass.tokens[from - base..];
        let says = |i: usize| self.memory.choice(from + i) == Some(judged[i]);
        let agreed: Vec<bool> = (0..said).map(says).collect();
        let accepted = (said..judged.len()).take_while(|i| says(*i)).count();
        let at = from + said + accepted;
        let tokens = if pass.ask { self.own_tokens(at, until(pass)) } else { Vec::new() };
        if pass.ask && pass.extend > 0 {
            self.alone = Some(Alone { end: at + tokens.len(), until: until(pass) });
        }
        let accepted = u32::try_from(accepted).expect("a pass has few drafts");
        self.say(Position::after(from), agreed, accepted, tokens, pass_us);
    }

    /// The target's own text from `at` on, as far as it is known, allowed and not ended: one at least.
    fn own_tokens(&self, at: usize, until: usize) -> Vec<TokenId> {
        let mut own = Vec::new();
        while let Some(token) = self.memory.choice(at + own.len()) {
            own.push(token);
            let next = at + own.len();
            let follows = self.memory.held().get(next - 1) == Some(token);
            let full = own.len() > limits::EXTEND_MAX as usize;
            if !follows || full || !self.may_say(next, token, until) {
                break;
            }
        }
        own
    }

    /// Whether the target may say the token at `position` alone, after it said `last`.
    fn may_say(&self, position: usize, last: TokenId, until: usize) -> bool {
        self.opened.as_ref().is_some_and(|session| {
            position < until.min(session.positions_max as usize)
                && !session.end_tokens.contains(&last)
        })
    }

    /// Says what is known of the target's own text and was not said yet.
    fn say_known(&mut self, pass_us: u32) {
        let Some(alone) = self.alone else { return };
        let Some(last) = self.memory.choice(alone.end - 1) else { return };
        let follows = self.memory.held().get(alone.end - 1) == Some(last);
        if !follows || !self.may_say(alone.end, last, alone.until) {
            return;
        }
        let tokens = self.own_tokens(alone.end, alone.until);
        if !tokens.is_empty() {
            self.alone = Some(Alone { end: alone.end + tokens.len(), ..alone });
            self.say(Position::after(alone.end), Vec::new(), 0, tokens, pass_us);
        }
    }

    /// One more row of the target's own text.
    fn go_on_alone(&mut self) -> Option<Work> {
        self.say_known(0);
        let alone = self.alone?;
        let last = self.memory.choice(alone.end - 1)?;
        if !self.may_say(alone.end, last, alone.until) {
            return None;
        }
        let truncate_to = Position::after(alone.end - 1);
        let work = Work { truncate_to, tokens: vec![last], hidden: None, choose: 0..1 };
        self.run(&work, None);
        Some(work)
    }

    fn say(
        &mut self,
        from: Position,
        agreed: Vec<bool>,
        accepted: u32,
        tokens: Vec<TokenId>,
        pass_us: u32,
    ) {
        let (epoch, passes) = (self.epoch(), self.passes);
        let verdict = Verdict { epoch, from, agreed, accepted, tokens, pass_us, passes };
        self.outbox.push_back(Message::Verdict(verdict));
    }

    fn report_gap(&mut self, pass: &Pass) {
        let (held, prefix) = self.memory.holds_up_to(pass.base.index());
        let detail = format!("pass builds on {} tokens, {held} of them are held", pass.base);
        let fault = Fault::on_session(pass.epoch, FaultKind::Gap { held, prefix }, &detail);
        self.outbox.push_back(Message::Fault(fault));
    }
}

/// The position before which the target may go on alone after `pass`; 0 where it may not.
fn until(pass: &Pass) -> usize {
    if pass.extend == 0 { 0 } else { pass.end().advance(pass.extend).index() }
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
    match (config.hidden, pass.hidden) {
        (None, None) => {}
        (None, Some(_)) => return wrong("tokens without hidden states"),
        (Some(_), None) => return wrong("hidden states"),
        (Some((codec, width)), Some(hidden)) => {
            if (hidden.codec, hidden.width) != (codec, width) {
                return wrong("hidden states of the session's codec and width");
            }
            if pass.extend > 0 {
                return wrong("no extension where layers are split");
            }
        }
    }
    if pass.ask && pass.base.index() + pass.settled() == 0 {
        return wrong("a token before the first that is judged");
    }
    Ok(())
}
