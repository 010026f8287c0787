//! A node's one link to the next tier: kept alive, given up when silent, dialled again.
//!
//! ```text
//!            ┌────────── redial pace ──────────┐
//!            ▼                                 │
//!   dial ─▶ Hello/Welcome ─▶ up: sessions ─▶ lost: sessions fail at once
//!     └─▶ trying: a session may be opened        the old connection may come back
//!         before the peer has answered
//! ```
//!
//! # Invariants
//!
//! - **While the link is down, nobody waits for it**: [`Uplink::open_session`] fails at once, and
//!   the sessions that used it see their channels end.
//! - Silence counts only while a session is open; an idle link costs a packet now and then, which
//!   keeps routers on the way from forgetting it.
//! - **A session belongs to one carrier for ever.** One that was lost stays lost, also where its
//!   connection comes back: the session's next epoch opens it anew.

mod attempt;
mod carrier;
mod error;
mod keeper;
mod session;
mod state;

pub use error::UplinkError;
use session::OpenSession;
pub use session::UplinkSession;
pub use state::{LinkState, UplinkState};

use crate::{
    BindError, CloseCode, Dialer, Identity, LinkOptions, Network, Peer, Traffic, Trust, clock,
};
use carrier::Carriers;
use keeper::Keeper;
use profile::{LinkEstimate, LinkTerms};
use protocol::{Hello, LinkHealthConfig, LinkMeter, Receipt, Welcome};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// Whom to reach, as whom, and how patiently.
#[derive(Debug, Clone)]
pub struct UplinkConfig {
    /// Who must answer.
    pub peer: Peer,
    /// `host:port`; an IPv6 address stands in brackets.
    pub address: String,
    /// What this node says of itself.
    pub hello: Hello,
    /// Whether hidden states will cross: then both kernels must be of one numerics class.
    pub split: bool,
    /// The deadlines of silence and the pace of dialling.
    pub health: LinkHealthConfig,
    /// How often an idle link sends a packet, so that no router forgets it. A peer that vanished
    /// meanwhile is noticed with the next session, by reset or by silence.
    pub keep_alive: Duration,
    /// What the link costs and carries, as far as it cannot be measured.
    pub terms: LinkTerms,
    /// Where its socket comes from.
    pub network: Network,
}

/// The link to the next tier.
#[derive(Debug)]
pub struct Uplink {
    config: UplinkConfig,
    dialer: Dialer,
    carriers: Carriers,
    meter: Mutex<LinkMeter>,
    /// What the peer's last pong said of its load, in 255ths, and when.
    load: Mutex<Option<(u8, Instant)>>,
    /// The peer said something: a pong, or a frame of a session.
    words: Notify,
    sessions: AtomicUsize,
    /// The first session was opened, or the last closed.
    sessions_changed: Notify,
}

impl Uplink {
    /// Opens the socket; [`Self::run`] dials.
    ///
    /// # Errors
    ///
    /// [`BindError`] where there is no socket to be had.
    pub fn bind(
        config: UplinkConfig,
        identity: &Identity,
        trust: &Trust,
    ) -> Result<Arc<Self>, BindError> {
        let options = LinkOptions {
            network: config.network.clone(),
            keep_alive: Some(config.keep_alive),
            ..LinkOptions::default()
        };
        let meter = Mutex::new(LinkMeter::new(config.terms));
        let dialer = Dialer::bind(socket_for(&config.address), identity, trust, &options)?;
        Ok(Arc::new(Self {
            config,
            dialer,
            carriers: Carriers::new(),
            meter,
            load: Mutex::default(),
            words: Notify::new(),
            sessions: AtomicUsize::new(0),
            sessions_changed: Notify::new(),
        }))
    }

    /// Who it is.
    pub const fn peer(&self) -> &Peer {
        &self.config.peer
    }

    /// Where it is dialled, as configured.
    pub fn address(&self) -> &str {
        &self.config.address
    }

    /// The pace of dialling.
    pub const fn redial(&self) -> Duration {
        self.config.health.redial
    }

    /// Whether a session can be opened now.
    pub fn is_up(&self) -> bool {
        self.carriers.is_up()
    }

    /// Follows the state of the link.
    pub fn watch(&self) -> watch::Receiver<UplinkState> {
        self.carriers.watch()
    }

