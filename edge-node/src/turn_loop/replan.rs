//! A better plan in mid-reply: looked for now and then, and taken where it surely pays.

use super::TurnLoop;
use crate::planning::predicted;
use partitioner::{Advice, Costs, Outlook, Replanner};
use std::time::{Duration, Instant};
use transport::clock;

/// From one look to the next: links and loads are estimated over seconds.
const PERIOD: Duration = Duration::from_millis(500);

/// Tokens that a reply is expected to have at least, however long it is already.
const TOKENS_LEFT_MIN: u32 = 16;

/// When plans were looked at, and what became of them.
pub(super) struct Replanning {
    replanner: Replanner,
    began: Instant,
    next: Instant,
}

impl Replanning {
    /// Of a request that begins now.
    pub(super) fn new(now: Instant) -> Self {
        Self { replanner: Replanner::default(), began: now, next: now + PERIOD }
    }

    /// When to look again.
    pub(super) const fn next(&self) -> Instant {
        self.next
    }

    /// The request is run by another plan from now on.
    pub(super) fn moved(&mut self, now: Instant) {
        self.replanner.moved(now - self.began);
    }

    /// Another plan did not get ready.
    pub(super) fn failed(&mut self, now: Instant) {
        self.replanner.failed(now - self.began);
    }
}

impl TurnLoop<'_> {
    /// Looks for a better plan, where it is time to.
    pub(super) fn reconsider(&mut self) {
        let now = clock::now();
        match &mut self.replanning {
            Some(replanning) if replanning.next <= now => replanning.next = now + PERIOD,
            Some(_) | None => return,
        }
        if self.switches.is_busy() || self.drafter.finished().is_some() {
            return;
        }
        let left = self.tokens_left();
        let text = self.drafter.log().len();
        let situation = self.device.situation(text, left, self.prompt.class());
        let Ok(costs) = Costs::new(&situation) else { return };
        let Some(best) = costs.best(&self.device.config.planner.objective) else { return };
        let request = best.candidate.request(&self.device.config.name);
        if request == self.course.request {
            return;
        }
        let current = predicted(&costs, &self.course.request);
        let outlook = Outlook {
            current: current.as_ref(),
            candidate: &best.prediction,
            tokens_left: left.into(),
            // What the stages to come need to read the text.
            moving_ms: best.prediction.ttft_ms,
        };
        let Some(replanning) = &self.replanning else { return };
        match replanning.replanner.advise(now - replanning.began, &outlook) {
            Advice::Move => {
                tracing::info!(plan = %best.candidate, "planned anew");
                self.switches.wish(request);
            }
            Advice::Stay(reason) => {
                tracing::debug!(plan = %best.candidate, %reason, "stays");
            }
        }
    }

    fn tokens_left(&self) -> u32 {
        let said = u32::try_from(self.drafter.log().generated().len()).unwrap_or(u32::MAX);
        let expected = self.device.config.planner.reply_tokens.saturating_sub(said);
        expected.max(TOKENS_LEFT_MIN).min(self.request.tokens_max.saturating_sub(said)).max(1)
    }
}

#[cfg(test)]
mod tests;
