//! The head on the device, where the chain comes back to it.

use super::super::scenario::Speed;
use super::super::stage;
use super::{Happening, Outcome, World};
use crate::{FaultKind, Message, Side};

impl World {
    /// What the device sends, the head sees.
    pub(super) fn goes_up(&mut self, message: &Message) {
        if let Some(home) = &mut self.home {
            home.handle_going_up(message);
        }
    }

    pub(super) fn settle_home(&mut self) {
        let Some(home) = &mut self.home else { return };
        if home.is_obsolete() {
            home.handle_abandoned();
            self.works += 1;
        }
        let Speed { pass, row, .. } = self.scenario.speed;
        let mut begun = Vec::new();
        while let Some(work) = home.poll_work(self.now) {
            self.works += 1;
            self.passed = (pass + row * u32::try_from(work.tokens.len()).unwrap()) / 10;
            let outcome = match self.now < self.refusing {
                true => Outcome::Refused,
                false => Outcome::Chosen(stage::choose(&work, home.verifier().text())),
            };
            begun.push(((self.life, self.works), outcome));
        }
        let said: Vec<_> = std::iter::from_fn(|| home.poll_transmit()).collect();
        for (errand, outcome) in begun {
            self.plan(self.now + self.passed, Happening::Verified(errand, outcome));
        }
        for (side, message) in said {
            match side {
                Side::Up => self.send_up(&message.into()),
                Side::Down => self.at_drafter(message),
            }
        }
    }

    /// The head is done.
    pub(super) fn end_work_at_home(&mut self, outcome: &Outcome) {
        let Some(home) = &mut self.home else { return };
        match outcome {
            Outcome::Chosen(chosen) => {
                let us = u32::try_from(self.passed.as_micros()).unwrap();
                home.handle_chosen(self.now, chosen.clone(), us);
            }
            Outcome::Refused => home.handle_refused(FaultKind::Overloaded, "full", Some(50)),
            Outcome::Forgotten => unreachable!("a head has no KV to forget"),
        }
    }
}
