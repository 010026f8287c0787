//! The other nodes and their shells, and what befalls them.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it expects, and panics on the rest"
)]

use super::super::scenario::{Fate, Speed, ms};
use super::super::setup::{bytes_of, engine, verifier};
use super::{Happening, Hop, World};
use crate::{Frame, Message, Pong, Side};

impl World {
    pub(super) fn at_first_node(&mut self, connection: u64, frame: Frame) {
        if let Message::Ping(ping) = frame.message {
            return self.send_down(connection, &Message::Pong(Pong { nonce: ping.nonce }).into());
        }
        let Some(Hop { hops, .. }) = &mut self.hop else { return self.at_verifier(frame) };
        match frame.message {
            Message::Open(open) => hops.handle_open(open),
            // A node that lost its state has been told of no session: its connection is new, too.
            Message::Pass(pass) => hops.handle_pass(pass, frame.payload).unwrap(),
            Message::Rollback(rollback) => hops.handle_rollback(rollback),
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
            Message::Verdict(verdict) => hops.handle_verdict(verdict),
            Message::Fault(fault) => hops.handle_fault(fault),
            other => panic!("middle stage got {other:?} from above"),
        }
    }

    pub(super) fn settle_verifier(&mut self) {
        while let Some(work) = self.verifier.poll_work(self.now) {
            let chosen = self.engine.verify(&work);
            let Speed { pass, row, .. } = self.scenario.speed;
            let time = pass + row * u32::try_from(work.tokens.len()).unwrap();
            self.passed = time;
            self.plan(self.now + time, Happening::Verified(self.life, chosen));
        }
        while let Some(message) = self.verifier.poll_transmit() {
            match &self.hop {
                Some(_) => {
                    let (life, bytes) = (self.far_life, bytes_of(&message.into()));
                    for at in self.far_down.arrivals(self.now, &mut self.dice) {
                        self.plan(at, Happening::FarDown(life, bytes.clone()));
                    }
                }
                None => self.send_down(self.connections, &message.into()),
            }
        }
    }

    pub(super) fn settle_hop(&mut self) {
        let Some(Hop { hops, engine, life, far_life }) = &mut self.hop else { return };
        let (life, far_life) = (*life, *far_life);
        let mut passed = Vec::new();
        while let Some(work) = hops.poll_work() {
            passed.push(engine.pass_on(&work));
        }
        let frames: Vec<_> = std::iter::from_fn(|| hops.poll_transmit()).collect();
        for rows in passed {
            self.plan(self.now + ms(3), Happening::PassedOn(life, rows));
        }
        for (side, frame) in frames {
            match side {
                Side::Down => self.send_down(self.connections, &frame),
                Side::Up => {
                    for at in self.far_up.arrivals(self.now, &mut self.dice) {
                        self.plan(at, Happening::FarUp(far_life, bytes_of(&frame)));
                    }
                }
            }
        }
    }

    pub(super) fn send_down(&mut self, connection: u64, frame: &Frame) {
        let bytes = bytes_of(frame);
        self.bytes += bytes.len();
        for at in self.down.arrivals(self.now, &mut self.dice) {
            self.plan(at, Happening::Down(connection, bytes.clone()));
        }
    }

    pub(super) fn befall(&mut self, fate: Fate) {
        let first_is_verifier = self.hop.is_none();
        match fate {
            Fate::Cut(_) => {}
            Fate::RestartUpstream if !first_is_verifier => {
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
                    let life = self.hop.as_ref().map_or(0, |hop| hop.life + 1);
                    self.hop = Some(Hop::new(&self.scenario, life, self.far_life));
                }
                self.accepted_from = self.connections + 1;
                let told = self.up.cut_until(self.now).unwrap_or(self.now) + ms(20);
                if let Some(connection) = self.connection {
                    self.plan(told, Happening::Closed(connection));
                }
            }
        }
    }

    fn restart_verifier(&mut self) {
        self.life += 1;
        self.verifier = verifier(&self.scenario);
        self.engine = engine(&self.scenario);
    }
}
