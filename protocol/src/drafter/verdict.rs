//! What a [`Drafter`] makes of a verdict: does it answer what was asked, and what does it commit.

use super::ahead::BranchTally;
use super::{Drafter, DrafterEvent, State};
use crate::error::PeerMisbehaved;
use crate::{Origin, Pass, Verdict};
use base::{Position, TokenId};
use std::time::Instant;

impl Drafter {
    /// The target's word. Ignored where it answers nothing that is asked now: late, repeated, or out
    /// of order.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved`] where it is of an epoch that was never started, judges other tokens than
    /// were sent, or contradicts an earlier one; the connection is to be closed.
    pub fn handle_verdict(
        &mut self,
        now: Instant,
        verdict: &Verdict,
    ) -> Result<(), PeerMisbehaved> {
        if verdict.epoch > self.epoch {
            let (actual, newest) = (verdict.epoch, self.epoch);
            return Err(PeerMisbehaved::FutureEpoch { actual, newest });
        }
        if verdict.epoch < self.epoch {
            return Ok(());
        }
        match self.state {
            State::Uploading(_) => self.hear_answer(now, verdict),
            State::Talking => self.hear_on(now, verdict),
            State::Opening { .. } | State::Alone | State::Finished(_) => Ok(()),
        }
    }

    /// The target speaks about passes in flight.
    fn hear_answer(&mut self, now: Instant, verdict: &Verdict) -> Result<(), PeerMisbehaved> {
        let State::Uploading(upload) = &mut self.state else { return Ok(()) };
        if verdict.tokens.is_empty() {
            upload.acknowledged(verdict.from);
            self.have = self.have.max(verdict.from.index().min(self.judged_to));
            self.fall_silent_where_due();
            self.pump(now);
            return Ok(());
        }
        let Some(pass) = upload.judged(verdict.from) else { return Ok(()) };
        let answered = upload.is_answered();
        check_shape(&pass, self.leave, verdict)?;
        self.note_judged(verdict);
        if answered {
            self.state = State::Talking;
            self.take_in(now, verdict, 0, &verdict.tokens);
        } else {
            self.note_heard(verdict);
            self.fall_silent_where_due();
            self.pump(now);
        }
        Ok(())
    }

    /// The target goes on from where it spoke last. What overlaps the log must equal it.
    fn hear_on(&mut self, now: Instant, verdict: &Verdict) -> Result<(), PeerMisbehaved> {
        let (from, at, len) = (verdict.from.index(), verdict.at().index(), self.settled());
        let end = at + verdict.tokens.len();
        if !verdict.agreed.is_empty() || verdict.tokens.is_empty() || from > len || end <= len {
            return Ok(());
        }
        let wrong = |why| Err(PeerMisbehaved::VerdictShape { from: verdict.from, why });
        let accepted = at.saturating_sub(len);
        if accepted > self.ahead.sent() {
            return wrong("it accepts more drafts than were sent");
        }
        if end > self.leave.max(at + 1) {
            return wrong("it says more than it was asked for");
        }
        let (known, new) = verdict.tokens.split_at(len.saturating_sub(at));
        let said = self.log.tokens()[..len].get(at..).unwrap_or_default();
        for (i, (now, before)) in known.iter().zip(said).enumerate() {
            if now != before {
                let at = Position::after(at + i);
                return Err(PeerMisbehaved::Contradiction { at, before: *before, now: *now });
            }
        }
        self.take_in(now, verdict, accepted, new);
        Ok(())
    }

    /// Commits the next `accepted` drafts and then `tokens`. Drafts that equal these stay valid; one
    /// that differs ends their branch.
    fn take_in(&mut self, now: Instant, verdict: &Verdict, accepted: usize, tokens: &[TokenId]) {
        self.note_heard(verdict);
        self.asked = false;
        self.learn(now, verdict, accepted, tokens);
        self.note_likelihoods(verdict);
        let at = self.settled();
        let mut text = self.ahead.accept(accepted);
        let wish = self.ahead.wish(0);
        let right = tokens.iter().filter(|token| self.ahead.hear(**token)).count();
        text.extend(tokens);
        self.counts.rounds += 1;
        self.counts.accepted += (accepted + right) as u64;
        let known = self.judge_shown(at, &text);
        self.commit(&text[known..], true);
        let settled = self.settled();
        (self.judged_to, self.have) = (settled, settled);
        self.agreeing = true;
        if !self.ahead.is_same_branch(wish) {
            let BranchTally { sent, chunks, useful } = self.ahead.take_tally();
            // What follows the chunk that was contradicted is dropped unseen.
            let rows = useful + sent.checked_div(chunks).unwrap_or(0);
            self.config.tuning.branch_ended(rows, useful);
            self.rows_to = self.rows_to.min(settled - 1);
        }
        self.ahead.settle(settled);
        if self.finished().is_none() {
            self.pump(now);
        }
    }

