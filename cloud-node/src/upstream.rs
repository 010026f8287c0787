//! A gateway's one link to its cloud: kept alive, given up when silent, dialled again.
//!
//! ```text
//!            ┌──────────── redial pace ────────────┐
//!            ▼                                     │
//!   dial ─▶ Hello/Welcome ─▶ up: sessions open ─▶ lost: link closed, sessions fail at once
//! ```
//!
//! # Invariants
//!
//! - **While the link is down, nobody waits for it**: [`Upstream::open_session`] fails at once, and
//!   the sessions that used it see their channels end with the link.
//! - Silence counts only while a session is open; an idle link costs no pings.

use crate::report::chain;
use base::Role;
use protocol::{
    Fault, HandshakeError, Hello, Kind, LinkEvent, LinkHealth, LinkHealthConfig, Message, Pong,
    accept_welcome,
};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use transport::{
    ChannelError, CloseCode, ControlChannel, DialError, Dialer, Link, LinkEnd, Peer,
    SessionChannel, SessionReceiver, SessionSender,
};

/// The link to the next stage's node.
#[derive(Debug)]
pub(crate) struct Upstream {
    peer: Peer,
    address: String,
    hello: Hello,
    link_settings: settings::Link,
    dialer: Dialer,
    link: Mutex<Option<Link>>,
    sessions: AtomicUsize,
    /// The first session was opened, or the last closed.
    sessions_changed: Notify,
    /// A session heard from the upstream.
    heard: Notify,
}

/// One session on the upstream link.
#[derive(Debug)]
pub(crate) struct UpstreamSession {
    upstream: Arc<Upstream>,
    sender: SessionSender,
    receiver: SessionReceiver,
}

/// Why the upstream cannot be used now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// Its name has no address.
    #[error("cannot resolve {address}")]
    Resolve {
        address: String,
        #[source]
        source: std::io::Error,
    },
    /// Its name has no address that this socket can dial.
    #[error("{address} has no IPv4 address; an IPv6 one is written as [address]:port")]
    NoAddress { address: String },
    /// It does not answer.
    #[error("no answer within {} ms", .0.as_millis())]
    Silent(Duration),
    /// No link.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The link ended before the handshake did.
    #[error("the link ended during the handshake")]
    Ended(#[source] LinkEnd),
    /// The link's channel failed during the handshake.
    #[error("the handshake was cut short")]
    Channel(#[from] ChannelError),
    /// It refuses us.
    #[error("it refuses the handshake: {}", .0.detail)]
    Refused(Fault),
    /// It says something else than a welcome.
    #[error("it answered the handshake with {0:?}")]
    NoWelcome(Kind),
    /// We refuse it.
    #[error("it does not fit")]
    Handshake(#[from] HandshakeError),
}

impl Upstream {
    pub(crate) fn new(
        to: &settings::Peer,
        hello: Hello,
        dialer: Dialer,
        link_settings: settings::Link,
    ) -> Arc<Self> {
        Arc::new(Self {
            peer: Peer::new(Role::Cloud, to.name.clone()),
            address: to.address.clone(),
            hello,
            link_settings,
            dialer,
            link: Mutex::default(),
            sessions: AtomicUsize::new(0),
            sessions_changed: Notify::new(),
            heard: Notify::new(),
        })
    }

    /// Who it is.
    pub(crate) const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Whether a session can be opened on it now.
    pub(crate) fn is_up(&self) -> bool {
        self.link().is_some()
    }

    /// What a device is told while it is down.
    pub(crate) fn unreachable(&self) -> String {
        format!("the upstream {} at {} cannot be reached", self.peer, self.address)
    }

    /// When a device that was told so may try again.
    pub(crate) fn retry_after_ms(&self) -> u32 {
        u32::try_from(self.link_settings.reconnect_ms).unwrap_or(u32::MAX)
    }

    /// Opens a session on the link; `None` at once where it is down.
    pub(crate) async fn open_session(self: &Arc<Self>) -> Option<UpstreamSession> {
        let link = self.link().clone()?;
        // Waits only where the upstream allows no more sessions, or has just died.
        let opened = tokio::time::timeout(self.link_settings.silence_min(), link.open_session());
        let (sender, receiver) = opened.await.ok()?.ok().map(SessionChannel::split)?;
        if self.sessions.fetch_add(1, Ordering::Relaxed) == 0 {
            self.sessions_changed.notify_one();
        }
        Some(UpstreamSession { upstream: Arc::clone(self), sender, receiver })
    }

    /// Keeps the link up until `stop`.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let config = LinkHealthConfig {
            deadline_floor: self.link_settings.silence_min(),
            deadline_ceiling: self.link_settings.silence_max(),
            redial: self.link_settings.reconnect(),
        };
        let mut health = LinkHealth::new(config, Instant::now());
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.keep_up(&mut health) => {}
        }
        self.link().take();
        // An upstream that is not there need not be told for long.
        let told = self.dialer.close(CloseCode::Done, "the gateway stops");
        let _ = tokio::time::timeout(self.link_settings.silence_min(), told).await;
    }

    async fn keep_up(&self, health: &mut LinkHealth) {
        loop {
            match health.poll_event() {
                Some(LinkEvent::Dial) => self.connect_and_serve(health).await,
                Some(LinkEvent::Lost { .. } | LinkEvent::Back) => {}
                None => wait_for_timer(health).await,
            }
        }
    }

    async fn connect_and_serve(&self, health: &mut LinkHealth) {
        let limit = self.link_settings.silence_max();
        let connected = tokio::time::timeout(limit, self.connect()).await;
        let mut control = match connected.unwrap_or(Err(UpstreamError::Silent(limit))) {
            Ok(control) => control,
            Err(error) => {
                tracing::warn!(upstream = %self.peer, error = %chain(&error), "no upstream");
                health.handle_dial_failed(Instant::now(), self.jitter());
                return;
            }
        };
        let link = control.link().clone();
        tracing::info!(upstream = %self.peer, address = %link.remote_address(), "upstream is up");
        if !health.handle_connected(Instant::now()) {
            return link.close(CloseCode::Done, "the older link is back");
        }
        health.handle_rtt(link.rtt());
        *self.link() = Some(link.clone());
        let why = self.serve(health, &mut control).await;
        self.link().take();
        tracing::warn!(upstream = %self.peer, why, "upstream is lost");
        link.close(CloseCode::Unresponsive, &why);
        health.handle_closed(Instant::now());
    }

    /// Dials and shakes hands.
    async fn connect(&self) -> Result<ControlChannel, UpstreamError> {
        let link = self.dialer.dial(self.resolve().await?, &self.peer).await?;
        let mut control = link.control().await.map_err(UpstreamError::Ended)?;
        control.send(Message::Hello(self.hello.clone())).await?;
        let answer = control.recv().await?;
        if let Message::Fault(fault) = answer {
            return Err(UpstreamError::Refused(fault));
        }
        let Message::Welcome(welcome) = answer else {
            return Err(UpstreamError::NoWelcome(answer.kind()));
        };
        let certified = (self.peer.role, &self.peer.name);
        accept_welcome(&self.hello, &welcome, certified, true)?;
        Ok(control)
    }

    async fn resolve(&self) -> Result<SocketAddr, UpstreamError> {
        let address = || self.address.clone();
        let found = tokio::net::lookup_host(&self.address).await;
        let mut found =
            found.map_err(|source| UpstreamError::Resolve { address: address(), source })?;
        let ipv6 = socket_for(&self.address).is_ipv6();
        found
            .find(|found| found.is_ipv6() == ipv6)
            .ok_or_else(|| UpstreamError::NoAddress { address: address() })
    }

    /// Until the link is lost; says why.
    async fn serve(&self, health: &mut LinkHealth, control: &mut ControlChannel) -> String {
        loop {
            let expecting = self.sessions.load(Ordering::Relaxed) > 0;
            health.expect(Instant::now(), expecting);
            while let Some(message) = health.poll_transmit() {
                if let Err(error) = control.send(message).await {
                    return chain(&error);
                }
            }
            while let Some(event) = health.poll_event() {
                match event {
                    LinkEvent::Lost { silent } => {
                        return format!("silent for {} ms", silent.as_millis());
                    }
                    LinkEvent::Back | LinkEvent::Dial => {}
                }
            }
            tokio::select! {
                message = control.recv() => match message {
                    Ok(message) => {
                        if let Some(answer) = take(health, message)
                            && let Err(error) = control.send(answer).await
                        {
                            return chain(&error);
                        }
                    }
                    Err(error) => return chain(&error),
                },
                () = self.heard.notified() => health.handle_frame(Instant::now()),
                () = self.sessions_changed.notified() => {}
                () = wait_for_timer(health) => {}
            }
        }
    }

    fn link(&self) -> MutexGuard<'_, Option<Link>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to a quarter of the pace, so that gateways do not dial in step.
    fn jitter(&self) -> Duration {
        self.link_settings.reconnect().mul_f64(rand::random_range(0.0..0.25))
    }
}

