//! The simulated world: an agenda of happenings, and whom each of them concerns.

mod check;
mod device;
mod home;
mod nodes;
mod switch;

use super::link::Pipe;
use super::scenario::{Fate, Scenario};
use super::setup::{config, engine, health, home, hops, read, verifier};
use super::stage::Engine;
use crate::dice::Dice;
use crate::{
    Chosen, Drafter, DrafterEvent, Epoch, Homecoming, Hops, LinkEvent, LinkHealth, Origin,
    Verifier, Wish,
};
use base::{Position, TokenId};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

pub(super) struct World {
    pub(super) scenario: Scenario,
    dice: Dice,
    /// When the world began.
    dawn: Instant,
    /// When the request began.
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
    /// The session is on those from here on: older ones carry pings alone.
    session_from: u64,
    up: Pipe,
    down: Pipe,

    hop: Option<Hop>,
    far_up: Pipe,
    far_down: Pipe,
    far_life: u64,

    /// The head on the device, where the chain comes back to it.
    home: Option<Homecoming>,

    pub(super) verifier: Verifier,
    pub(super) engine: Engine,
    /// What the last work of the verifier takes.
    passed: Duration,
    life: u64,
    /// The verifier's works so far.
    works: u64,
    /// The last of them finds that its KV is gone.
    forgets: bool,

    /// Everything the shell was shown.
    pub(super) shown: Vec<TokenId>,
    marks: Vec<bool>,
    pub(super) events: Vec<(Instant, DrafterEvent)>,
    /// When something was shown last, or what was shown got the target's word.
    heard: Instant,
    thinking: Option<Thinking>,
    /// The deciding node has no room until then.
    refusing: Instant,
    pub(super) bytes: usize,
    /// The most drafts that may wait on any way.
    window_max: usize,
    /// Times that the request took another way.
    pub(super) switched: u64,
    /// Words that the device said while the target caught up.
    pub(super) spoken_on: u64,
}

struct Hop {
    hops: Hops,
    engine: Engine,
    life: u64,
    far_life: u64,
    works: u64,
    forgets: bool,
}

impl Hop {
    fn new(scenario: &Scenario, life: u64) -> Self {
        let (hops, engine) = (hops(scenario), engine(scenario));
        Self { hops, engine, life, far_life: life, works: 0, forgets: false }
    }
}

/// What the device's own model works on. It is dropped where nobody wants it any more.
#[derive(Debug, Clone, Copy)]
struct Thinking {
    purpose: Purpose,
    /// `None` where there is nothing to draft.
    token: Option<(TokenId, Origin)>,
    ready: Instant,
}

#[derive(Debug, Clone, Copy)]
enum Purpose {
    Draft(Wish),
    Word(Position),
}

/// How a work of the verifier ended.
enum Outcome {
    Chosen(Chosen),
    Forgotten,
    Refused,
}

/// A work of a node: the node's life, and the work's number in it.
type Errand = (u64, u64);

enum Happening {
    Up(u64, Bytes),
    Down(u64, Bytes),
    FarUp(u64, Bytes),
    FarDown(u64, Bytes),
    Verified(Errand, Outcome),
    PassedOn(Errand, Option<Bytes>),
    Dialled,
    Closed(u64),
    UpstreamGone(u64),
    Fate(Fate),
}

impl World {
    pub(super) fn new(scenario: Scenario, start: Instant) -> Self {
        let cuts = |fate: &(Duration, Fate)| match fate {
            (at, Fate::Cut(length)) => Some((start + *at, start + *at + *length)),
            _ => None,
        };
        let cuts: Vec<_> = scenario.fates.iter().filter_map(cuts).collect();
        let weather = scenario.weather;
        let mut world = Self {
            dice: Dice(scenario.seed ^ 0x11),
            dawn: start,
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
            session_from: 1,
            up: Pipe::new(weather, cuts.clone()),
            down: Pipe::new(weather, cuts),
            hop: scenario.hop.then(|| Hop::new(&scenario, 0)),
            far_up: Pipe::new(weather, Vec::new()),
            far_down: Pipe::new(weather, Vec::new()),
            far_life: 0,
            home: home(&scenario),
            verifier: verifier(&scenario),
            engine: engine(&scenario),
            passed: Duration::ZERO,
            life: 0,
            works: 0,
            forgets: false,
            shown: Vec::new(),
            marks: Vec::new(),
            events: Vec::new(),
            heard: start,
            thinking: None,
            refusing: start,
            bytes: 0,
            window_max: scenario.window_max(),
            switched: 0,
            spoken_on: 0,
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
        let epoch = self.drafter.newest_epoch().next();
        self.drafter = Drafter::new(config(&self.scenario, epoch, have), self.now);
        if !self.health.is_up() {
            self.drafter.handle_link_lost(self.now);
        }
        (self.shown, self.marks, self.events) = (Vec::new(), Vec::new(), Vec::new());
        (self.start, self.heard, self.thinking) = (self.now, self.now, None);
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
        let thinking = self.thinking.map(|thinking| thinking.ready);
        [drafter, health, verifier, thinking].into_iter().flatten().min()
    }

    /// The next thing happens. `false` where nothing ever will.
    fn step(&mut self) -> bool {
        let Some(next) = self.next_at() else { return false };
        self.now = self.now.max(next);
        if self.wake_at().is_some_and(|at| at <= self.now) {
            self.health.handle_timeout(self.now);
            self.drafter.handle_timeout(self.now);
            self.end_thinking();
        } else if let Some((_, happening)) = self.agenda.pop_first() {
            self.happen(happening);
        }
        self.settle();
        self.check();
        true
    }

    /// Prints what happens, where one world alone is run.
    fn tell(&self, who: &str, what: &dyn fmt::Debug) {
        if self.scenario.told {
            println!("{:>8.1?} {who} {what:?}", self.now - self.dawn);
        }
    }

    fn plan(&mut self, at: Instant, happening: Happening) {
        self.sequence += 1;
        self.agenda.insert((at, self.sequence), happening);
    }

    fn happen(&mut self, happening: Happening) {
        let now = self.now;
        match happening {
            Happening::Up(connection, bytes) if connection >= self.accepted_from => {
                let frame = read(&bytes);
                if self.carries(connection, &frame.message) {
                    self.at_first_node(connection, frame);
                }
            }
            Happening::Down(connection, bytes) if self.connection.is_some() => {
                let frame = read(&bytes);
                if self.carries(connection, &frame.message) {
                    self.at_device(frame);
                }
            }
            Happening::FarUp(life, bytes) if life == self.far_life => {
                self.at_verifier(read(&bytes));
            }
            Happening::FarDown(life, bytes) if life == self.far_life => self.at_hop(read(&bytes)),
            Happening::Verified(errand, outcome) if errand == (self.life, self.works) => {
                match self.home.is_some() {
                    true => self.end_work_at_home(&outcome),
                    false => self.end_work(&outcome),
                }
            }
            Happening::PassedOn(errand, rows) => {
                let hop = self.hop.iter_mut().filter(|hop| (hop.life, hop.works) == errand);
                hop.for_each(|hop| match rows.clone() {
                    Some(rows) => hop.hops.handle_output(rows),
                    None => hop.hops.handle_forgotten(),
                });
            }
            Happening::Dialled if self.up.cut_until(now).is_some() => {}
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
                let older = self.hop.iter_mut().filter(|hop| hop.far_life < life);
                older.for_each(|hop| {
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
}
