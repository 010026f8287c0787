//! Is the peer still there? Silence becomes loss after a deadline that follows the measured RTT.
//!
//! ```text
//!                handle_connected                 silence > deadline, or handle_closed
//!   Down, dialling ────────────▶ Up ───────────────────────────────────────────▶ Down, dialling
//!        ▲   │ redial + jitter           the old connection may still speak: that is Up again
//!        └───┘ after the last dial began
//! ```
//!
//! Silence counts only while an answer is owed: an idle session sends nothing and loses nothing. Then
//! a ping goes out when the peer's next word is overdue by its own rhythm ([`Rhythm`]), and after a third
//! of the deadline at the latest, so that a peer that is busy computing still shows life; a lost ping
//! has a second, each a third of the deadline after the one before. A node that only listens so learns
//! soon that its own address has changed: the ping is what moves the connection.
//!
//! A connection that was given up may still stand. It gets a ping with each dial, so that it does not
//! depend on QUIC's own probes, whose pauses double.
//!
//! The smoothed RTT is that of RFC 6298, section 2 (gain 1/8), of pings that were sent and answered while
//! the link was up: one that waited for the end of an outage would have the next one noticed late. The
//! deadline is four of it, within floor and ceiling.
//!
//! # Invariants
//!
//! - **`Lost` and `Back` alternate.**
//! - **Dials begin at a pace that never grows**, whether the last one has failed yet or not: a device
//!   is not kept in the dark after the link is back.
//! - **A pong is no word**: it shows life, and says nothing of when the peer speaks by itself.
//! - **No clock and no randomness.** Jitter is handed in.

mod rhythm;
#[cfg(test)]
mod tests;

use crate::{Message, Ping, Pong};
use rhythm::Rhythm;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// When silence means loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkHealthConfig {
    /// Never give up before this much silence.
    pub deadline_floor: Duration,
    /// Always give up after this much, also while the RTT is unknown.
    pub deadline_ceiling: Duration,
    /// From the beginning of one dial to that of the next; jitter comes on top. A third of the deadline
    /// where that is longer: what was dialled may still be answered.
    pub redial: Duration,
}

impl Default for LinkHealthConfig {
    /// 500 ms to 2 s; redial every 500 ms.
    fn default() -> Self {
        Self {
            deadline_floor: Duration::from_millis(500),
            deadline_ceiling: Duration::from_secs(2),
            redial: Duration::from_millis(500),
        }
    }
}

/// What the shell is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEvent {
    /// Silent past the deadline, or closed.
    Lost {
        /// How long nothing was heard.
        silent: Duration,
    },
    /// Connected for the first time or again, or heard again after all.
    Back,
    /// Please dial: answered by [`LinkHealth::handle_dialled`] at once, and by
    /// [`LinkHealth::handle_connected`] where it comes to that. A dial that takes longer than
    /// [`LinkHealth::deadline`] is to be given up.
    Dial,
}

/// Why a [`LinkHealth`] wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkTimer {
    /// Silence becomes loss.
    Deadline,
    /// Time for a ping.
    Ping,
    /// Time to dial again.
    Redial,
}

/// Pings whose pong is remembered: more are in the air only on a dead link.
const PINGS_REMEMBERED: usize = 8;

/// The health of the link to one peer.
#[derive(Debug)]
pub struct LinkHealth {
    config: LinkHealthConfig,
    /// A connection stands, silent or not.
    connected: bool,
    up: bool,
    heard: Instant,
    /// Since when an answer is owed.
    expecting: Option<Instant>,
    /// The last ping since the peer's last word.
    pinged: Option<Instant>,
    rhythm: Rhythm,
    pings: VecDeque<(Ping, Instant)>,
    nonce: u32,
    rtt: Option<Duration>,
    dial: Dial,
    outbox: VecDeque<Message>,
    events: VecDeque<LinkEvent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dial {
    Idle,
    /// The shell was asked to.
    Wanted,
    /// Under way or failed: the next one begins then.
    Again(Instant),
}

impl LinkHealth {
    /// Starts without a connection: the first event is [`LinkEvent::Dial`].
    ///
    /// # Panics
    ///
    /// Where the floor is above the ceiling.
    pub fn new(config: LinkHealthConfig, now: Instant) -> Self {
        assert!(config.deadline_floor <= config.deadline_ceiling, "deadline floor above ceiling");
        let mut health = Self {
            config,
            connected: false,
            up: false,
            heard: now,
            expecting: None,
            pinged: None,
            rhythm: Rhythm::default(),
            pings: VecDeque::new(),
            nonce: 0,
            rtt: None,
            dial: Dial::Idle,
            outbox: VecDeque::new(),
            events: VecDeque::new(),
        };
        health.dial(now);
        health
    }

    /// Whether the peer is believed to be there.
    pub const fn is_up(&self) -> bool {
        self.up
    }

    /// The smoothed round-trip time, once measured.
    pub const fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// Silence beyond this is loss.
    pub fn deadline(&self) -> Duration {
        let LinkHealthConfig { deadline_floor: floor, deadline_ceiling: ceiling, .. } = self.config;
        self.rtt.map_or(ceiling, |rtt| rtt.saturating_mul(4).clamp(floor, ceiling))
    }