impl UpstreamSession {
    /// Sends towards the verifier.
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    pub(crate) async fn send(&mut self, frame: protocol::Frame) -> Result<(), ChannelError> {
        self.sender.send(frame).await
    }

    /// The next frame from the verifier. May be dropped half-way.
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    pub(crate) async fn recv(&mut self) -> Result<protocol::Frame, ChannelError> {
        let frame = self.receiver.recv().await?;
        self.upstream.heard.notify_one();
        Ok(frame)
    }
}

impl Drop for UpstreamSession {
    fn drop(&mut self) {
        if self.upstream.sessions.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.upstream.sessions_changed.notify_one();
        }
    }
}

/// Where to bind the socket that dials `address`. An IPv6 address is told by its brackets; a host
/// name is dialled over IPv4.
pub(crate) fn socket_for(address: &str) -> SocketAddr {
    match address.starts_with('[') {
        true => (Ipv6Addr::UNSPECIFIED, 0).into(),
        false => (Ipv4Addr::UNSPECIFIED, 0).into(),
    }
}

/// Sleeps until the timer is due and hands it in; forever, where there is none.
async fn wait_for_timer(health: &mut LinkHealth) {
    match health.poll_timeout() {
        Some((due, _)) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
    health.handle_timeout(Instant::now());
}

/// Takes a message of the link's own channel; gives the answer, where one is due.
fn take(health: &mut LinkHealth, message: Message) -> Option<Message> {
    let now = Instant::now();
    match message {
        Message::Pong(pong) => health.handle_pong(now, pong),
        Message::Ping(ping) => {
            health.handle_frame(now);
            return Some(Message::Pong(Pong { nonce: ping.nonce }));
        }
        Message::Fault(fault) => {
            tracing::warn!(kind = ?fault.kind, detail = fault.detail, "the upstream reports a fault");
            health.handle_frame(now);
        }
        // The channel lets nothing else through, but for a welcome that comes twice.
        Message::Hello(_)
        | Message::Welcome(_)
        | Message::Open(_)
        | Message::Opened(_)
        | Message::Pass(_)
        | Message::Verdict(_)
        | Message::Rollback(_)
        | Message::Close(_) => health.handle_frame(now),
    }
    None
}
