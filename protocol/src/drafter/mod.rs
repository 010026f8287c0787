//! The device's half of one request: which tokens are ours to show, and who vouches for them.
//!
//! The drafter owns the log. It asks the target about what comes next, with drafts or without, and
//! commits what the target says. When the target is out of reach it commits the device's own tokens,
//! unverified, and has them judged when the target is back.
//!
//! ```text
//!            handle_opened             verdict on the last pass
//!  Opening ────────────────▶ Uploading ────────────────────────▶ Talking ──┐ verdicts: commit
//!     ▲                        ▲                                    │  ▲   │ handle_draft: chunks
//!     │ link back, or          └── gap, or nothing heard for long ──┘  └───┘ go out
//!     │ retry
//!   Alone ◀── handle_link_lost, or a fault, in any state
//!  any state ── end token, length, stop ──▶ Finished
//! ```
//!
//! Drafts run ahead of the log, up to a window, while verdicts are under way: [`Drafter::wish`] says
//! what to draft next, and every `draft_length` of them go out as a chunk. One chunk under way is the
//! classic round: draft, send, wait.
//!
//! # Invariants
//!
//! - **A position is committed once, in order.** Only [`Drafter::commit`] appends, always at the end.
//! - **Nothing verified is taken back**, and a verified mark is never lost. What was said alone is
//!   taken back by [`AfterOutage::Revise`] alone, from the first token on that the target would not
//!   have said; its positions are then committed again, by the target. With [`AfterOutage::Keep`]
//!   nothing is.
//! - **A token is verified only by a verdict of the current epoch** that goes on where the log ends:
//!   late, repeated and reordered verdicts find no question that they answer.
//! - **The target never waits for a renewal**: it goes out when half of what it may say is used.
//! - **No clock, no randomness, no I/O.** Time is an argument; `protocol/clippy.toml` enforces it.

mod ahead;
mod alone;
mod config;
mod log;
mod opening;
mod revise;
mod route;
mod talk;
mod upload;
mod verdict;
mod warm_up;

#[cfg(test)]
mod tests;

pub use ahead::Wish;
pub use config::{AfterOutage, Counts, DrafterConfig, DrafterEvent, DrafterTimer};
pub use log::{FinishReason, TokenLog};
pub use route::Route;
pub use warm_up::WarmUp;

use crate::error::PeerMisbehaved;
use crate::{Drafted, Epoch, Message, Opened, Rollback, SessionId, Tuning};
use ahead::Ahead;
use base::{DraftLength, Likelihoods, Position, TokenId};
use route::Chain;
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;
use upload::Upload;

/// The device's half of one request.
#[derive(Debug)]
pub struct Drafter {
    config: DrafterConfig,
    log: TokenLog,
    epoch: Epoch,
    /// The newest epoch that was used for anything: another session may be prepared in one of its own.
    newest: Epoch,
    state: State,
    link_up: bool,
    /// The device is alone, and the whole target.
    as_target: bool,
    /// How many leading tokens the target had, as far as it said.
    have: usize,
    /// How many leading tokens the stages are told of.
    told: usize,
    /// Tokens from here on were said while alone and are not judged yet.
    judged_to: usize,
    /// Whether all that was judged since the target's last own token was agreed to.
    agreeing: bool,
    gaps: u32,
    ahead: Ahead,
    /// The target may fill the positions before this one alone, as far as it was let.
    until: usize,
    /// No verdict of this epoch ends after it, but for a first own token.
    leave: usize,
    /// How far past each chunk of drafts, as the newest pass let it.
    granted: usize,
    /// Rows of the positions before this one were sent in this epoch.
    rows_to: usize,
    /// A question without drafts is under way.
    asked: bool,
    /// When the target was heard last, or asked anew.
    heard: Instant,
    /// The target's own count of passes, as last heard.
    passes_seen: Option<u32>,
    counts: Counts,
    /// How likely the target took what it said to be, by position.
    likely: BTreeMap<usize, Likelihoods>,
    timer: Option<(Instant, DrafterTimer)>,
    outbox: VecDeque<Message>,
    events: VecDeque<DrafterEvent>,
}

#[derive(Debug)]
enum State {
    /// `Open` is sent.
    Opening {
        /// The device goes on alone meanwhile.
        alone: bool,
    },
    /// Passes are on their way up; the last one asks.
    Uploading(Upload),
    /// The target has the log: drafts go up and verdicts come down.
    Talking,
    /// The target is out of reach.
    Alone,
    /// Nothing happens any more.
    Finished(FinishReason),
}

