//! The other nodes and their shells, and what befalls them.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it expects, and panics on the rest"
)]

use super::super::link::Astray;
use super::super::scenario::{Fate, Speed, ms};
use super::super::setup::{bytes_of, engine, verifier};
use super::device::OUTBOX_MAX;
use super::{Happening, Hop, Outcome, World};
use crate::{FaultKind, Frame, Message, Pong, Side};

impl World {
    pub(super) fn at_first_node(&mut self, connection: u64, frame: Frame) {
        if let Message::Ping(ping) = frame.message {
            return self
                .send_down(connection, &Message::Pong(Pong { nonce: ping.nonce, load: 0 }).into());
        }
        let Some(Hop { hops, .. }) = &mut self.hop else { return self.at_verifier(frame) };
        match frame.message {
            Message::Open(open) => hops.handle_open(open),
            // A node that lost its state has been told of no session: its connection is new, too.
            Message::Pass(pass) => hops.handle_pass(pass, frame.payload).unwrap(),
            Message::Rollback(rollback) => hops.handle_rollback(rollback),
            Message::Verdict(verdict) => hops.handle_verdict(Side::Down, verdict).unwrap(),
            other => panic!("middle stage got {other:?} from below"),
        }
    }

    pub(super) fn at_verifier(&mut self, frame: Frame) {
        match frame.message {
            Message::Open(open) => self.verifier.handle_open(&open),
            Message::Pass(pass) => {
                self.verifier.handle_pass(self.now, pass, frame.payload).unwrap();
            }
            Message::Draft(draft) => self.verifier.handle_draft(self.now, draft).unwrap(),
            Message::Rollback(rollback) => self.verifier.handle_rollback(&rollback),
            other => panic!("verifier got {other:?}"),
        }
    }

    pub(super) fn at_hop(&mut self, frame: Frame) {
        let hops = &mut self.hop.as_mut().expect("far frames have a middle stage").hops;
        match frame.message {
            Message::Opened(opened) => hops.handle_opened(&opened).unwrap(),
            Message::Verdict(verdict) => hops.handle_verdict(Side::Up, verdict).unwrap(),
            Message::Fault(fault) => hops.handle_fault(fault),
            other => panic!("middle stage got {other:?} from above"),
        }
    }

    pub(super) fn settle_verifier(&mut self) {
        if self.verifier.is_obsolete() && !self.forgets {
            self.verifier.handle_abandoned();
            self.works += 1;
        }
        while let Some(work) = self.verifier.poll_work(self.now) {
            self.works += 1;
            let outcome = match self.now < self.refusing {
                true => Outcome::Refused,
                false => self.engine.verify(&work).map_or(Outcome::Forgotten, Outcome::Chosen),
            };
            self.forgets = matches!(outcome, Outcome::Forgotten);
            let Speed { pass, row, .. } = self.scenario.speed;
            let time = pass + row * u32::try_from(work.tokens.len()).unwrap();
            self.passed = time;
            self.plan(self.now + time, Happening::Verified((self.life, self.works), outcome));
        }
        let mut sent = 0;
        while let Some(message) = self.verifier.poll_transmit() {
            sent += 1;
            match &self.hop {
                Some(_) => {
                    self.tell("verifier says", &message);
                    let (life, bytes) = (self.far_life, bytes_of(&message.into()));
                    for at in self.far_down.arrivals(self.now, &mut self.dice) {
                        self.plan(at, Happening::FarDown(life, bytes.clone()));
                    }
                }
                None => self.send_down(self.connections, &message.into()),
            }
        }
        assert!(sent <= OUTBOX_MAX, "the verifier has {sent} messages at once");
    }

    /// The verifier's engine is done.
    pub(super) fn end_work(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Chosen(chosen) => {
                let us = u32::try_from(self.passed.as_micros()).unwrap();
                self.verifier.handle_chosen(self.now, chosen.clone(), us);
            }
            Outcome::Forgotten => self.verifier.handle_forgotten(),
            Outcome::Refused => {
                self.verifier.handle_refused(FaultKind::Overloaded, "full", Some(50));
            }
        }
    }

    pub(super) fn settle_hop(&mut self) {
        let Some(Hop { hops, engine, life, far_life, works, forgets }) = &mut self.hop else {
            return;
        };
        let (life, far_life) = (*life, *far_life);
        let mut passed = Vec::new();
        if hops.is_obsolete() && !*forgets {
            hops.handle_abandoned();
            *works += 1;
        }
        while let Some(work) = hops.poll_work() {
            *works += 1;
            let rows = engine.pass_on(&work);
            *forgets = rows.is_none();
            passed.push(((life, *works), rows));
        }
        let frames: Vec<_> = std::iter::from_fn(|| hops.poll_transmit()).collect();
        assert!(frames.len() <= OUTBOX_MAX, "the hop has {} messages at once", frames.len());
        for (errand, rows) in passed {
            self.plan(self.now + ms(3), Happening::PassedOn(errand, rows));
        }
        for (side, frame) in frames {
            match side {
                Side::Down => self.send_down(self.connections, &frame),
                Side::Up => {
                    self.tell("hop says", &frame.message);
                    for at in self.far_up.arrivals(self.now, &mut self.dice) {
                        self.plan(at, Happening::FarUp(far_life, bytes_of(&frame)));
                    }
                }
            }
        }
    }

    pub(super) fn send_down(&mut self, connection: u64, frame: &Frame) {
        self.tell("node says", &frame.message);
        let bytes = bytes_of(frame);
        self.bytes += bytes.len();
        for at in self.down.arrivals(self.now, &mut self.dice) {
            self.plan(at, Happening::Down(connection, bytes.clone()));
        }
    }

    pub(super) fn befall(&mut self, fate: Fate) {
        self.tell("fate", &fate);
        let first_is_verifier = self.hop.is_none();
        match fate {
            Fate::Cut(_) => {}
            Fate::Move => self.readdress(),
            Fate::Refuse(time) => self.refusing = self.now + time,
            Fate::Stop => self.drafter.stop(self.now),
            Fate::Switch(way) => self.switch(way),
            Fate::RestartUpstream if !first_is_verifier && self.home.is_none() => {
                self.restart_verifier();
                self.far_life += 1;
                let life = self.far_life;
                self.plan(self.now + ms(20), Happening::UpstreamGone(life));
            }
            Fate::Restart | Fate::RestartUpstream => {
                if first_is_verifier {
                    self.restart_verifier();
                } else {
                    self.far_life += 1;
                    self.hop = Some(Hop::new(&self.scenario, self.far_life));
                }
                self.accepted_from = self.connections + 1;
                let told = self.up.cut_until(self.now).unwrap_or(self.now) + ms(20);
                if let Some(connection) = self.connection {
                    self.plan(told, Happening::Closed(connection));
                }
            }
        }
    }

    /// What is on its way down does not arrive where the device was.
    fn readdress(&mut self) {
        let astray = self.down.readdress();
        let is_down = |happening: &Happening| matches!(happening, Happening::Down(..));
        let keys: Vec<_> =
            self.agenda.iter().filter(|(_, it)| is_down(it)).map(|(key, _)| *key).collect();
        for (at, sequence) in keys {
            let frame = self.agenda.remove(&(at, sequence)).expect("it was just seen");
            if let Astray::Late(late) = astray {
                self.agenda.insert((at + late, sequence), frame);
            }
        }
    }

    fn restart_verifier(&mut self) {
        self.life += 1;
        self.verifier = verifier(&self.scenario);
        self.engine = engine(&self.scenario);
    }
}
