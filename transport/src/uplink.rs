//! A node's one link to the next tier: kept alive, given up when silent, dialled again.
//!
//! ```text
//!            ┌──────────── redial pace ────────────┐
//!            ▼                                     │
//!   dial ─▶ Hello/Welcome ─▶ up: sessions open ─▶ lost: link closed, sessions fail at once
//! ```
//!
//! # Invariants
//!
//! - **While the link is down, nobody waits for it**: [`Uplink::open_session`] fails at once, and
//!   the sessions that used it see their channels end with the link.
//! - Silence counts only while a session is open; an idle link costs a packet now and then, which
//!   keeps routers on the way from forgetting it.

mod error;

pub use error::UplinkError;

use crate::{
    BindError, ChannelError, CloseCode, ControlChannel, Dialer, Identity, Link, LinkOptions,
    Network, Peer, SessionChannel, SessionReceiver, SessionSender, Traffic, Trust, clock,
};
use protocol::{
    Hello, LinkEvent, LinkHealth, LinkHealthConfig, Message, Pong, Welcome, accept_welcome,
};
use std::error::Error;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// The pause before a peer that does not fit is dialled again: somebody may have mended it.
const MISFIT_PAUSE: Duration = Duration::from_secs(30);

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
    /// Where its socket comes from.
    pub network: Network,
}

/// The link to the next tier.
#[derive(Debug)]
pub struct Uplink {
    config: UplinkConfig,
    dialer: Dialer,
    state: watch::Sender<UplinkState>,
    /// Of the links before the present one.
    traffic_before: Mutex<Traffic>,
    sessions: AtomicUsize,
    /// The first session was opened, or the last closed.
    sessions_changed: Notify,
    /// A session heard from the peer.
    heard: Notify,
}

/// Where the link stands.
#[derive(Debug, Clone)]
pub enum UplinkState {
    /// The first dial has not been answered yet.
    Dialling,
    /// Sessions can be opened.
    Up(Link, Arc<Welcome>),
    /// It was lost, or the last dial failed.
    Down(Arc<UplinkError>),
}

/// One session on the link.
#[derive(Debug)]
pub struct UplinkSession {
    sender: SessionSender,
    receiver: SessionReceiver,
    open: OpenSession,
}

