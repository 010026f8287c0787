//! Drives a session whose stage is the last: the target's word on what the device drafts.
//!
//! Work that nobody wants any more is given up while it runs. What a device that lost its link would
//! want again, a prefill above all, is not: it runs to its end, however the turn ends.

use super::{Driver, End, Ends, Outcome, Running, Said, Trouble, finish, out_of_turn, said};
use crate::engine::{Done, EngineError, Job, Rows};
use base::TokenId;
use protocol::{Chosen, Frame, Kind, Verifier, Work};
use runtime::BLOCK_SLOTS;
use transport::{ChannelError, clock};

/// Until the turn ends. The verifier is then without running work, fit for the next turn.
pub(super) async fn drive(driver: Driver<'_>, verifier: &mut Verifier, ends: &mut Ends) -> End {
    let mut running = None;
    verifier.handle_open(driver.open);
    let end = driver.verify(verifier, ends, &mut running).await;
    let wanted = match end {
        End::Closed | End::Misbehaved(_) => false,
        End::Lost(_) | End::Superseded | End::Reopened(_) => !verifier.is_going_on_alone(),
    };
    if running.is_some() && wanted {
        driver.answer(verifier, finish(&mut running).await);
    } else {
        give_up(verifier, &mut running);
    }
    // What is left to say is for a channel that is gone.
    while verifier.poll_transmit().is_some() {}
    end
}

impl Driver<'_> {
    async fn verify(
        &self,
        verifier: &mut Verifier,
        ends: &mut Ends,
        running: &mut Option<Running>,
    ) -> End {
        loop {
            // Taking up work may answer from memory, and so may failing at it.
            while running.is_none()
                && let Some(work) = self.next_work(verifier)
            {
                match self.start(verifier.text(), work) {
                    Ok(begun) => *running = Some(begun),
                    Err(trouble) => refuse(verifier, &trouble),
                }
            }
            while let Some(message) = verifier.poll_transmit() {
                if let Err(end) = ends.send(message, &self.stop).await {
                    return end;
                }
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return End::Superseded,
                frame = ends.receiver.recv() => {
                    if let Err(end) = take(verifier, frame) {
                        return end;
                    }
                    if verifier.is_obsolete() {
                        give_up(verifier, running);
                    }
                }
                done = finish(running) => self.answer(verifier, done),
                // The next turn of the loop asks for work again.
                _ = clock::reached(verifier.poll_timeout()) => {}
            }
        }
    }

    fn next_work(&self, verifier: &mut Verifier) -> Option<Work> {
        verifier.handle_load(self.node.engine.is_crowded_for(self.sequence));
        verifier.poll_work(clock::now())
    }

    /// Has the engine take up `work`, which ends the `text`.
    fn start(&self, text: &[TokenId], work: Work) -> Result<Running, Trouble> {
        let base = work.truncate_to;
        if work.told {
            return Ok(self.look_up(text, base, work.tokens));
        }
        // Passes of whole models find by themselves what is known.
        let finds = self.accepted.run.embedding && work.tokens.len() >= BLOCK_SLOTS;
        let asked = if finds { self.asked(text, base) } else { None };
        let chosen = self.rows(text, base, &work.choose);
        let rows = match &work.hidden {
            Some(rows) => Rows::Hidden { values: self.decode(rows)?, tokens: work.tokens },
            None => Rows::Tokens(work.tokens),
        };
        let job = Job {
            sequence: self.sequence.clone(),
            run: self.accepted.run,
            base,
            rows,
            choose: self.choose(work.choose),
        };
        Ok(self.submit(asked, chosen, job))
    }

    fn answer(&self, verifier: &mut Verifier, done: Result<Outcome, EngineError>) {
        match done {
            Ok(Outcome::Known(rows)) => verifier.handle_known(clock::now(), rows),
            Ok(Outcome::Ran(done)) => {
                let (chosen, us) = chosen(done);
                verifier.handle_chosen(clock::now(), chosen, us);
            }
            Err(EngineError::Gap { .. }) => verifier.handle_forgotten(),
            Err(error) => refuse(verifier, &Trouble::of(self.node, &error)),
        }
    }
}

/// What the target chose in a job, and how many microseconds that took.
pub(super) fn chosen(done: Done) -> (Chosen, u32) {
    let us = u32::try_from(done.took.as_micros()).unwrap_or(u32::MAX);
    (Chosen { tokens: done.chosen, likelihoods: done.likelihoods }, us)
}

/// Leaves a running job to itself: the engine ends what nobody waits for.
fn give_up(verifier: &mut Verifier, running: &mut Option<Running>) {
    if running.take().is_some() {
        verifier.handle_abandoned();
    }
}

fn refuse(verifier: &mut Verifier, trouble: &Trouble) {
    verifier.handle_refused(trouble.kind, &trouble.detail, trouble.retry_after_ms);
}

/// Hands in what the peer sent.
fn take(verifier: &mut Verifier, frame: Result<Frame, ChannelError>) -> Result<(), End> {
    let now = clock::now();
    match said(frame)? {
        Said::Pass(pass, payload) => {
            verifier.handle_pass(now, pass, payload).map_err(End::Misbehaved)?;
        }
        Said::Draft(draft) => verifier.handle_draft(now, draft).map_err(End::Misbehaved)?,
        // The head is here.
        Said::Verdict(_) => return Err(out_of_turn(Kind::Verdict)),
        Said::Rollback(rollback) => verifier.handle_rollback(&rollback),
        Said::Nothing => {}
    }
    Ok(())
}
