//! Keeps an uplink up: drives its [`LinkHealth`] with what connections and dials do.
//!
//! ```text
//!   lost ─▶ fresh socket ─▶ the old connection is pinged ──────┐ with each
//!             └───────────▶ dial, with early data where it can ┘ tick of the pace
//!                           the first that is answered carries on, the others are closed
//! ```
//!
//! # Invariants
//!
//! - **Dials are bounded**: each is given up after the deadline, and they begin at least a third of it
//!   apart.

use super::attempt::Welcomed;
use super::{Uplink, UplinkError};
use crate::{ChannelError, CloseCode, ControlChannel, clock};
use protocol::{LinkEvent, LinkHealth, Message, Pong, Welcome};
use std::future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// The pause before a peer that does not fit is dialled again: somebody may have mended it.
const MISFIT_PAUSE: Duration = Duration::from_secs(30);

/// What it takes to keep a link up.
pub(super) struct Keeper<'a> {
    uplink: &'a Arc<Uplink>,
    health: LinkHealth,
    /// What the health is about, silent or not.
    connection: Option<Connection>,
    /// A session of the link that is up heard the peer.
    heard: Arc<Notify>,
    dials: JoinSet<Result<Welcomed, UplinkError>>,
}

/// A connection after its welcome.
struct Connection {
    control: ControlChannel,
    welcome: Arc<Welcome>,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(uplink: &'a Arc<Uplink>) -> Self {
        Self {
            uplink,
            health: LinkHealth::new(uplink.config.health, clock::now()),
            connection: None,
            heard: Arc::default(),
            dials: JoinSet::new(),
        }
    }

    /// For as long as it is polled.
    pub(super) async fn run(mut self) {
        loop {
            self.react();
            if let Err(error) = self.ping().await {
                self.end(error.into());
                continue;
            }
            let sessions = self.uplink.sessions.load(Ordering::Relaxed);
            self.health.expect(clock::now(), sessions > 0);
            let Self { uplink, health, connection, heard, dials, .. } = &mut self;
            tokio::select! {
                // What came before its deadline is no silence.
                biased;
                message = next_message(connection) => self.take(message).await,
                Some(dialled) = dials.join_next() => {
                    self.settle(dialled.expect("a dial neither panics nor is aborted"));
                }
                () = heard.notified() => health.handle_frame(clock::now()),
                () = uplink.sessions_changed.notified() => {}
                timer = clock::reached(health.poll_timeout()) => {
                    tracing::trace!(?timer, "due");
                    health.handle_timeout(clock::now());
                }
            }
        }
    }

    fn react(&mut self) {
        while let Some(event) = self.health.poll_event() {
            match event {
                LinkEvent::Dial => self.dial(),
                LinkEvent::Lost { silent } => self.lose(silent),
                LinkEvent::Back => self.back(),
            }
        }
    }

    async fn ping(&mut self) -> Result<(), ChannelError> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        while let Some(message) = self.health.poll_transmit() {
            connection.control.send(message).await?;
        }
        Ok(())
    }

    fn dial(&mut self) {
        let now = clock::now();
        self.health.handle_dialled(now, self.jitter());
        let uplink = Arc::clone(self.uplink);
        self.dials.spawn(uplink.attempt(self.health.deadline()));
    }

    /// The connection is silent. It may still come back, from another socket if it must.
    fn lose(&mut self, silent: Duration) {
        if self.connection.is_none() {
            return;
        }
        self.uplink.carriers.down(self.uplink.silent(silent));
        if let Err(error) = self.uplink.dialer.rebind() {
            tracing::warn!(%error, "no fresh socket");
        }
    }

    /// The connection is there, for the first time or again.
    fn back(&mut self) {
        self.dials = JoinSet::new();
        let Some(connection) = &self.connection else { return };
        let link = connection.control.link();
        tracing::info!(peer = %link.peer(), address = %link.remote_address(), "the link is up");
        let welcome = Arc::clone(&connection.welcome);
        self.heard = self.uplink.carriers.up(link, welcome);
    }

    /// The connection is over.
    fn end(&mut self, why: UplinkError) {
        let Some(connection) = self.connection.take() else { return };
        connection.control.link().close(why.close_code(), &why.to_string());
        self.uplink.carriers.gone();
        if self.health.is_up() {
            self.uplink.carriers.down(why);
        }
        self.health.handle_closed(clock::now());
    }

    fn settle(&mut self, dialled: Result<Welcomed, UplinkError>) {
        let now = clock::now();
        let (control, welcome) = match dialled {
            Ok(welcomed) => welcomed,
            Err(error) => {
                let pause = if error.is_misfit() { MISFIT_PAUSE } else { Duration::ZERO };
                self.uplink.carriers.failed(error);
                return self.health.handle_dial_failed(now, pause);
            }
        };
        let link = control.link().clone();
        if !self.health.handle_connected(now) {
            return link.close(CloseCode::Done, "another link is up");
        }
        self.health.handle_rtt(link.rtt());
        let welcome = Arc::new(welcome);
        let before = self.connection.replace(Connection { control, welcome });
        if let Some(before) = before {
            before.control.link().close(CloseCode::Done, "another link took over");
        }
    }

    /// Takes a message of the link's own channel.
    async fn take(&mut self, message: Result<Message, ChannelError>) {
        let message = match message {
            Ok(message) => message,
            Err(error) => return self.end(error.into()),
        };
        if let Message::Ping(ping) = &message
            && let Some(connection) = &mut self.connection
        {
            let pong = Message::Pong(Pong { nonce: ping.nonce, load: 0 });
            if let Err(error) = connection.control.send(pong).await {
                return self.end(error.into());
            }
        }
        if let Message::Pong(pong) = &message {
            self.uplink.note_load(pong.load);
        }
        if let Message::Receipt(receipt) = message {
            // It shows what came a while ago, and is no word of a session.
            return self.uplink.note_receipt(receipt);
        }
        note(&mut self.health, &message);
    }

    /// Up to a quarter of the pace, so that nodes do not dial in step.
    fn jitter(&self) -> Duration {
        let part = u16::from_le_bytes(self.uplink.config.network.random());
        self.uplink.redial() / (4 << u16::BITS) * u32::from(part)
    }
}

/// The next message of the connection's own channel; never, where there is none.
async fn next_message(connection: &mut Option<Connection>) -> Result<Message, ChannelError> {
    match connection {
        Some(connection) => connection.control.recv().await,
        None => future::pending().await,
    }
}

/// What a message says of the link's health.
fn note(health: &mut LinkHealth, message: &Message) {
    let now = clock::now();
    match message {
        Message::Pong(pong) => health.handle_pong(now, *pong),
        Message::Fault(fault) => {
            tracing::warn!(kind = ?fault.kind, detail = fault.detail, "the peer reports a fault");
            health.handle_frame(now);
        }
        // The channel lets nothing else through, but for a welcome that comes twice.
        Message::Ping(_)
        | Message::Hello(_)
        | Message::Welcome(_)
        | Message::Open(_)
        | Message::Opened(_)
        | Message::Pass(_)
        | Message::Draft(_)
        | Message::Verdict(_)
        | Message::Rollback(_)
        | Message::Close(_)
        | Message::SegmentRequest(_)
        | Message::SegmentPart(_)
        | Message::Receipt(_) => health.handle_frame(now),
    }
}