impl Drafter {
    /// Starts by opening the session, where there are remote stages: the first message is an `Open`. A
    /// device that has no link calls [`Self::handle_link_lost`] next, and is alone.
    ///
    /// # Panics
    ///
    /// Where `config` contradicts itself or a limit: an empty prompt, `have` past it, a window smaller
    /// than a chunk, passes of fewer rows than 2 or than a window takes, an extension over a staged
    /// chain.
    pub fn new(config: DrafterConfig, now: Instant) -> Self {
        config::check_config(&config);
        let mut drafter = Self {
            log: TokenLog::new(&config.prompt),
            epoch: config.epoch,
            newest: config.epoch,
            state: State::Opening { alone: false },
            link_up: true,
            as_target: false,
            have: config.have.index(),
            told: 0,
            judged_to: config.prompt.len(),
            agreeing: true,
            gaps: 0,
            ahead: Ahead::default(),
            until: 0,
            leave: 0,
            granted: 0,
            rows_to: 0,
            asked: false,
            heard: now,
            passes_seen: None,
            counts: Counts::default(),
            likely: BTreeMap::new(),
            timer: None,
            outbox: VecDeque::new(),
            events: VecDeque::new(),
            config,
        };
        if drafter.room() == 0 {
            drafter.state = State::Finished(FinishReason::Length);
            drafter.events.push_back(DrafterEvent::Finished(FinishReason::Length));
        } else if drafter.config.route.is_local() {
            drafter.begin_at_home();
        } else {
            drafter.send_open(now);
        }
        drafter
    }

    /// The stages of the present route may know the KV of the first `told` tokens, settled ones at the end of
    /// a block: they are told of them, and sent their rows only where they do not.
    ///
    /// # Panics
    ///
    /// Where the log has fewer tokens.
    pub fn tell(&mut self, told: Position) {
        assert!(told <= self.log.end(), "nobody is told what is not said");
        self.told = told.index();
    }

    /// What is committed so far.
    pub const fn log(&self) -> &TokenLog {
        &self.log
    }

    /// What it cost so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The newest epoch used. The session's next request starts at the one after.
    pub const fn newest_epoch(&self) -> Epoch {
        self.newest
    }

    /// The session that its messages belong to.
    pub const fn session(&self) -> SessionId {
        self.config.session
    }

    /// How likely the target took the token to be that it said for a position; `None` of what it has not said
    /// over a link, or was not asked.
    pub fn likelihoods(&self, at: Position) -> Option<&Likelihoods> {
        self.likely.get(&at.index())
    }

    /// Whether [`Self::handle_local_token`] is wanted: the target is out of reach, or about to be back.
    pub const fn is_alone(&self) -> bool {
        match &self.state {
            State::Alone => true,
            State::Opening { alone } => *alone,
            State::Uploading(upload) => upload.speaks(),
            State::Talking | State::Finished(_) => false,
        }
    }

    /// How many passes and chunks are sent and not answered.
    pub fn in_flight(&self) -> usize {
        let passes = match &self.state {
            State::Uploading(upload) => upload.in_flight().count(),
            State::Opening { .. } | State::Talking | State::Alone | State::Finished(_) => 0,
        };
        passes + self.ahead.chunks()
    }

    /// Whether the target owes us an answer: what [`crate::LinkHealth::expect`] wants to know.
    pub fn is_waiting(&self) -> bool {
        match self.state {
            State::Opening { .. } | State::Uploading(_) => true,
            State::Talking => self.is_owed(),
            State::Alone | State::Finished(_) => false,
        }
    }

    /// Why it ended, once it has.
    pub const fn finished(&self) -> Option<FinishReason> {
        match self.state {
            State::Finished(reason) => Some(reason),
            State::Opening { .. } | State::Uploading(_) | State::Talking | State::Alone => None,
        }
    }

    /// The chain answered: sends it what it lacks. Ignored where it answers an older `Open`.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::HeldTooMuch`] where it claims to hold more than was asked for.
    pub fn handle_opened(&mut self, now: Instant, opened: &Opened) -> Result<(), PeerMisbehaved> {
        let State::Opening { alone } = self.state else { return Ok(()) };
        if opened.epoch != self.epoch {
            return Ok(());
        }
        if opened.held.index() > self.have {
            let asked = Position::after(self.have);
            return Err(PeerMisbehaved::HeldTooMuch { held: opened.held, asked });
        }
        match self.passes_seen {
            None => self.passes_seen = Some(opened.passes),
            Some(_) => self.note_passes(opened.passes),
        }
        if alone {
            self.question_shown();
        }
        self.replay(now, opened.held, opened.prefix, alone);
        Ok(())
    }

    /// The link is back: opens the session again. Ignored where it was not lost, or the route has none.
    pub fn handle_link_back(&mut self, now: Instant) {
        if self.config.route.is_local() {
            return;
        }
        self.link_up = true;
        if matches!(self.state, State::Alone) {
            self.reopen(now);
        }
    }

    /// The token to draft next, if any: after the log and [`Self::ahead`].
    pub fn wish(&self) -> Option<Wish> {
        let (settled, ahead) = (self.settled(), self.ahead.len());
        // The target adds one of its own.
        let room = (self.room() + self.ahead.shown()).saturating_sub(1);
        let fits = ahead < room.min(self.config.route.window as usize) && self.has_credit();
        let ended = self.ahead.last().is_some_and(|last| self.is_end(last));
        let dry = ended || self.ahead.is_dry(settled + ahead);
        let wanted = self.may_send_drafts() && fits && !dry && self.pays();
        wanted.then(|| self.ahead.wish(settled))
    }

