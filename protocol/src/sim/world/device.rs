//! The device and its shell: what comes, what is shown, drafted, said and sent.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it expects, and panics on the rest"
)]

use super::super::model;
use super::super::scenario::{Speed, ms};
use super::super::setup::bytes_of;
use super::super::stage::WIDTH;
use super::{Happening, World};
use crate::{AfterOutage, DrafterEvent, Frame, Hidden, HopWork, LinkEvent, Message, WireCodec};

impl World {
    pub(super) fn at_device(&mut self, message: Message) {
        let now = self.now;
        match message {
            Message::Pong(pong) => return self.health.handle_pong(now, pong),
            Message::Opened(opened) => self.drafter.handle_opened(now, &opened).unwrap(),
            Message::Verdict(verdict) => self.drafter.handle_verdict(now, &verdict).unwrap(),
            Message::Fault(fault) => self.drafter.handle_fault(now, &fault),
            other => panic!("device got {other:?}"),
        }
        self.health.handle_frame(now);
    }

    /// Everybody's outputs are drained and carried out.
    pub(super) fn settle(&mut self) {
        self.settle_verifier();
        self.settle_hop();
        while let Some(event) = self.health.poll_event() {
            match event {
                LinkEvent::Lost { .. } => self.drafter.handle_link_lost(self.now),
                LinkEvent::Back => self.drafter.handle_link_back(self.now),
                LinkEvent::Dial => {
                    self.plan(self.now + self.scenario.weather.delay * 2, Happening::Dialled);
                }
            }
        }
        while let Some(event) = self.drafter.poll_event() {
            self.on_event(&event);
            self.events.push((self.now, event));
        }
        if self.drafting.is_none()
            && let Some(wish) = self.drafter.wish()
        {
            self.drafting = Some(wish);
            let log = self.drafter.log().tokens().iter().copied();
            let text: Vec<_> = log.chain(self.drafter.ahead()).collect();
            let Speed { draft, accept, .. } = self.scenario.speed;
            self.plan(self.now + draft, Happening::Drafted(wish, model::draft(&text, accept)));
        }
        if self.drafter.is_alone() && !self.saying {
            self.saying = true;
            let (at, log) = (self.drafter.log().end(), self.drafter.log().tokens());
            let said = Happening::Said(at, model::draft(log, self.scenario.speed.accept));
            self.plan(self.now + ms(8), said);
        }
        self.health.expect(self.now, self.drafter.is_waiting());
        while let Some(message) = self.drafter.poll_transmit() {
            let frame = self.with_rows(message);
            self.send_up(&frame);
        }
        while let Some(ping) = self.health.poll_transmit() {
            self.send_up(&ping.into());
        }
    }

    /// The device's own first layers run the tokens of a pass.
    fn with_rows(&mut self, message: Message) -> Frame {
        let Message::Pass(mut pass) = message else { return message.into() };
        if !self.scenario.head_stage {
            return Message::Pass(pass).into();
        }
        let (truncate_to, tokens) = (pass.base, pass.tokens.clone());
        let work = HopWork { truncate_to, tokens, hidden: None, codec: WireCodec::F32 };
        let payload = self.head.pass_on(&work).expect("the device's own KV reaches back");
        let bytes = u32::try_from(payload.len()).unwrap();
        pass.hidden = Some(Hidden { codec: WireCodec::F32, width: WIDTH, bytes });
        Frame { message: Message::Pass(pass), payload }
    }

    fn on_event(&mut self, event: &DrafterEvent) {
        match event {
            DrafterEvent::Commit { at, tokens, .. } => {
                let prompt = self.scenario.prompt.len();
                assert_eq!(at.index(), prompt + self.shown.len(), "each position once, in order");
                self.shown.extend(tokens);
            }
            DrafterEvent::Revised { at, removed } => {
                let kept = at.index() - self.scenario.prompt.len();
                assert_eq!(kept + removed, self.shown.len(), "the end is taken back");
                assert_eq!(self.scenario.after_outage, AfterOutage::Revise);
                assert!(!self.marks[kept..].contains(&true), "a verified token is taken back");
                self.shown.truncate(kept);
                self.marks.truncate(kept);
            }
            DrafterEvent::Judged { .. }
            | DrafterEvent::Alone { .. }
            | DrafterEvent::Rejoined
            | DrafterEvent::Finished(_) => {}
        }
    }

    pub(super) fn send_up(&mut self, frame: &Frame) {
        let Some(connection) = self.connection else { return };
        let bytes = bytes_of(frame);
        self.bytes += bytes.len();
        for at in self.up.arrivals(self.now, &mut self.dice) {
            self.plan(at, Happening::Up(connection, bytes.clone()));
        }
    }
}