/// While it lives, silence of the peer counts.
#[derive(Debug)]
struct OpenSession(Arc<Uplink>);

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
        let dialer = Dialer::bind(socket_for(&config.address), identity, trust, &options)?;
        Ok(Arc::new(Self {
            config,
            dialer,
            state: watch::Sender::new(UplinkState::Dialling),
            traffic_before: Mutex::default(),
            sessions: AtomicUsize::new(0),
            sessions_changed: Notify::new(),
            heard: Notify::new(),
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

    /// The pause between two dials.
    pub const fn redial(&self) -> Duration {
        self.config.health.redial
    }

    /// Whether a session can be opened now.
    pub fn is_up(&self) -> bool {
        matches!(&*self.state.borrow(), UplinkState::Up(..))
    }

    /// Follows the state of the link.
    pub fn watch(&self) -> watch::Receiver<UplinkState> {
        self.state.subscribe()
    }

    /// What crossed all links to the peer so far.
    pub fn traffic(&self) -> Traffic {
        let before = *self.traffic_before.lock().unwrap_or_else(PoisonError::into_inner);
        match &*self.state.borrow() {
            UplinkState::Up(link, _) => before + link.traffic(),
            UplinkState::Dialling | UplinkState::Down(_) => before,
        }
    }

    /// Opens a session on the link; `None` at once where it is down.
    pub async fn open_session(self: &Arc<Self>) -> Option<UplinkSession> {
        let UplinkState::Up(link, _) = self.state.borrow().clone() else { return None };
        // Waits only where the peer allows no more sessions, or has just died.
        let patience = self.config.health.deadline_floor;
        let opened = tokio::time::timeout(patience, link.open_session()).await;
        let (sender, receiver) = opened.ok()?.ok().map(SessionChannel::split)?;
        Some(UplinkSession { sender, receiver, open: OpenSession::new(self) })
    }

    /// Keeps the link up for as long as it is polled.
    pub async fn run(&self) {
        let mut health = LinkHealth::new(self.config.health, clock::now());
        loop {
            match health.poll_event() {
                Some(LinkEvent::Dial) => self.connect_and_serve(&mut health).await,
                Some(LinkEvent::Lost { .. } | LinkEvent::Back) => {}
                None => wait_for_timer(&mut health).await,
            }
        }
    }

    /// Says goodbye. A peer that is not there need not be told for long.
    pub async fn close(&self, reason: &str) {
        let told = self.dialer.close(CloseCode::Done, reason);
        let _ = tokio::time::timeout(self.config.health.deadline_floor, told).await;
    }

    async fn connect_and_serve(&self, health: &mut LinkHealth) {
        // A handshake that takes longer than the link's own deadline is better begun anew: QUIC waits
        // ever longer between its tries, and the peer may have come back meanwhile.
        let limit = health.deadline();
        health.handle_dialled(clock::now(), self.jitter());
        let connected = tokio::time::timeout(limit, self.connect()).await;
        let (mut control, welcome) = match connected.unwrap_or_else(|_| Err(self.silent(limit))) {
            Ok(connected) => connected,
            Err(error) => {
                let misfit = if error.is_misfit() { MISFIT_PAUSE } else { Duration::ZERO };
                self.down(error);
                return health.handle_dial_failed(clock::now(), misfit);
            }
        };
        let link = control.link().clone();
        tracing::info!(peer = %self.peer(), address = %link.remote_address(), "the link is up");
        if !health.handle_connected(clock::now()) {
            return link.close(CloseCode::Done, "the older link is back");
        }
        health.handle_rtt(link.rtt());
        self.state.send_replace(UplinkState::Up(link.clone(), Arc::new(welcome)));
        let why = self.serve(health, &mut control).await;
        link.close(why.close_code(), &why.to_string());
        self.keep_traffic(&link);
        self.down(why);
        health.handle_closed(clock::now());
    }

    fn down(&self, why: UplinkError) {
        tracing::warn!(peer = %self.peer(), error = &why as &dyn Error, "no link");
        self.state.send_replace(UplinkState::Down(Arc::new(why)));
    }

    fn silent(&self, silent: Duration) -> UplinkError {
        UplinkError::Silent {
            peer: self.peer().clone(),
            address: self.address().to_owned(),
            silent,
        }
    }

    fn keep_traffic(&self, link: &Link) {
        let mut before = self.traffic_before.lock().unwrap_or_else(PoisonError::into_inner);
        *before = *before + link.traffic();
    }

    /// Dials and shakes hands.
    async fn connect(&self) -> Result<(ControlChannel, Welcome), UplinkError> {
        let link = self.dialer.dial(self.resolve().await?, self.peer()).await?;
        let greeted = self.greet(&link).await;
        if let Err(error) = &greeted {
            link.close(error.close_code(), &error.to_string());
        }
        greeted
    }

    /// Hello and Welcome.
    async fn greet(&self, link: &Link) -> Result<(ControlChannel, Welcome), UplinkError> {
        let UplinkConfig { peer, hello, split, .. } = &self.config;
        let mut control = link.control().await.map_err(UplinkError::Ended)?;
        control.send(Message::Hello(hello.clone())).await?;
        let answer = control.recv().await?;
        if let Message::Fault(fault) = answer {
            return Err(UplinkError::Refused { peer: peer.clone(), fault });
        }
        let Message::Welcome(welcome) = answer else {
            return Err(UplinkError::NoWelcome(answer.kind()));
        };
        accept_welcome(hello, &welcome, (peer.role, &peer.name), *split)
            .map_err(|source| UplinkError::Handshake { peer: peer.clone(), source })?;
        Ok((control, welcome))
    }

    async fn resolve(&self) -> Result<SocketAddr, UplinkError> {
        let address = || self.address().to_owned();
        let found = tokio::net::lookup_host(self.address()).await;
        let mut found =
            found.map_err(|source| UplinkError::Resolve { address: address(), source })?;
        let ipv6 = socket_for(self.address()).is_ipv6();
        found
            .find(|found| found.is_ipv6() == ipv6)
            .ok_or_else(|| UplinkError::NoAddress { address: address() })
    }

    /// Until the link is lost; says why.
    async fn serve(&self, health: &mut LinkHealth, control: &mut ControlChannel) -> UplinkError {
        loop {
            let expecting = self.sessions.load(Ordering::Relaxed) > 0;
            health.expect(clock::now(), expecting);
            while let Some(message) = health.poll_transmit() {
                if let Err(error) = control.send(message).await {
                    return error.into();
                }
            }
            while let Some(event) = health.poll_event() {
                match event {
                    LinkEvent::Lost { silent } => return self.silent(silent),
                    LinkEvent::Back | LinkEvent::Dial => {}
                }
            }
            tokio::select! {
                // What came before its deadline is no silence.
                biased;
                message = control.recv() => match message {
                    Ok(message) => {
                        if let Some(answer) = take(health, message)
                            && let Err(error) = control.send(answer).await
                        {
                            return error.into();
                        }
                    }
                    Err(error) => return error.into(),
                },
                () = self.heard.notified() => health.handle_frame(clock::now()),
                () = self.sessions_changed.notified() => {}
                () = wait_for_timer(health) => {}
            }
        }
    }

    /// Up to a quarter of the pace, so that nodes do not dial in step.
    fn jitter(&self) -> Duration {
        let part = u16::from_le_bytes(self.config.network.random());
        self.redial() / (4 << u16::BITS) * u32::from(part)
    }
}

impl UplinkSession {
    /// Sends towards the verifier.
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    pub async fn send(&mut self, frame: impl Into<protocol::Frame>) -> Result<(), ChannelError> {
        self.sender.send(frame).await
    }

    /// The next frame from the verifier. May be dropped half-way.
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    pub async fn recv(&mut self) -> Result<protocol::Frame, ChannelError> {
        let frame = self.receiver.recv().await?;
        self.open.0.heard.notify_one();
        Ok(frame)
    }

    /// Says that this is all, and waits until the peer has everything, or is lost.
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    pub async fn finish(self) -> Result<(), ChannelError> {
        self.sender.finish().await
    }

    /// Whose doing it was: for a peer that broke the protocol.
    pub fn accuse(&self, reason: &str) {
        self.sender.link().close(CloseCode::Misbehaved, reason);
    }
}

impl OpenSession {
    fn new(uplink: &Arc<Uplink>) -> Self {
        if uplink.sessions.fetch_add(1, Ordering::Relaxed) == 0 {
            uplink.sessions_changed.notify_one();
        }
        Self(Arc::clone(uplink))
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        if self.0.sessions.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.sessions_changed.notify_one();
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

/// Sleeps until the timer is due and hands it in; forever, where there is none.
async fn wait_for_timer(health: &mut LinkHealth) {
    clock::reached(health.poll_timeout()).await;
    health.handle_timeout(clock::now());
}

/// Takes a message of the link's own channel; gives the answer, where one is due.
fn take(health: &mut LinkHealth, message: Message) -> Option<Message> {
    let now = clock::now();
    match message {
        Message::Pong(pong) => health.handle_pong(now, pong),
        Message::Ping(ping) => {
            health.handle_frame(now);
            return Some(Message::Pong(Pong { nonce: ping.nonce }));
        }
        Message::Fault(fault) => {
            tracing::warn!(kind = ?fault.kind, detail = fault.detail, "the peer reports a fault");
            health.handle_frame(now);
        }
        // The channel lets nothing else through, but for a welcome that comes twice.
        Message::Hello(_)
        | Message::Welcome(_)
        | Message::Open(_)
        | Message::Opened(_)
        | Message::Pass(_)
        | Message::Draft(_)
        | Message::Verdict(_)
        | Message::Rollback(_)
        | Message::Close(_) => health.handle_frame(now),
    }
    None
}