    /// What the peer said of itself, while a session can be opened.
    pub fn welcome(&self) -> Option<Arc<Welcome>> {
        match &*self.watch().borrow() {
            UplinkState::Up(_, welcome) => Some(Arc::clone(welcome)),
            UplinkState::Dialling | UplinkState::Trying(_) | UplinkState::Down(_) => None,
        }
    }

    /// What crossed all links to the peer so far.
    pub fn traffic(&self) -> Traffic {
        self.carriers.traffic()
    }

    /// What is to be expected of the link. Each call looks at what happened since the one before: to be
    /// made now and then while the link is used.
    pub fn estimate(&self) -> LinkEstimate {
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = self.carriers.link() {
            meter.handle_rtt(link.rtt());
            let (sent, lost) = link.packets();
            meter.handle_packets(sent, lost);
        }
        meter.estimate()
    }

    /// The share of a few seconds in which the peer computed, by its last pong, and how long ago that was;
    /// `None` before the first.
    pub fn load(&self) -> Option<(f32, Duration)> {
        let (load, at) = (*self.load.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some((f32::from(load) / 255.0, clock::now().saturating_duration_since(at)))
    }

    fn note_load(&self, load: u8) {
        *self.load.lock().unwrap_or_else(PoisonError::into_inner) = Some((load, clock::now()));
        self.words.notify_waiters();
    }

    fn note_receipt(&self, receipt: Receipt) {
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        meter.handle_receipt(receipt);
    }

    /// So many bytes came over the link in so long, as fast as the peer could send them.
    pub fn note_download(&self, bytes: usize, took: Duration) {
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        meter.handle_download(bytes, took);
    }

    /// Whether the peer is there, by its own word: of an idle link nobody knows. Takes a round trip and a third of
    /// the deadline of silence where it is, and that deadline where it is not; no time where the link is known to be
    /// down. A peer that is lost so is dialled from then on.
    pub async fn probe(self: &Arc<Self>) -> bool {
        let _owed = OpenSession::new(self);
        let (answered, mut states) = (self.words.notified(), self.watch());
        let lost = states.wait_for(|state| !matches!(state, UplinkState::Up(..)));
        tokio::select! {
            // What is down has nothing to say.
            biased;
            _ = lost => false,
            () = answered => true,
        }
    }

    /// Opens a session on the link; `None` at once where it is down.
    pub async fn open_session(self: &Arc<Self>) -> Option<UplinkSession> {
        match self.is_up() {
            true => self.try_session().await,
            false => None,
        }
    }

    /// Opens a session on the link, or with the first packets of a dial that is under way; `None` at
    /// once where there is neither. What is sent early may get there twice, and nothing but an `Open`
    /// may be: whoever waits for its answer loses nothing. Where the dial fails, or another begins, the
    /// session's channel ends.
    pub async fn try_session(self: &Arc<Self>) -> Option<UplinkSession> {
        let (link, carried) = self.carriers.carry()?;
        // Waits only where the peer allows no more sessions, or has just died.
        let patience = self.config.health.deadline_floor;
        let opened = tokio::time::timeout(patience, link.open_session()).await;
        Some(UplinkSession::new(self, opened.ok()?.ok()?, carried))
    }

    /// Keeps the link up for as long as it is polled.
    pub async fn run(self: &Arc<Self>) {
        Keeper::new(self).run().await;
    }

    /// Says goodbye. A peer that is not there need not be told for long.
    pub async fn close(&self, reason: &str) {
        let told = self.dialer.close(CloseCode::Done, reason);
        let _ = tokio::time::timeout(self.config.health.deadline_floor, told).await;
    }

    fn silent(&self, silent: Duration) -> UplinkError {
        UplinkError::Silent {
            peer: self.peer().clone(),
            address: self.address().to_owned(),
            silent,
        }
    }
}

/// Where to bind the socket that dials `address`. An IPv6 address is told by its brackets; a host
/// name is dialled over IPv4.
fn socket_for(address: &str) -> SocketAddr {
    match address.starts_with('[') {
        true => (Ipv6Addr::UNSPECIFIED, 0).into(),
        false => (Ipv4Addr::UNSPECIFIED, 0).into(),
    }
}
