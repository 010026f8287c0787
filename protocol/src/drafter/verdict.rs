//! What a [`Drafter`] makes of a verdict: does it answer what was asked, and what does it commit.

use super::{Drafter, DrafterEvent, State};
use crate::error::PeerMisbehaved;
use crate::{Message, Pass, Verdict};
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
            State::Listening { until } => self.hear_on(now, verdict, until),
            State::Opening { .. } | State::Drafting | State::Alone | State::Finished(_) => Ok(()),
        }
    }

    /// The target speaks about passes in flight.
    fn hear_answer(&mut self, now: Instant, verdict: &Verdict) -> Result<(), PeerMisbehaved> {
        let State::Uploading(upload) = &mut self.state else { return Ok(()) };
        if verdict.tokens.is_empty() {
            upload.acknowledged(verdict.from);
            self.have = self.have.max(verdict.from.index().min(self.judged_to));
            self.pump(now);
            return Ok(());
        }
        let Some(pass) = upload.judged(verdict.from) else { return Ok(()) };
        let answered = upload.is_answered();
        check_shape(&pass, verdict)?;
        self.gaps = 0;
        self.counts.rounds += 1;
        self.counts.accepted += u64::from(verdict.accepted);
        self.note_passes(verdict.passes);
        self.note_judged(verdict);
        if !answered {
            self.pump(now);
            return Ok(());
        }
        let drafts = &pass.tokens[pass.tokens.len() - pass.drafts as usize..];
        let accepted = &drafts[..verdict.accepted as usize];
        self.commit_verdict(&[accepted, &verdict.tokens].concat());
        if self.finished().is_none() {
            if self.config.extend > 0 {
                self.state = State::Listening { until: pass.end().advance(pass.extend).index() };
                self.renew();
                self.await_answer(now);
            } else {
                self.next_round(now);
            }
        }
        Ok(())
    }

    /// The target goes on alone. What overlaps the log must equal it.
    fn hear_on(
        &mut self,
        now: Instant,
        verdict: &Verdict,
        until: usize,
    ) -> Result<(), PeerMisbehaved> {
        let (from, len) = (verdict.from.index(), self.log.len());
        let plain = verdict.agreed.is_empty() && verdict.accepted == 0;
        let end = from + verdict.tokens.len();
        if !plain || from > len || end <= len {
            return Ok(());
        }
        if end > until {
            let why = "it says more than it was asked for";
            return Err(PeerMisbehaved::VerdictShape { from: verdict.from, why });
        }
        let (known, new) = verdict.tokens.split_at(len - from);
        for (i, (now, before)) in known.iter().zip(&self.log.tokens()[from..]).enumerate() {
            if now != before {
                let at = Position::after(from + i);
                return Err(PeerMisbehaved::Contradiction { at, before: *before, now: *now });
            }
        }
        self.gaps = 0;
        self.note_passes(verdict.passes);
        self.commit_verdict(new);
        if self.finished().is_none() {
            self.renew();
            self.await_answer(now);
        }
        Ok(())
    }

    fn commit_verdict(&mut self, tokens: &[TokenId]) {
        self.commit(tokens, true);
        self.judged_to = self.log.len();
        self.have = self.log.len();
        self.agreeing = true;
    }

    /// Lets the target say more before it has said half of what it may.
    fn renew(&mut self) {
        let State::Listening { until } = self.state else { return };
        let wanted = self.until();
        let low = until.saturating_sub(self.log.len()) <= self.config.extend as usize / 2;
        if low && wanted > until {
            self.state = State::Listening { until: wanted };
            let pass = self.empty_pass(false, wanted);
            self.outbox.push_back(Message::Pass(pass));
        }
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

/// A verdict judges exactly what its pass wanted judged.
fn check_shape(pass: &Pass, verdict: &Verdict) -> Result<(), PeerMisbehaved> {
    let wrong = |why| Err(PeerMisbehaved::VerdictShape { from: verdict.from, why });
    if verdict.agreed.len() != pass.said as usize {
        return wrong("one mark is due for each said token");
    }
    if verdict.accepted > pass.drafts {
        return wrong("it accepts more drafts than were sent");
    }
    let missed = verdict.at().index() - pass.base.index();
    if pass.tokens.get(missed) == verdict.tokens.first() {
        return wrong("it corrects a draft to itself");
    }
    if pass.extend == 0 && verdict.tokens.len() > 1 {
        return wrong("it says more than it was asked for");
    }
    let until = pass.end().advance(pass.extend);
    if verdict.at().index() + verdict.tokens.len() > until.max(verdict.at().advance(1)).index() {
        return wrong("it says more than it was asked for");
    }
    Ok(())
}
