//! What all of a site share: time, links, chance, the truth, and a count of what happened.

use super::super::link::Weather;
use super::super::setup::bytes_of;
use super::node::Outcome;
use super::plan::Plan;
use super::toy::Oracle;
use crate::dice::Dice;
use crate::{Frame, Message, SessionId, TextName};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

/// The stream of pings.
pub(super) const CONTROL: u64 = 0;

pub(super) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Somebody with a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Device(usize),
    Node(usize),
}

/// A connection of a link, and a stream of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Talk {
    pub(super) link: usize,
    pub(super) connection: u64,
    pub(super) stream: u64,
}

/// A session of a dialler.
pub(super) type SessionKey = (usize, SessionId);

pub(super) enum Happening {
    Up(Talk, Bytes),
    Down(Talk, Bytes),
    /// A handshake on a link.
    Dialled(usize),
    /// The dialler learns that this connection is no more.
    Closed(usize, u64),
    /// A work of a session on a node is done.
    Done {
        node: usize,
        session: SessionKey,
        work: u64,
        outcome: Outcome,
    },
    Wake(Who),
    /// A device's request begins.
    Begin(usize),
    Fate(Fate),
    Reborn(usize),
}

/// What befalls a site.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    /// A link carries nothing for so long; where it is `aimed`, one that segments are on their way over.
    Cut { link: usize, aimed: bool, length: Duration },
    /// A node dies, and is back after a while; whether its pool is on disk. Where it is `aimed`, one that
    /// is asked for segments.
    Death { node: usize, aimed: bool, down: Duration, stored: bool },
    /// A node, or a device, forgets so many of 100 blocks.
    Evict(Who, u64),
    /// Another plan is due at a device.
    Replan(usize, Plan),
    /// A device asks a node for what is not its own.
    Pry(usize, usize),
    /// The next segment that a node sends has a wrong length.
    Corrupt(usize),
}

/// A dialler's way to a node.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) dialler: Who,
    /// As its `Hello` said.
    pub(super) tenant: Option<u64>,
    pub(super) node: usize,
    weather: Weather,
    pub(super) cuts: Vec<(Instant, Instant)>,
    /// The connection that the node knows; none while it is dead.
    pub(super) accepted: Option<u64>,
    /// When the last frame of a stream arrives, by direction and lane.
    last: BTreeMap<(u64, bool, bool), Instant>,
}

/// What happened in a run, or in how many runs it did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// A link was lost while segments were on their way over it.
    pub(super) transfers_cut: u64,
    /// A segment of which a part had come was asked for from there on.
    pub(super) resumed: u64,
    /// A stage took all rows of a told pass.
    pub(super) told_taken: u64,
    /// A stage knew fewer.
    pub(super) told_refused: u64,
    /// A plan changed while segments were on their way to the device.
    pub(super) replans_in_transfer: u64,
    /// A node died while it was asked for segments.
    pub(super) deaths_in_transfer: u64,
    /// A device took KV out of a segment.
    pub(super) used: u64,
    /// A node took rows out of its pool that it was not told of.
    pub(super) found: u64,
    /// A device spoke as the target, after it was lost or by a plan.
    pub(super) as_target: u64,
    /// A device asked for what is not its own, and was answered.
    pub(super) pried: u64,
    /// A segment of a wrong length came.
    pub(super) corrupt: u64,
    /// A gateway got a segment from its cloud.
    pub(super) from_above: u64,
    /// A prompt was read by a peer, and its KV met the device's.
    pub(super) met: u64,
    pub(super) switched: u64,
    pub(super) failovers: u64,
    pub(super) gaps: u64,
    pub(super) lossy: u64,
    /// A word of an older epoch came.
    pub(super) stale: u64,
}

pub(super) struct Sky {
    pub(super) now: Instant,
    pub(super) dawn: Instant,
    pub(super) dice: Dice,
    pub(super) agenda: BTreeMap<(Instant, u64), Happening>,
    pub(super) number: u64,
    pub(super) links: Vec<Link>,
    pub(super) oracle: Oracle,
    pub(super) tally: Tally,
    /// When somebody wakes next.
    wakes: BTreeMap<Who, Instant>,
    /// Texts of which a segment of a wrong length was sent.
    pub(super) spoiled: BTreeSet<TextName>,
    /// All that happens is printed.
    pub(super) told: bool,
}

