//! Another way in mid-request: other nodes, or the same ones asked otherwise.

use super::super::scenario::{Fate, Way, ms};
use super::super::setup::{engine, home, route, verifier};
use super::{Happening, Hop, World};
use crate::Message;

impl World {
    /// The request goes on by `way`, once there is a link to go by.
    pub(super) fn switch(&mut self, way: Way) {
        if way.local.is_none() && !self.health.is_up() {
            return self.plan(self.now + ms(100), Happening::Fate(Fate::Switch(way)));
        }
        let before = self.scenario.way();
        self.scenario.go(way);
        let stages = |way: &Way| (way.hop, way.head_stage, way.ring, way.local.is_some());
        if way.local.is_none() && stages(&way) != stages(&before) {
            self.meet_others();
        }
        // What it works on is for the way before.
        self.thinking = None;
        self.drafter.switch(self.now, route(&self.scenario));
        self.switched += 1;
    }

    /// Nodes that know nothing, over a link that stands already.
    fn meet_others(&mut self) {
        self.connections += 1;
        self.session_from = self.connections;
        self.connection = Some(self.connections);
        self.far_life += 1;
        self.life += 1;
        self.home = home(&self.scenario);
        self.verifier = verifier(&self.scenario);
        self.engine = engine(&self.scenario);
        self.hop = self.scenario.hop.then(|| Hop::new(&self.scenario, self.far_life));
    }

    /// Whether `message` arrives over `connection`: those of a session that was left do not.
    pub(super) const fn carries(&self, connection: u64, message: &Message) -> bool {
        let is_health = matches!(message, Message::Ping(_) | Message::Pong(_));
        connection >= if is_health { self.accepted_from } else { self.session_from }
    }
}
