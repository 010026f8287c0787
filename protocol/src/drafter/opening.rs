//! How a [`Drafter`] opens its session, sends it what it lacks, and asks again what was not answered.

use super::upload::{Terms, Upload};
use super::{Drafter, DrafterConfig, DrafterTimer, State};
use crate::{Epoch, Message, Open, PlannedStage, PrefixHash, SessionId};
use base::Position;
use std::time::Instant;

impl Drafter {
    pub(super) fn reopen(&mut self, now: Instant) {
        self.raise_epoch();
        self.state = State::Opening { alone: true };
        self.send_open(now);
    }

    pub(super) fn send_open(&mut self, now: Instant) {
        let DrafterConfig { session, route, .. } = &self.config;
        let open = self.open(*session, self.epoch, &route.stages, self.have);
        self.outbox.push_back(Message::Open(open));
        self.await_answer(now);
    }

    pub(super) fn open(
        &self,
        session: SessionId,
        epoch: Epoch,
        stages: &[PlannedStage],
        have: usize,
    ) -> Open {
        Open {
            session,
            epoch,
            have: Position::after(have),
            sampling: self.config.sampling,
            stages: stages.to_vec(),
            end_tokens: self.config.end_tokens.clone(),
            positions_max: self.config.positions_max,
            kv: self.config.kv,
            stream: self.config.stream,
            tenant: None,
            lineage: None,
            class: self.config.class,
            constraint: self.config.constraint.clone(),
            likelihoods: self.config.likelihoods,
            trace: self.config.trace,
        }
    }

    /// Above every epoch that was used for anything.
    pub(super) fn new_epoch(&mut self) -> Epoch {
        self.newest = self.newest.next();
        self.newest
    }

    /// What is older is void.
    pub(super) fn raise_epoch(&mut self) {
        self.epoch = self.new_epoch();
    }

    /// Sends what is said from where the target's copy ends, or all of it where the copy differs. A
    /// device that is `alone` speaks on meanwhile, where that takes long.
    pub(super) fn replay(&mut self, now: Instant, held: Position, prefix: PrefixHash, alone: bool) {
        let same = self.log.hash(held.index()) == Some(prefix);
        self.have = if same { held.index() } else { 0 };
        let start = self.have.min(self.judged_to - 1);
        let speaks = alone && self.speaks_on(self.log.len() - start);
        if alone && !speaks {
            self.rejoin();
        }
        self.upload(now, Upload::new(start, speaks).telling(self.told));
    }

    pub(super) fn upload(&mut self, now: Instant, upload: Upload) {
        self.state = State::Uploading(upload);
        self.ahead.unsend();
        (self.until, self.leave, self.granted, self.asked) = (0, 0, 0, false);
        self.heard = now;
        self.pump(now);
    }

    /// Sends as much as the windows take.
    pub(super) fn pump(&mut self, now: Instant) {
        let terms = Terms {
            epoch: self.epoch,
            rows_max: self.config.pass_rows_max,
            judged_to: self.judged_to,
            end: self.settled(),
            until: self.most(),
        };
        if let State::Uploading(upload) = &mut self.state {
            while let Some(pass) = upload.next(&self.log, terms) {
                self.rows_to = pass.end().index();
                self.granted = pass.extend as usize;
                self.until = if self.granted > 0 { self.rows_to + self.granted } else { 0 };
                self.outbox.push_back(Message::Pass(pass));
            }
            self.allow_after(self.rows_to);
        }
        self.talk();
        self.await_answer(now);
    }

    pub(super) fn await_answer(&mut self, now: Instant) {
        let wait = self.config.retransmit.filter(|_| self.is_waiting());
        self.timer = wait.map(|wait| (now + wait, DrafterTimer::Retransmit));
    }

    pub(super) fn retransmit(&mut self, now: Instant) {
        match &self.state {
            State::Opening { .. } => self.send_open(now),
            State::Uploading(upload) => {
                self.outbox.extend(upload.in_flight().cloned().map(Message::Pass));
                self.ahead.unsend();
                self.rows_to = self.rows_to.min(self.settled());
                self.pump(now);
            }
            State::Talking => {
                self.raise_epoch();
                self.upload(now, Upload::new(self.question_start(), false));
            }
            State::Alone | State::Finished(_) => {}
        }
    }
}
