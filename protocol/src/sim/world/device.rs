//! The device and its shell: what comes, what is shown, drafted, said and sent.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it expects, and panics on the rest"
)]

use super::super::model;
use super::super::scenario::{Scenario, Speed, ms};
use super::super::setup::{bytes_of, likelihoods};
use super::super::stage::WIDTH;
use super::{Happening, Purpose, Thinking, World};
use crate::{
    AfterOutage, Drafted, DrafterEvent, Frame, Hidden, HopWork, LinkEvent, Message, Origin,
    PrefixHash, limits,
};
use base::{Position, TokenId, WireCodec};

/// What a machine may have to say at once: to each pass that it may hold, and to what it was told.
pub(super) const OUTBOX_MAX: usize = limits::PASSES_IN_FLIGHT_MAX + 2;

impl World {
    pub(super) fn at_device(&mut self, frame: Frame) {
        let now = self.now;
        match frame.message {
            Message::Pong(pong) => return self.health.handle_pong(now, pong),
            Message::Opened(opened) if let Some(home) = &mut self.home => {
                home.handle_opened(&opened, self.drafter.log().tokens()).unwrap();
            }
            Message::Pass(pass) if let Some(home) = &mut self.home => {
                home.handle_pass(now, pass, frame.payload).unwrap();
            }
            other => self.at_drafter(other),
        }
        self.health.handle_frame(now);
    }

    pub(super) fn at_drafter(&mut self, message: Message) {
        let now = self.now;
        match message {
            Message::Opened(opened) => self.drafter.handle_opened(now, &opened).unwrap(),
            Message::Verdict(verdict) => self.drafter.handle_verdict(now, &verdict).unwrap(),
            Message::Fault(fault) => {
                self.check_fault(&fault);
                self.drafter.handle_fault(now, &fault);
            }
            other => panic!("device got {other:?}"),
        }
    }

    /// Everybody's outputs are drained and carried out.
    pub(super) fn settle(&mut self) {
        self.settle_verifier();
        self.settle_hop();
        self.settle_home();
        while let Some(event) = self.health.poll_event() {
            match event {
                LinkEvent::Lost { .. } => self.drafter.handle_link_lost(self.now),
                LinkEvent::Back => self.drafter.handle_link_back(self.now),
                LinkEvent::Dial => {
                    let jitter = ms(self.dice.below(50));
                    self.health.handle_dialled(self.now, jitter);
                    self.plan(self.now + self.scenario.weather.delay * 2, Happening::Dialled);
                }
            }
        }
        while let Some(event) = self.drafter.poll_event() {
            self.tell("device is told", &event);
            self.on_event(&event);
            self.events.push((self.now, event));
        }
        self.think();
        self.health.expect(self.now, self.drafter.is_waiting());
        let mut sent = 0;
        while let Some(message) = self.drafter.poll_transmit() {
            sent += 1;
            self.goes_up(&message);
            let frame = self.with_rows(message);
            self.send_up(&frame);
        }
        assert!(sent <= OUTBOX_MAX, "the device has {sent} messages at once");
        while let Some(ping) = self.health.poll_transmit() {
            self.send_up(&ping.into());
        }
    }

    /// The device's own model is set to work, unless what it works on is still wanted.
    fn think(&mut self) {
        let drafter = &self.drafter;
        let wanted = self.thinking.is_some_and(|thinking| match thinking.purpose {
            Purpose::Draft(wish) => drafter.wants(wish),
            Purpose::Word(at) => drafter.is_alone() && at == drafter.log().end(),
        });
        if wanted {
            return;
        }
        let Speed { draft, word, accept, .. } = self.scenario.speed;
        let text: Vec<_> = drafter.log().tokens().iter().copied().chain(drafter.ahead()).collect();
        let own = (model::draft(&text, accept), Origin::Model);
        self.thinking = match drafter.wish() {
            Some(wish) => {
                let Scenario { dry, looked_up, .. } = self.scenario;
                let token = match model::share(&text, 3, looked_up) {
                    true => (model::look_up(&text), Origin::Lookup),
                    false => own,
                };
                let token = (!model::share(&text, 2, dry)).then_some(token);
                Some(Thinking { purpose: Purpose::Draft(wish), token, ready: self.now + draft })
            }
            None if drafter.is_alone() => {
                let purpose = Purpose::Word(drafter.log().end());
                let token = Some((self.own_word(&text), Origin::Model));
                Some(Thinking { purpose, token, ready: self.now + word })
            }
            None => None,
        };
    }

