//! A dialler's end of a link: kept up by [`LinkHealth`].

use super::sky::{CONTROL, Happening, Sky, Talk, ms};
use crate::{LinkEvent, LinkHealth, LinkHealthConfig, Message};
use std::time::Instant;

#[derive(Debug)]
pub(super) struct Uplink {
    pub(super) link: usize,
    pub(super) health: LinkHealth,
    /// The one that is spoken on; also while it is believed to be lost.
    connection: Option<u64>,
}

/// What became of an uplink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Lost,
    Back,
}

impl Uplink {
    pub(super) fn new(link: usize, now: Instant) -> Self {
        let health = LinkHealth::new(LinkHealthConfig::default(), now);
        Self { link, health, connection: None }
    }

    pub(super) const fn is_up(&self) -> bool {
        self.health.is_up() && self.connection.is_some()
    }

    /// The connection that is spoken on.
    pub(super) const fn connection(&self) -> Option<u64> {
        self.connection
    }

    /// A new stream, where the link is up.
    pub(super) fn open(&self, sky: &mut Sky) -> Option<Talk> {
        let connection = self.connection.filter(|_| self.health.is_up())?;
        Some(Talk { link: self.link, connection, stream: sky.next_number() })
    }

    /// Whether what comes over `connection` is taken.
    pub(super) fn hears(&mut self, sky: &Sky, talk: Talk, message: &Message) -> bool {
        if self.connection != Some(talk.connection) {
            return false;
        }
        if let Message::Pong(pong) = message {
            self.health.handle_pong(sky.now, *pong);
            return false;
        }
        // The sessions of one that was given up are gone.
        let taken = self.health.is_up();
        self.health.handle_frame(sky.now);
        taken
    }

    /// A handshake is done, or failed: the node is dead, or the link cut.
    pub(super) fn dialled(&mut self, sky: &mut Sky, alive: bool) {
        let now = sky.now;
        if alive
            && sky.links[self.link].cut_until(now).is_none()
            && self.health.handle_connected(now)
        {
            let connection = sky.next_number();
            self.connection = Some(connection);
            sky.links[self.link].accepted = Some(connection);
        }
    }

    pub(super) fn closed(&mut self, sky: &Sky, connection: u64) {
        if self.connection == Some(connection) {
            self.connection = None;
            self.health.handle_closed(sky.now);
        }
    }

    /// Carries out what its health wants.
    pub(super) fn settle(&mut self, sky: &mut Sky, expecting: bool) -> Vec<Turn> {
        self.health.expect(sky.now, expecting);
        self.health.handle_timeout(sky.now);
        let mut turns = Vec::new();
        while let Some(event) = self.health.poll_event() {
            match event {
                LinkEvent::Lost { .. } => turns.push(Turn::Lost),
                LinkEvent::Back => turns.push(Turn::Back),
                LinkEvent::Dial => {
                    let jitter = ms(sky.dice.below(50));
                    self.health.handle_dialled(sky.now, jitter);
                    let at = sky.now + sky.links[self.link].delay() * 2;
                    sky.plan(at, Happening::Dialled(self.link));
                }
            }
        }
        while let Some(ping) = self.health.poll_transmit() {
            if let Some(connection) = self.connection {
                let talk = Talk { link: self.link, connection, stream: CONTROL };
                sky.send_up(talk, &ping.into());
            }
        }
        turns
    }
}
