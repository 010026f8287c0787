//! How a request is run: who has which of the target's layers, and how drafts follow its passes.
//!
//! A request may change its route in mid-reply, between two tokens: the target's choices are the same on
//! every route, so its text is.
//!
//! ```text
//!   from ─▶ to        same stages                        other stages
//!   remote            retuned: a new epoch only where    a new epoch opens a session there, which is sent
//!                     the target must say less alone     what it lacks: little, after a `WarmUp`
//!   the device alone  -                                  as after a loss of the target, by choice
//! ```

use super::upload::Upload;
use super::warm_up::WarmUp;
use super::{Drafter, DrafterEvent, State};
use crate::{PlannedStage, limits};
use base::DraftLength;
use std::time::Instant;

/// The way that a request's passes take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The remote stages, nearest first. None: the device is alone by choice.
    pub stages: Vec<PlannedStage>,
    /// Draft length `k`: tokens of a chunk.
    pub draft_length: DraftLength,
    /// How many drafts may wait for the target's word; 0 drafts nothing.
    pub window: u32,
    /// How many chunks may: one is the classic round, more keep the target busy while verdicts are
    /// under way.
    pub chunks: usize,
    /// How many tokens the target may say ahead of what the device has asked for; 0 waits for the
    /// device each time. Only where one remote stage has all layers.
    pub extend: u32,
    /// Whether a device alone by choice runs the whole target: its own words are verified.
    pub vouched: bool,
}

/// What stands between the device and the verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chain {
    /// Nothing: the peer verifies, and reads tokens. It remembers what it said itself, so that a pass
    /// may start right after it, and it may go on alone.
    Direct,
    /// Stages of hidden states, here or at a gateway: every row comes from the device, every round.
    Staged,
}

impl Route {
    /// The device alone by choice; `vouched` where it runs the whole target.
    pub const fn local(vouched: bool) -> Self {
        let draft_length = DraftLength::NONE;
        Self { stages: Vec::new(), draft_length, window: 0, chunks: 1, extend: 0, vouched }
    }

    /// Whether the device is alone by choice.
    pub const fn is_local(&self) -> bool {
        self.stages.is_empty()
    }

    pub(super) fn chain(&self) -> Chain {
        match self.stages.as_slice() {
            [only] if only.embedding && only.head => Chain::Direct,
            _ => Chain::Staged,
        }
    }

    /// Panics where it contradicts itself or a limit.
    pub(super) fn check(&self, pass_rows_max: usize) {
        assert!(self.window as usize <= limits::DRAFTS_MAX, "drafts exceed the limit");
        assert!(self.extend <= limits::EXTEND_MAX, "extension exceeds the limit");
        let chunk = match self.draft_length {
            DraftLength::Fixed(length) => length,
            DraftLength::Auto => 1,
        };
        assert!(chunk <= self.window, "a window holds a chunk of drafts at least");
        assert!(pass_rows_max > self.window as usize, "a window's rows exceed a pass");
        assert!(
            self.extend == 0 || self.chain() == Chain::Direct,
            "the target goes on alone only where it has all layers"
        );
    }
}

impl Drafter {
    /// How the request is run now.
    pub const fn route(&self) -> &Route {
        &self.config.route
    }

    /// From here on the request is run on `route`. Where its stages are others than before, what
    /// [`Self::poll_transmit`] gives from now on is for a session with the first of them; a device that
    /// has no link to it calls [`Self::handle_link_lost`] next. What [`Self::handle_local_token`] gets
    /// from now on is to be said by the model that [`Self::speaks_as_target`] names then.
    ///
    /// # Panics
    ///
    /// Where `route` contradicts itself, a limit, or the rows of a pass.
    pub fn switch(&mut self, now: Instant, route: Route) {
        route.check(self.config.pass_rows_max);
        let before = std::mem::replace(&mut self.config.route, route);
        let route = &self.config.route;
        if matches!(self.state, State::Finished(_)) {
            return;
        }
        if route.is_local() {
            self.go_home(now);
        } else if route.stages == before.stages {
            self.retune(now, &before);
        } else {
            self.reroute(now);
        }
    }

    /// As [`Self::switch`], to stages that have read the text: what [`Self::poll_transmit`] gives from now on is
    /// for the session in which they did.
    pub fn switch_to(&mut self, now: Instant, warm_up: WarmUp) {
        self.config.session = warm_up.session;
        self.have = warm_up.held();
        self.switch(now, warm_up.route);
    }

    /// The stages stay.
    fn retune(&mut self, now: Instant, before: &Route) {
        let says_less = self.config.route.extend < before.extend;
        match &self.state {
            // What the target may say alone was said to it; a new epoch voids that.
            State::Talking if says_less => {
                self.raise_epoch();
                self.upload(now, Upload::new(self.question_start(), false));
            }
            State::Uploading(upload) if says_less && upload.is_complete() => {
                self.raise_epoch();
                self.upload(now, Upload::new(self.have.min(self.judged_to - 1), false));
            }
            State::Talking | State::Uploading(_) => self.pump(now),
            State::Opening { .. } | State::Alone | State::Finished(_) => {}
        }
    }

    /// Other stages: they are opened, and sent what they lack. A device that is alone goes on speaking
    /// until they answer.
    fn reroute(&mut self, now: Instant) {
        let alone = self.is_alone();
        self.outbox.clear();
        (self.link_up, self.gaps, self.told, self.passes_seen) = (true, 0, 0, None);
        self.raise_epoch();
        self.state = State::Opening { alone };
        self.send_open(now);
    }

    /// No stages: the device speaks. Where it is the target, drafts are no words of its own.
    fn go_home(&mut self, now: Instant) {
        self.as_target = self.config.route.vouched;
        if self.as_target {
            self.ahead.take();
        }
        self.handle_link_lost(now);
    }

    /// Alone by choice from the first token on.
    pub(super) fn begin_at_home(&mut self) {
        (self.state, self.link_up) = (State::Alone, false);
        self.as_target = self.config.route.vouched;
        self.events.push_back(DrafterEvent::Alone { at: self.log.end() });
    }

    /// Whether the target's model is to say what [`Self::handle_local_token`] takes: the device runs all
    /// of it, and has not been answered by another stage since.
    pub const fn speaks_as_target(&self) -> bool {
        self.as_target
    }

    /// Whether the device's next word is verified: it is the target's, and nothing before is in question.
    pub(super) fn is_vouched(&self) -> bool {
        self.as_target && self.judged_to == self.log.len()
    }
}
