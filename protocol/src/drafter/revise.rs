//! Words that were said alone, as drafts: a [`Drafter`] that has them revised.
//!
//! ```text
//!  log: ... settled │ said alone ........ ┆
//!                   │ a   b   c   d   e   ┆   and the same as drafts, from the rejoin on
//!  the target says:   a   b   x           ┆   a, b are verified; c, d, e are taken back; x is said
//! ```
//!
//! Until they are judged they stay shown, also where the target is lost again.

use super::{AfterOutage, Drafter, DrafterEvent};
use crate::Origin;
use base::{Position, TokenId};

/// How sure a device is taken to have been of what it said alone: nobody wrote it down.
const CONFIDENCE: f32 = 0.5;

impl Drafter {
    /// How many tokens are not in question: where the target's next word stands. Less than the log
    /// where shown words are to be revised.
    pub(super) fn settled(&self) -> usize {
        self.log.len() - self.ahead.shown()
    }

    /// The target is back: what was said alone becomes drafts, where it is to be revised.
    pub(super) fn question_shown(&mut self) {
        if self.config.after_outage == AfterOutage::Revise {
            let acceptance = self.config.tuning.acceptance(Origin::Model, CONFIDENCE);
            self.ahead.put_shown(&self.log.tokens()[self.judged_to..], acceptance);
        }
    }

    /// The target says `text` from `at` on: verifies what is shown there as far as it is the same, and
    /// takes back the rest where it is not. How much of `text` is shown.
    pub(super) fn judge_shown(&mut self, at: usize, text: &[TokenId]) -> usize {
        let shown = &self.log.tokens()[at..];
        let known = shown.iter().zip(text).take_while(|(shown, said)| shown == said).count();
        let differs = known < shown.len().min(text.len());
        if known > 0 || differs {
            (at..at + known).for_each(|position| self.log.verify(position));
            let mut agreed = vec![true; known];
            agreed.extend(differs.then_some(false));
            self.events.push_back(DrafterEvent::Judged { from: Position::after(at), agreed });
        }
        if differs {
            let (at, removed) = (Position::after(at + known), self.log.cut(at + known));
            self.events.push_back(DrafterEvent::Revised { at, removed });
        }
        known
    }
}