impl Link {
    pub(super) const fn new(
        dialler: Who,
        tenant: Option<u64>,
        node: usize,
        weather: Weather,
    ) -> Self {
        let cuts = Vec::new();
        Self { dialler, tenant, node, weather, cuts, accepted: None, last: BTreeMap::new() }
    }

    pub(super) fn cut_until(&self, now: Instant) -> Option<Instant> {
        self.cuts.iter().find(|(from, to)| (*from..*to).contains(&now)).map(|(_, to)| *to)
    }

    pub(super) const fn delay(&self) -> Duration {
        self.weather.delay
    }

    /// A round trip at its longest.
    pub(super) fn trip(&self) -> Duration {
        (self.weather.delay + self.weather.jitter) * 2
    }
}

impl Sky {
    pub(super) fn new(seed: u64, dawn: Instant, told: bool) -> Self {
        Self {
            now: dawn,
            dawn,
            dice: Dice(seed ^ 0x517e),
            agenda: BTreeMap::new(),
            number: 0,
            links: Vec::new(),
            oracle: Oracle::default(),
            tally: Tally::default(),
            wakes: BTreeMap::new(),
            spoiled: BTreeSet::new(),
            told,
        }
    }

    pub(super) const fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    pub(super) fn new_session(&mut self) -> SessionId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.next_number().to_le_bytes());
        SessionId(id)
    }

    pub(super) fn plan(&mut self, at: Instant, happening: Happening) {
        let number = self.next_number();
        self.agenda.insert((at, number), happening);
    }

    /// `who` is to be looked at by then.
    pub(super) fn wake(&mut self, who: Who, at: Option<Instant>) {
        let Some(at) = at.map(|at| at.max(self.now)) else { return };
        if self.wakes.get(&who).is_none_or(|planned| at < *planned) {
            self.wakes.insert(who, at);
            self.plan(at, Happening::Wake(who));
        }
    }

    /// Whether `who` is to be looked at now, and not by then alone as was planned before.
    pub(super) fn wakes(&mut self, who: Who) -> bool {
        let due = self.wakes.get(&who) == Some(&self.now);
        if due {
            self.wakes.remove(&who);
        }
        due
    }

    /// Prints what happens, where one site alone is run.
    pub(super) fn tell(&self, who: &dyn fmt::Debug, what: &dyn fmt::Debug) {
        if self.told {
            println!("{:>8.1?} {who:?} {what:?}", self.now - self.dawn);
        }
    }

    pub(super) fn send_up(&mut self, talk: Talk, frame: &Frame) {
        let (at, bytes) = self.send(talk, true, frame);
        self.plan(at, Happening::Up(talk, bytes));
    }

    pub(super) fn send_down(&mut self, talk: Talk, frame: &Frame) {
        let (at, bytes) = self.send(talk, false, frame);
        self.plan(at, Happening::Down(talk, bytes));
    }

    /// Frames of a stream keep their order, but for passes with hidden states: they have a lane of their
    /// own. What is under way when a link is cut arrives after it, as with QUIC.
    fn send(&mut self, talk: Talk, up: bool, frame: &Frame) -> (Instant, Bytes) {
        let link = &self.links[talk.link];
        if self.told {
            let ends = (link.dialler, if up { "->" } else { "<-" }, link.node, talk.stream);
            self.tell(&ends, &frame.message);
        }
        let hidden = matches!(&frame.message, Message::Pass(pass) if pass.hidden.is_some());
        let late = u32::try_from(self.dice.below(101)).unwrap();
        let link = &mut self.links[talk.link];
        let Weather { delay, jitter, .. } = link.weather;
        let sent = link.cut_until(self.now).unwrap_or(self.now);
        let mut at = sent + delay + jitter * late / 100;
        while let Some(end) = link.cut_until(at) {
            at = end + delay;
        }
        let last = link.last.entry((talk.stream, up, hidden)).or_insert(at);
        at = at.max(*last);
        *last = at;
        (at, bytes_of(frame))
    }
}
