//! The side of a link that is dialled.
//!
//! ```text
//!  packet ─▶ room for one more? ─▶ TLS handshake ─▶ role allowed? ─▶ accept()
//!               no: refused         no: alert         no: close with WrongPeer
//! ```
//!
//! A dialler that comes back with a ticket (see [`tls`]) has proved with its first packet that it is who
//! was checked before. Its link is accepted at once, with the early data that came along, once its
//! certificate has been checked again; the rest of its handshake has the same deadline as any.
//!
//! [`tls`]: crate::tls
//!
//! # Invariants
//!
//! - **Nobody is served before all checks are passed**: no stream is read and no byte of ours sent
//!   but TLS's own and the close.
//! - **One peer does not hold up another.** Handshakes run side by side, each with a deadline.

use crate::close::CloseCode;
use crate::connection::{self, Connection};
use crate::identity::{Identity, Trust};
use crate::link::Link;
use crate::options::{LinkOptions, Side};
use crate::peer::Peer;
use crate::socket::{self, SocketError};
use crate::tally::{Counters, Tally, TallyReader};
use crate::tls::{self, PeerCheck, TlsError};
use base::Role;
use quinn::{ConnectionError, Incoming, ServerConfig, ZeroRttAccepted};
use rustls_pki_types::UnixTime;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use tokio::sync::{Mutex, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

/// So long peers are told that the listener closes, and acknowledge it.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(1);

/// Handshakes that run at once. One takes a round trip and a few milliseconds of one core.
const HANDSHAKES_MAX: usize = 128;
/// From so many on, a dialler first shows that its address is its own, which costs it a round trip
/// and a liar with a forged address everything.
const HANDSHAKES_BEFORE_RETRY: usize = 32;
/// Links that wait for [`Listener::accept`].
const WAITING_MAX: usize = 16;

/// An endpoint cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// No socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// No TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Takes links from peers of some roles.
#[derive(Debug)]
pub struct Listener {
    endpoint: quinn::Endpoint,
    address: SocketAddr,
    links: Mutex<mpsc::Receiver<Link>>,
    counters: Arc<Counters>,
    options: Arc<LinkOptions>,
    refusing: Arc<AtomicBool>,
    check: Arc<std::sync::Mutex<PeerCheck>>,
    welcoming: AbortHandle,
}

/// What a new connection is judged by.
#[derive(Debug, Clone)]
struct Door {
    allow: Arc<[Role]>,
    options: Arc<LinkOptions>,
    counters: Arc<Counters>,
    refusing: Arc<AtomicBool>,
    /// Says whether a certificate is still good.
    check: Arc<std::sync::Mutex<PeerCheck>>,
}

impl Listener {
    /// Listens at a UDP address for peers of the roles in `allow`. Must be called within a tokio
    /// runtime.
    ///
    /// # Errors
    ///
    /// [`BindError`] where the socket or the TLS configuration cannot be had.
    pub fn bind(
        address: SocketAddr,
        identity: &Identity,
        trust: &Trust,
        allow: &[Role],
        options: &LinkOptions,
    ) -> Result<Self, BindError> {
        let (config, check) = server_config(identity, trust, options)?;
        let check = Arc::new(std::sync::Mutex::new(check));
        let reset = identity.reset_key();
        let (endpoint, address, _) =
            socket::endpoint(&options.network, reset, address, Some(config))?;
        let (give, links) = mpsc::channel(WAITING_MAX);
        let counters = Arc::<Counters>::default();
        let refusing = Arc::<AtomicBool>::default();
        let options = Arc::new(options.clone());
        let door = Door {
            allow: allow.into(),
            options: Arc::clone(&options),
            counters: Arc::clone(&counters),
            refusing: Arc::clone(&refusing),
            check: Arc::clone(&check),
        };
        let welcoming = tokio::spawn(welcome(endpoint.clone(), door, give)).abort_handle();
        Ok(Self {
            endpoint,
            address,
            links: Mutex::new(links),
            counters,
            options,
            refusing,
            check,
            welcoming,
        })
    }

    /// The address it got.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The next link that passed all checks; `None` when the listener is closed.
    pub async fn accept(&self) -> Option<Link> {
        self.links.lock().await.recv().await
    }

    /// What was counted since it was bound.
    pub fn tally(&self) -> Tally {
        self.counters.tally()
    }

    /// The same for who does not hold the listener.
    pub fn tally_reader(&self) -> TallyReader {
        TallyReader::new(Arc::clone(&self.counters))
    }

    /// Shows another certificate and believes another revocation list from now on, and forgets the
    /// tickets that it gave. Links that are there go on; the node closes those it no longer wants.
    ///
    /// # Errors
    ///
    /// [`TlsError`] where the two cannot be used; the listener is then as it was.
    pub fn renew(&self, identity: &Identity, trust: &Trust) -> Result<(), TlsError> {
        let (config, check) = server_config(identity, trust, &self.options)?;
        self.believe(check);
        self.endpoint.set_server_config(Some(config));
        Ok(())
    }

    /// Judges who comes with a ticket by this.
    pub(crate) fn believe(&self, check: PeerCheck) {
        *self.check.lock().unwrap_or_else(PoisonError::into_inner) = check;
    }

    /// Refuses every new connection from now on. Links that are there go on.
    pub fn refuse_new(&self) {
        self.refusing.store(true, Ordering::Relaxed);
    }

    /// Closes all links and the listener, and waits until the peers have been told (at most a few
    /// round trips).
    pub async fn close(&self, code: CloseCode, reason: &str) {
        self.endpoint.close(code.to_wire(), reason.as_bytes());
        // A peer that gave its handshake up in the middle is never told, and would be waited for until it is given up.
        let _ = tokio::time::timeout(FAREWELL, self.endpoint.wait_idle()).await;
    }
}

/// Links that were accepted live on.
impl Drop for Listener {
    fn drop(&mut self) {
        self.welcoming.abort();
    }
}

fn server_config(
    identity: &Identity,
    trust: &Trust,
    options: &LinkOptions,
) -> Result<(ServerConfig, PeerCheck), TlsError> {
    let (tls, check) = tls::server(identity, trust)?;
    let mut config = ServerConfig::with_crypto(Arc::new(tls));
    config.transport_config(options.transport(Side::Listener));
    Ok((config, check))
}

/// Runs handshakes side by side until the endpoint is closed.
async fn welcome(endpoint: quinn::Endpoint, door: Door, links: mpsc::Sender<Link>) {
    let mut handshakes = JoinSet::new();
    while let Some(incoming) = endpoint.accept().await {
        while handshakes.try_join_next().is_some() {}
        let full = endpoint.open_connections() >= door.options.links_max;
        if door.refusing.load(Ordering::Relaxed) {
            incoming.refuse();
        } else if full || handshakes.len() >= HANDSHAKES_MAX {
            door.counters.overloads.count();
            incoming.refuse();
        } else if handshakes.len() >= HANDSHAKES_BEFORE_RETRY
            && !incoming.remote_address_validated()
        {
            // Fails only for an address that was validated, which was just asked.
            let _ = incoming.retry();
        } else {
            let (door, links) = (door.clone(), links.clone());
            handshakes.spawn(async move { door.handshake(incoming, &links).await });
        }
    }
}

impl Door {
    /// Takes a connection through its handshake; gives the link on, where TLS and the role check let
    /// it in.
    async fn handshake(&self, incoming: Incoming, links: &mpsc::Sender<Link>) {
        let from = incoming.remote_address();
        let deadline = Instant::now() + self.options.handshake_timeout;
        let failed = |why: &str| {
            tracing::info!(%from, why, "handshake failed");
            self.counters.handshakes_failed.count();
        };
        let (connection, rest) = match tokio::time::timeout_at(deadline, arrive(incoming)).await {
            Ok(Ok((quic, rest))) => (Connection::new(quic, Arc::clone(&self.counters)), rest),
            Ok(Err(error)) => return failed(&error.to_string()),
            Err(_) => return failed("it took too long"),
        };
        let admitted = self.judge(&connection).map(|peer| {
            self.counters.links.count();
            Link::accepted(connection.clone(), peer, &self.options)
        });
        let refused = match admitted {
            Ok(link) => {
                // A listener that is gone takes no more links; this one is closed by its drop.
                let _ = links.send(link).await;
                None
            }
            Err(reason) => Some(reason),
        };
        let finished = match rest {
            Some(rest) => tokio::time::timeout_at(deadline, rest).await.is_ok(),
            None => true,
        };
        if !finished {
            failed("it was resumed and not finished");
            connection.close(CloseCode::Unresponsive, "the handshake was not finished in time");
        }
        // Not before: until then QUIC does not say why it closes.
        if let Some(reason) = refused {
            tracing::info!(%from, reason, "peer refused");
            self.counters.peers_refused.count();
            connection.close(CloseCode::WrongPeer, &reason);
        }
    }

    /// Who it is, where a link may be had; else why not.
    fn judge(&self, connection: &Connection) -> Result<Peer, String> {
        let (peer, chain) = connection.peer().map_err(|error| error.to_string())?;
        let check = self.check.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Of a handshake in full TLS has said the same a moment ago.
        let good = check.check(&peer, &chain, UnixTime::now());
        good.map_err(|error| format!("the certificate of {peer} is no longer good: {error}"))?;
        match self.allow.contains(&peer.role) {
            true => Ok(peer),
            false => Err(format!("{peer} has no business here; allowed: {}", self.allowed())),
        }
    }

    fn allowed(&self) -> String {
        let roles: Vec<&str> = self.allow.iter().map(|role| role.as_str()).collect();
        roles.join(", ")
    }
}

/// Waits until it is known who dials: by the first packet where a ticket came with it, and then gives
/// the rest of the handshake too; else by the whole handshake.
async fn arrive(
    incoming: Incoming,
) -> Result<(quinn::Connection, Option<ZeroRttAccepted>), ConnectionError> {
    let mut connecting = incoming.accept()?;
    connecting.handshake_data().await?;
    let Ok((quic, rest)) = connecting.into_0rtt() else {
        unreachable!("who is dialled may send as soon as it has heard the first packet");
    };
    if connection::chain(&quic).is_some() {
        return Ok((quic, Some(rest)));
    }
    rest.await;
    match quic.close_reason() {
        None => Ok((quic, None)),
        Some(error) => Err(error),
    }
}
