//! When a [`Drafter`] goes on alone, and what it asks again.

use super::{Drafter, DrafterEvent, DrafterTimer, FinishReason, State};
use crate::{Fault, FaultKind};
use std::time::{Duration, Instant};

/// A peer that reports a gap this often in a row, without a verdict between, is given up.
pub(super) const GAPS_MAX: u32 = 8;

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
                self.gaps += 1;
                if self.gaps > GAPS_MAX {
                    self.go_alone(retry);
                } else if matches!(self.state, State::Uploading(_) | State::Talking) {
                    self.epoch = self.epoch.next();
                    self.replay(now, held, prefix);
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
        match &self.state {
            State::Finished(_) => return,
            State::Alone | State::Opening { alone: true } => {
                self.state = State::Alone;
                return;
            }
            State::Opening { alone: false } | State::Uploading(_) | State::Talking => {}
        }
        let drafts = self.ahead.take();
        self.state = State::Alone;
        self.counts.failovers += u64::from(!self.config.route.is_local());
        self.commit(&drafts, false);
        if self.finished().is_none() {
            self.events.push_back(DrafterEvent::Alone { at: self.log.end() });
        }
    }
}
