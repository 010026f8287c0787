//! The simulated world: an agenda of happenings, and everybody's shell in one `match`.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it expects, and panics on the rest"
)]

use super::link::Pipe;
use super::model::{self, Dice};
use super::scenario::{Fate, Scenario, Speed, ms};
use super::setup::{bytes_of, config, engine, health, hops, read, verifier};
use super::stage::{Engine, WIDTH};
use crate::{
    Drafted, Drafter, DrafterEvent, Epoch, Frame, Hidden, Hops, LinkEvent, LinkHealth, Message,
    Origin, Pong, Side, Verifier, WireCodec, Wish, limits,
};
use base::{Position, TokenId};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

pub(super) struct World {
    pub(super) scenario: Scenario,
    dice: Dice,
    pub(super) start: Instant,
    pub(super) now: Instant,
    agenda: BTreeMap<(Instant, u64), Happening>,
    sequence: u64,

    pub(super) drafter: Drafter,
    health: LinkHealth,
    head: Engine,
    /// The device's connection; `None` while it has none.
    connection: Option<u64>,
    connections: u64,
    /// The first remote node knows the connections from here on.
    accepted_from: u64,
    up: Pipe,
    down: Pipe,

    hop: Option<Hop>,
    far_up: Pipe,
    far_down: Pipe,
    far_life: u64,

    pub(super) verifier: Verifier,
    pub(super) engine: Engine,
    /// What the last work of the verifier takes.
    passed: Duration,
    life: u64,

    /// Everything the shell was shown.
    pub(super) shown: Vec<TokenId>,
    marks: Vec<bool>,
    pub(super) events: Vec<(Instant, DrafterEvent)>,
    /// Whether a local token is being generated.
    saying: bool,
    /// The draft that is being made.
    drafting: Option<Wish>,
    pub(super) bytes: usize,
}

struct Hop {
    hops: Hops,
    engine: Engine,
    life: u64,
    far_life: u64,
}

impl Hop {
    fn new(scenario: &Scenario, life: u64, far_life: u64) -> Self {
        Self { hops: hops(scenario), engine: engine(scenario), life, far_life }
    }
}

enum Happening {
    Up(u64, Bytes),
    Down(u64, Bytes),
    FarUp(u64, Bytes),
    FarDown(u64, Bytes),
    Verified(u64, Option<Vec<TokenId>>),
    PassedOn(u64, Option<Bytes>),
    Drafted(Wish, TokenId),
    Said(Position, TokenId),
    Dialled,
    Closed(u64),
    UpstreamGone(u64),
    Fate(Fate),
}

impl World {
    pub(super) fn new(scenario: Scenario, start: Instant) -> Self {
        let cuts = |fate: &(Duration, Fate)| match fate {
            (at, Fate::Cut(length)) => Some((start + *at, start + *at + *length)),
            (_, Fate::Restart | Fate::RestartUpstream) => None,
        };
        let cuts: Vec<_> = scenario.fates.iter().filter_map(cuts).collect();
        let weather = scenario.weather;
        let mut world = Self {
            dice: Dice(scenario.seed ^ 0x11),
            start,
            now: start,
            agenda: BTreeMap::new(),
            sequence: 0,
            drafter: Drafter::new(config(&scenario, Epoch(1), Position(0)), start),
            health: LinkHealth::new(health(&scenario), start),
            head: Engine::default(),
            connection: Some(1),
            connections: 1,
            accepted_from: 1,
            up: Pipe::new(weather, cuts.clone()),
            down: Pipe::new(weather, cuts),
            hop: scenario.hop.then(|| Hop::new(&scenario, 0, 0)),
            far_up: Pipe::new(weather, Vec::new()),
            far_down: Pipe::new(weather, Vec::new()),
            far_life: 0,
            verifier: verifier(&scenario),
            engine: engine(&scenario),
            passed: Duration::ZERO,
            life: 0,
            shown: Vec::new(),
            marks: Vec::new(),
            events: Vec::new(),
            saying: false,
            drafting: None,
            bytes: 0,
            scenario,
        };
        for (at, fate) in world.scenario.fates.clone() {
            world.plan(start + at, Happening::Fate(fate));
        }
        assert_eq!(world.health.poll_event(), Some(LinkEvent::Dial));
        assert!(world.health.handle_connected(start));
        world.settle();
        world
    }