    /// Whether another draft pays, where that is measured. A target that waits for drafts has no
    /// other way to go on.
    fn pays(&self) -> bool {
        let tuning = &self.config.tuning;
        match self.config.route.draft_length {
            DraftLength::Fixed(_) => true,
            DraftLength::Auto if self.ahead.len() == 0 => {
                self.config.route.extend == 0 || !tuning.pauses()
            }
            DraftLength::Auto => Tuning::goes_on(self.ahead.run(0)),
        }
    }

    /// Whether what `wish` asks for would still be taken.
    pub fn wants(&self, wish: Wish) -> bool {
        self.wish().is_some() && self.ahead.wants(wish, self.settled())
    }

    /// Drafts that nobody has judged yet: they follow the log.
    pub fn ahead(&self) -> impl Iterator<Item = TokenId> {
        self.ahead.tokens().skip(self.ahead.shown())
    }

    /// What was measured, for the next request.
    pub const fn tuning(&self) -> &Tuning {
        &self.config.tuning
    }

    /// The shell drafted what `wish` asked for; `None` where it has nothing to draft there. Ignored
    /// where that is not wanted any more.
    pub fn handle_draft(&mut self, now: Instant, wish: Wish, draft: Option<Drafted>) {
        if !self.wants(wish) {
            return;
        }
        match draft {
            Some(draft) => {
                self.config.tuning.drafted(draft.took);
                let chance = self.config.tuning.acceptance(draft.origin, draft.confidence);
                self.ahead.push(draft, chance);
            }
            None => self.ahead.run_dry(self.settled() + self.ahead.len()),
        }
        self.pump(now);
    }

    /// The shell generated the token at `at` itself. Ignored where the device is not alone any more.
    pub fn handle_local_token(&mut self, _now: Instant, at: Position, token: TokenId) {
        if self.is_alone() && at == self.log.end() {
            let vouched = self.is_vouched();
            self.commit(&[token], vouched);
            if vouched {
                self.judged_to = self.log.len();
            }
        }
    }

    /// Ends the request: a stop string, or the user.
    pub fn stop(&mut self, _now: Instant) {
        self.finish(FinishReason::Stopped);
    }

    /// The next message for the first remote stage.
    ///
    /// A [`crate::Pass`] comes with its tokens. Where the first remote stage reads hidden states, the shell
    /// brings its own stage up to the pass's base, which log and [`Self::ahead`] reach, runs the tokens,
    /// fills in `hidden` and attaches the rows as payload.
    pub fn poll_transmit(&mut self) -> Option<Message> {
        self.outbox.pop_front()
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<DrafterEvent> {
        self.events.pop_front()
    }

    /// When to call [`Self::handle_timeout`], and why.
    pub const fn poll_timeout(&self) -> Option<(Instant, DrafterTimer)> {
        self.timer
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let Some((_, timer)) = self.timer.take_if(|(at, _)| *at <= now) else { return };
        match timer {
            DrafterTimer::Retransmit => self.retransmit(now),
            DrafterTimer::Retry => self.handle_link_back(now),
        }
    }

    /// How many more tokens may be committed.
    fn room(&self) -> usize {
        let tokens = (self.config.tokens_max as usize).saturating_sub(self.log.generated().len());
        tokens.min((self.config.positions_max as usize).saturating_sub(self.log.len()))
    }

    /// Where a question without drafts begins: a direct peer knows what it said itself.
    fn question_start(&self) -> usize {
        match self.config.route.chain() {
            Chain::Direct => self.settled(),
            Chain::Staged => self.settled() - 1,
        }
    }

    fn is_end(&self, token: TokenId) -> bool {
        self.config.end_tokens.contains(&token)
    }

    /// Appends `tokens` to the log, up to the first end token and as far as there is room.
    fn commit(&mut self, tokens: &[TokenId], verified: bool) {
        let to_end = tokens.iter().position(|token| self.is_end(*token));
        let tokens = &tokens[..to_end.map_or(tokens.len(), |at| at + 1).min(self.room())];
        let ended = tokens.last().is_some_and(|last| self.is_end(*last));
        if !tokens.is_empty() {
            let (at, committed) = (self.log.end(), tokens.to_vec());
            self.log.push(tokens, verified);
            self.events.push_back(DrafterEvent::Commit { at, tokens: committed, verified });
        }
        if ended {
            self.finish(FinishReason::End);
        } else if self.room() == 0 {
            self.finish(FinishReason::Length);
        }
    }

    /// The target, where it is in reach, stops and cuts its copy to the log.
    fn finish(&mut self, reason: FinishReason) {
        if matches!(self.state, State::Finished(_)) {
            return;
        }
        self.state = State::Finished(reason);
        self.timer = None;
        self.outbox.clear();
        self.events.push_back(DrafterEvent::Finished(reason));
        if self.link_up {
            self.raise_epoch();
            let rollback = Rollback { epoch: self.epoch, to: self.log.end() };
            self.outbox.push_back(Message::Rollback(rollback));
        }
    }
}