    /// The dial that was asked for has begun. `jitter` is added to the wait for the next one, so that a
    /// fleet behind one base station does not dial in step.
    pub fn handle_dialled(&mut self, now: Instant, jitter: Duration) {
        if self.dial == Dial::Wanted {
            let pace = self.config.redial.max(self.deadline() / 3);
            self.dial = Dial::Again(now + pace + jitter);
        }
    }

    /// The handshake of a new connection is done. `false` where the old one spoke again meanwhile, or
    /// another dial was faster: then the new one is to be closed, because the sessions live on the
    /// other.
    #[must_use]
    pub fn handle_connected(&mut self, now: Instant) -> bool {
        if self.up {
            return false;
        }
        self.connected = true;
        self.outbox.clear();
        self.nonce = 0;
        self.pinged = None;
        self.show_life(now);
        true
    }

    /// A dial failed for a reason that only time can mend: the next one begins after `pause`, or at
    /// the usual pace where that is later.
    pub fn handle_dial_failed(&mut self, now: Instant, pause: Duration) {
        if let Dial::Again(next) = &mut self.dial {
            *next = (*next).max(now + pause);
        }
    }

    /// The transport says that the connection is closed.
    pub fn handle_closed(&mut self, now: Instant) {
        self.connected = false;
        self.outbox.clear();
        self.lose(now);
    }

    /// Any frame but a pong came from the peer: a word.
    pub fn handle_frame(&mut self, now: Instant) {
        if !self.connected {
            return;
        }
        if let Some(since) = self.quiet_since().filter(|_| self.up) {
            self.rhythm.note(now.saturating_duration_since(since));
        }
        self.pinged = None;
        self.show_life(now);
    }

    /// A pong came. Measures, and shows life.
    pub fn handle_pong(&mut self, now: Instant, pong: Pong) {
        if let Some(at) = self.pings.iter().position(|(ping, _)| ping.nonce == pong.nonce) {
            let (_, sent) = self.pings[at];
            self.pings.drain(..=at);
            self.handle_rtt(now.saturating_duration_since(sent));
        }
        if self.connected {
            self.show_life(now);
        }
    }

    /// A measured round trip, from a pong or from the transport.
    pub fn handle_rtt(&mut self, sample: Duration) {
        self.rtt = Some(self.rtt.map_or(sample, |rtt| (rtt * 7 + sample) / 8));
    }

    /// Whether an answer is owed to us from now on.
    pub fn expect(&mut self, now: Instant, expecting: bool) {
        self.expecting = expecting.then(|| self.expecting.unwrap_or(now));
    }

    /// The next ping, for the connection's first stream.
    pub fn poll_transmit(&mut self) -> Option<Message> {
        self.outbox.pop_front()
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<LinkEvent> {
        self.events.pop_front()
    }

    /// When to call [`Self::handle_timeout`], and why.
    pub fn poll_timeout(&self) -> Option<(Instant, LinkTimer)> {
        let deadline = self.deadline_at().map(|at| (at, LinkTimer::Deadline));
        let ping = self.ping_at().map(|at| (at, LinkTimer::Ping));
        let redial = match self.dial {
            Dial::Again(at) => Some((at, LinkTimer::Redial)),
            Dial::Idle | Dial::Wanted => None,
        };
        [deadline, ping, redial].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline_at().is_some_and(|at| at <= now) {
            self.lose(now);
        }
        if self.ping_at().is_some_and(|at| at <= now) {
            self.ping(now);
        }
        if let Dial::Again(at) = self.dial
            && at <= now
        {
            self.dial(now);
        }
    }

    /// Whatever it was that came.
    fn show_life(&mut self, now: Instant) {
        self.heard = now;
        if !self.up {
            self.up = true;
            self.dial = Dial::Idle;
            self.events.push_back(LinkEvent::Back);
        }
    }

    /// From when silence counts: heard last, or began to wait.
    fn quiet_since(&self) -> Option<Instant> {
        Some(self.expecting?.max(self.heard))
    }

    fn deadline_at(&self) -> Option<Instant> {
        let counts = self.connected && self.up;
        self.quiet_since().filter(|_| counts).map(|since| since + self.deadline())
    }

    /// While an answer is owed: when the next word is overdue, and from then on at a steady pace.
    fn ping_at(&self) -> Option<Instant> {
        let third = self.deadline() / 3;
        let since = self.quiet_since().filter(|_| self.connected && self.up)?;
        Some(match self.pinged {
            Some(pinged) => pinged.max(since) + third,
            None => since + self.rhythm.overdue(third),
        })
    }

    fn ping(&mut self, now: Instant) {
        let ping = Ping { nonce: self.nonce };
        self.nonce = self.nonce.wrapping_add(1);
        self.pinged = Some(now);
        if self.pings.len() == PINGS_REMEMBERED {
            self.pings.pop_front();
        }
        // The transport sends it again until it arrives: its pong then measures the outage.
        if self.up {
            self.pings.push_back((ping, now));
        }
        self.outbox.push_back(Message::Ping(ping));
    }

    fn lose(&mut self, now: Instant) {
        self.pings.clear();
        if self.up {
            self.up = false;
            let silent = now.saturating_duration_since(self.heard);
            self.events.push_back(LinkEvent::Lost { silent });
        }
        if self.dial == Dial::Idle {
            self.dial(now);
        }
    }

    fn dial(&mut self, now: Instant) {
        self.dial = Dial::Wanted;
        self.events.push_back(LinkEvent::Dial);
        if self.connected {
            self.ping(now);
        }
    }
}
