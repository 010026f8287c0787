//! When a [`Drafter`] goes on alone, and what it asks again.

use super::{Drafter, DrafterEvent, DrafterTimer, FinishReason, State};
use crate::{Fault, FaultKind};
use std::time::{Duration, Instant};

/// A peer that reports a gap this often in a row, without a verdict between, is given up.
pub(super) const GAPS_MAX: u32 = 8;

/// How long a device that has words to say waits in silence for a target that is back: what it says meanwhile
/// is its own, and a second is about what leaves a reader's thought in one piece (Nielsen, "Usability
/// Engineering", 1993, chapter 5).
const SILENCE_MAX: Duration = Duration::from_secs(1);

impl Drafter {
    /// The peer reports a fault of this session. After a gap what is missing is sent again; a request
    /// that was rejected ends; after any other the device goes on alone, and for `Unavailable` and
    /// `Overloaded` asks again later by itself. A fault of an older epoch is ignored; one of the
    /// connection is for [`crate::respond`] alone.
    pub fn handle_fault(&mut self, now: Instant, fault: &Fault) {
        if fault.epoch != self.epoch || matches!(self.state, State::Finished(_)) {
            return;
        }
        let retry = fault.retry_after_ms.map(|ms| Duration::from_millis(u64::from(ms)));
        let retry = (now + retry.unwrap_or(self.config.retry), DrafterTimer::Retry);
        let retry = self.link_up.then_some(retry);
        match fault.kind {
            FaultKind::Gap { held, prefix } => {
                (self.gaps, self.told) = (self.gaps + 1, 0);
                if self.gaps > GAPS_MAX {
                    self.go_alone(retry);
                } else if matches!(self.state, State::Uploading(_) | State::Talking) {
                    self.raise_epoch();
                    self.replay(now, held, prefix, self.is_alone());
                }
            }
            FaultKind::Unavailable | FaultKind::Overloaded => self.go_alone(retry),
            FaultKind::PeerMisbehaved | FaultKind::PeerIncompatible | FaultKind::Corrupt => {
                self.go_alone(None);
            }
            FaultKind::Rejected => self.finish(FinishReason::Rejected),
        }
    }

    /// The link is lost, by [`crate::LinkHealth`]'s word: goes on alone. Drafts whose verdict is
    /// outstanding are the device's own words, and are committed as such at once.
    pub fn handle_link_lost(&mut self, _now: Instant) {
        self.link_up = false;
        self.go_alone(None);
    }

    fn go_alone(&mut self, retry: Option<(Instant, DrafterTimer)>) {
        self.timer = retry;
        self.outbox.clear();
        self.gaps = 0;
        if matches!(self.state, State::Finished(_)) {
            return;
        }
        if self.is_alone() {
            self.state = State::Alone;
            return;
        }
        let drafts = self.ahead.take();
        self.state = State::Alone;
        self.counts.failovers += u64::from(!self.config.route.is_local());
        self.commit(&drafts, false);
        if self.finished().is_none() {
            self.events.push_back(DrafterEvent::Alone { at: self.log.end() });
        }
    }

    /// Whether the device goes on speaking while the target takes in so many rows: it has words of its own,
    /// that nobody is about to take back, and would else be silent for more than a moment.
    pub(super) fn speaks_on(&self, rows: usize) -> bool {
        let has_words = self.as_target || self.log.len() > self.judged_to;
        has_words && self.ahead.shown() == 0 && self.takes_long(rows)
    }

    fn takes_long(&self, rows: usize) -> bool {
        self.config.tuning.pass_takes(rows).is_some_and(|time| time > SILENCE_MAX)
    }

    /// The target has answered. Where it has nearly caught up, or comes no nearer, the device falls silent,
    /// and what it said last goes up with the question.
    pub(super) fn fall_silent_where_due(&mut self) {
        let State::Uploading(upload) = &self.state else { return };
        let Some((left, before)) = upload.stretches(self.log.len()) else { return };
        if left * 2 <= before && self.takes_long(left) {
            return;
        }
        let from = self.question_start();
        if let State::Uploading(upload) = &mut self.state {
            upload.fall_silent(from);
        }
        self.rejoin();
    }

    /// Local tokens are not taken any more.
    pub(super) fn rejoin(&mut self) {
        self.as_target = false;
        self.events.push_back(DrafterEvent::Rejoined);
    }
}