    /// Measures what a verdict tells: the pace, the cost of passes, and which drafts were right, up to
    /// the first that was not. How sure the device was of what it said alone is not known any more.
    fn learn(&mut self, now: Instant, verdict: &Verdict, accepted: usize, tokens: &[TokenId]) {
        let tuning = &mut self.config.tuning;
        let count = u32::try_from(accepted + tokens.len()).unwrap_or(u32::MAX);
        tuning.emitted(count, now.saturating_duration_since(self.heard));
        self.heard = now;
        verdict.cost.iter().for_each(|cost| tuning.passed(*cost));
        self.ahead.credit(accepted);
        let drafts: Vec<_> =
            self.ahead.tokens().take(accepted).chain(tokens.iter().copied()).collect();
        for (i, (waiting, said)) in self.ahead.waiting().zip(drafts).enumerate() {
            let right = waiting.draft.token == said;
            if i >= self.ahead.shown() {
                tuning.judged(waiting.draft.origin, waiting.draft.confidence, right);
                if waiting.draft.origin == Origin::Model {
                    self.counts.own_judged += 1;
                    self.counts.own_right += u64::from(right);
                }
            }
            if !right {
                break;
            }
        }
    }

    /// How likely the target took what it says now to be.
    fn note_likelihoods(&mut self, verdict: &Verdict) {
        let from = verdict.at().index() - verdict.accepted as usize;
        self.likely.extend((from..).zip(verdict.likelihoods.iter().cloned()));
    }

    /// The target lives and works.
    fn note_heard(&mut self, verdict: &Verdict) {
        self.gaps = 0;
        let seen = self.passes_seen.unwrap_or(0);
        let [low, ..] = seen.to_le_bytes();
        self.note_passes(seen.wrapping_add(u32::from(verdict.passes.wrapping_sub(low))));
    }

    /// Marks what was said alone and is judged now: verified as far as the target agreed without a
    /// break.
    fn note_judged(&mut self, verdict: &Verdict) {
        if verdict.agreed.is_empty() {
            return;
        }
        let from = verdict.from.index();
        for (i, agreed) in verdict.agreed.iter().enumerate() {
            self.agreeing &= agreed;
            if self.agreeing {
                self.log.verify(from + i);
            }
        }
        self.judged_to = from + verdict.agreed.len();
        self.have = self.have.max(self.judged_to);
        let (from, agreed) = (verdict.from, verdict.agreed.clone());
        self.events.push_back(DrafterEvent::Judged { from, agreed });
    }

    pub(super) fn note_passes(&mut self, passes: u32) {
        let seen = self.passes_seen.replace(passes).unwrap_or(0);
        // A node that lost its state counts from zero again.
        let more = passes.checked_sub(seen).unwrap_or(passes);
        self.counts.target_passes += u64::from(more);
    }
}

/// A verdict judges exactly what its pass wanted judged. The target may go on as far as any pass or
/// chunk of the epoch let it, for it may have had them all when it spoke: before `leave`.
fn check_shape(pass: &Pass, leave: usize, verdict: &Verdict) -> Result<(), PeerMisbehaved> {
    let wrong = |why| Err(PeerMisbehaved::VerdictShape { from: verdict.from, why });
    if verdict.agreed.len() != pass.said as usize {
        return wrong("one mark is due for each said token");
    }
    if verdict.accepted > 0 {
        return wrong("it accepts more drafts than were sent");
    }
    let at = verdict.at().index();
    if at + verdict.tokens.len() > leave.max(at + 1) {
        return wrong("it says more than it was asked for");
    }
    Ok(())
}