    /// What the device says alone after `text`.
    pub(super) fn own_word(&self, text: &[TokenId]) -> TokenId {
        match self.drafter.speaks_as_target() {
            true => model::target(text),
            false => model::draft(text, self.scenario.speed.accept),
        }
    }

    /// Hands in what the device's own model has worked out by now.
    pub(super) fn end_thinking(&mut self) {
        let now = self.now;
        let Some(Thinking { purpose, token, .. }) = self.thinking.take_if(|it| it.ready <= now)
        else {
            return;
        };
        let Speed { draft: took, accept, .. } = self.scenario.speed;
        let confidence = f32::from(u8::try_from(accept).unwrap()) / 100.0;
        match (purpose, token) {
            (Purpose::Draft(wish), token) => {
                let draft =
                    token.map(|(token, origin)| Drafted { token, origin, confidence, took });
                self.drafter.handle_draft(now, wish, draft);
            }
            (Purpose::Word(at), Some((token, _))) => {
                self.drafter.handle_local_token(now, at, token)
            }
            (Purpose::Word(_), None) => unreachable!("there is always a word"),
        }
    }

    /// The device's own first layers run the tokens of a pass.
    fn with_rows(&mut self, message: Message) -> Frame {
        let Message::Pass(mut pass) = message else { return message.into() };
        if !self.scenario.head_stage {
            return Message::Pass(pass).into();
        }
        let log = self.drafter.log().tokens().iter().copied();
        let text: Vec<_> = log.chain(self.drafter.ahead()).take(pass.base.index()).collect();
        let check = PrefixHash::EMPTY.extend(&text).check();
        assert_eq!(check, pass.prefix, "the rows that the shell lacks are of the pass's own text");
        self.head.catch_up(&text);
        let (truncate_to, tokens) = (pass.base, pass.tokens.clone());
        let work =
            HopWork { truncate_to, leaving: tokens.len(), tokens, hidden: None, told: false };
        let payload = self.head.pass_on(&work).expect("the device's own KV reaches back");
        let bytes = u32::try_from(payload.len()).unwrap();
        pass.hidden = Some(Hidden { codec: WireCodec::F32, width: WIDTH, bytes });
        Frame { message: Message::Pass(pass), payload }
    }

    fn on_event(&mut self, event: &DrafterEvent) {
        match event {
            DrafterEvent::Commit { at, tokens, verified } => {
                let prompt = self.scenario.prompt.len();
                assert_eq!(at.index(), prompt + self.shown.len(), "each position once, in order");
                self.shown.extend(tokens);
                self.heard = self.now;
                match verified {
                    true => self.check_likelihoods(at.index(), tokens.len()),
                    false => self.check_own(at.index()),
                }
                let catches_up = self.drafter.is_alone() && self.drafter.in_flight() > 0;
                self.spoken_on += u64::from(catches_up);
            }
            DrafterEvent::Revised { at, removed } => {
                let kept = at.index() - self.scenario.prompt.len();
                assert_eq!(kept + removed, self.shown.len(), "the end is taken back");
                assert_eq!(self.scenario.after_outage, AfterOutage::Revise);
                assert!(!self.marks[kept..].contains(&true), "a verified token is taken back");
                self.shown.truncate(kept);
                self.marks.truncate(kept);
            }
            DrafterEvent::Judged { .. } => self.heard = self.now,
            DrafterEvent::Alone { .. } | DrafterEvent::Rejoined | DrafterEvent::Finished(_) => {}
        }
    }

    /// Where they are asked for, they are there for each token that came over a link, and after the very text.
    fn check_likelihoods(&self, at: usize, count: usize) {
        let text = self.drafter.log().tokens();
        let mut found =
            (at..at + count).map(|at| (at, self.drafter.likelihoods(Position::after(at))));
        match likelihoods(&self.scenario) {
            Some(_) if self.drafter.speaks_as_target() => {}
            Some(_) => found.for_each(|(at, found)| {
                assert_eq!(found, Some(&model::likelihoods(&text[..at])), "of the token at {at}");
            }),
            None => assert!(found.all(|(_, found)| found.is_none()), "nobody asked"),
        }
    }

    pub(super) fn send_up(&mut self, frame: &Frame) {
        let Some(connection) = self.connection else { return };
        self.tell("device says", &frame.message);
        let bytes = bytes_of(frame);
        self.bytes += bytes.len();
        for at in self.up.arrivals(self.now, &mut self.dice) {
            self.plan(at, Happening::Up(connection, bytes.clone()));
        }
    }
}