    /// Until the request ends.
    pub(super) fn run(&mut self) {
        while self.drafter.finished().is_none() {
            let late = self.now.duration_since(self.start);
            assert!(late < Duration::from_secs(600), "no end after {late:?}");
            assert!(self.step(), "nothing is going to happen, and the request has not ended");
        }
    }

    /// The session's next request: the log so far and then `more`, in the same world.
    pub(super) fn next_turn(&mut self, more: &[TokenId], tokens_max: u32) {
        let have = self.drafter.log().end();
        self.scenario.prompt = [self.drafter.log().tokens(), more].concat();
        self.scenario.tokens_max = tokens_max;
        let epoch = self.drafter.epoch().next();
        self.drafter = Drafter::new(config(&self.scenario, epoch, have), self.now);
        (self.shown, self.marks, self.events) = (Vec::new(), Vec::new(), Vec::new());
        self.settle();
    }

    /// For `time` more, also after the request ended.
    pub(super) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.next_at().is_some_and(|at| at <= end) && self.step() {}
        self.now = end;
    }

    fn next_at(&self) -> Option<Instant> {
        let planned = self.agenda.keys().next().map(|(at, _)| *at);
        [planned, self.wake_at()].into_iter().flatten().min()
    }

    fn wake_at(&self) -> Option<Instant> {
        let drafter = self.drafter.poll_timeout().map(|(at, _)| at);
        let health = self.health.poll_timeout().map(|(at, _)| at);
        let verifier = self.verifier.poll_timeout().map(|(at, _)| at);
        [drafter, health, verifier].into_iter().flatten().min()
    }

    /// The next thing happens. `false` where nothing ever will.
    fn step(&mut self) -> bool {
        let Some(next) = self.next_at() else { return false };
        self.now = self.now.max(next);
        if self.wake_at().is_some_and(|at| at <= self.now) {
            self.health.handle_timeout(self.now);
            self.drafter.handle_timeout(self.now);
        } else if let Some((_, happening)) = self.agenda.pop_first() {
            self.happen(happening);
        }
        self.settle();
        self.check();
        true
    }

    fn plan(&mut self, at: Instant, happening: Happening) {
        self.sequence += 1;
        self.agenda.insert((at, self.sequence), happening);
    }

    fn happen(&mut self, happening: Happening) {
        let now = self.now;
        match happening {
            Happening::Up(connection, bytes) if connection >= self.accepted_from => {
                self.at_first_node(connection, read(&bytes));
            }
            Happening::Down(connection, bytes) if self.connection == Some(connection) => {
                self.at_device(read(&bytes).message);
            }
            Happening::FarUp(life, bytes) if life == self.far_life => {
                self.at_verifier(read(&bytes));
            }
            Happening::FarDown(life, bytes) if life == self.far_life => self.at_hop(read(&bytes)),
            Happening::Verified(life, chosen) if life == self.life => match chosen {
                Some(chosen) => {
                    let us = u32::try_from(self.passed.as_micros()).unwrap();
                    self.verifier.handle_chosen(now, &chosen, us);
                }
                None => self.verifier.handle_forgotten(),
            },
            Happening::PassedOn(life, rows) => {
                self.hop.iter_mut().filter(|hop| hop.life == life).for_each(|hop| {
                    match rows.clone() {
                        Some(rows) => hop.hops.handle_output(rows),
                        None => hop.hops.handle_forgotten(),
                    }
                });
            }
            Happening::Drafted(wish, token) => {
                self.drafting = None;
                let Speed { draft: took, accept, .. } = self.scenario.speed;
                let confidence = f32::from(u8::try_from(accept).unwrap()) / 100.0;
                let draft = Drafted { token, origin: Origin::Model, confidence, took };
                self.drafter.handle_draft(now, wish, Some(draft));
            }
            Happening::Said(at, token) => {
                self.saying = false;
                self.drafter.handle_local_token(now, at, token);
            }
            Happening::Dialled if self.up.cut_until(now).is_some() => {
                let jitter = ms(self.dice.below(50));
                self.health.handle_dial_failed(now, jitter);
            }
            Happening::Dialled => {
                if self.health.handle_connected(now) {
                    self.connections += 1;
                    self.connection = Some(self.connections);
                }
            }
            Happening::Closed(connection) if self.connection == Some(connection) => {
                self.connection = None;
                self.health.handle_closed(now);
            }
            Happening::UpstreamGone(life) => {
                self.hop.iter_mut().for_each(|hop| {
                    hop.far_life = life;
                    hop.hops.handle_upstream_lost();
                });
            }
            Happening::Fate(fate) => self.befall(fate),
            // Frames and works of a connection or node that is no more.
            Happening::Up(..)
            | Happening::Down(..)
            | Happening::FarUp(..)
            | Happening::FarDown(..)
            | Happening::Verified(..)
            | Happening::Closed(_) => {}
        }
    }

    fn befall(&mut self, fate: Fate) {
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

    fn at_device(&mut self, message: Message) {
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

    fn at_first_node(&mut self, connection: u64, frame: Frame) {
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

    fn at_verifier(&mut self, frame: Frame) {
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

    fn at_hop(&mut self, frame: Frame) {
        let hops = &mut self.hop.as_mut().expect("far frames have a middle stage").hops;
        match frame.message {
            Message::Opened(opened) => hops.handle_opened(&opened).unwrap(),
            Message::Verdict(verdict) => hops.handle_verdict(verdict),
            Message::Fault(fault) => hops.handle_fault(fault),
            other => panic!("middle stage got {other:?} from above"),
        }
    }

    /// Everybody's outputs are drained and carried out.
    fn settle(&mut self) {
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
        let work = crate::HopWork { truncate_to, tokens, hidden: None, codec: WireCodec::F32 };
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
            DrafterEvent::Judged { .. }
            | DrafterEvent::Alone { .. }
            | DrafterEvent::Rejoined
            | DrafterEvent::Finished(_) => {}
        }
    }

    fn settle_verifier(&mut self) {
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

    fn settle_hop(&mut self) {
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

    fn send_up(&mut self, frame: &Frame) {
        let Some(connection) = self.connection else { return };
        let bytes = bytes_of(frame);
        self.bytes += bytes.len();
        for at in self.up.arrivals(self.now, &mut self.dice) {
            self.plan(at, Happening::Up(connection, bytes.clone()));
        }
    }

    fn send_down(&mut self, connection: u64, frame: &Frame) {
        let bytes = bytes_of(frame);
        self.bytes += bytes.len();
        for at in self.down.arrivals(self.now, &mut self.dice) {
            self.plan(at, Happening::Down(connection, bytes.clone()));
        }
    }

    /// What is true after every step.
    fn check(&mut self) {
        let log = self.drafter.log();
        assert_eq!(log.generated(), self.shown, "the log is what was shown");
        assert_eq!(log.verified().len(), self.shown.len());
        let kept = self.marks.iter().zip(log.verified()).all(|(before, now)| *now || !before);
        assert!(kept, "a verified mark was lost");
        let prompt = self.scenario.prompt.len();
        for (i, verified) in log.verified().iter().enumerate().filter(|(_, verified)| **verified) {
            if self.marks.get(i) != Some(verified) {
                let said = model::target(&log.tokens()[..prompt + i]);
                assert_eq!(log.generated()[i], said, "verified at {i} is not the target's");
            }
        }
        self.marks = log.verified().to_vec();
        if let Some(hop) = &self.hop {
            assert!(hop.hops.in_flight() <= limits::PASSES_IN_FLIGHT_MAX);
        }
        let held = self.verifier.held().0;
        assert!(held <= limits::POSITIONS_MAX);
    }
}
