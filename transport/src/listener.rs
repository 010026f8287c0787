//! The side of a link that is dialled.
//!
//! ```text
//!  packet ─▶ room for one more? ─▶ TLS handshake ─▶ role allowed? ─▶ accept()
//!               no: refused         no: alert         no: close with WrongPeer
//! ```
//!
//! # Invariants
//!
//! - **Nobody is served before all checks are passed**: no stream is read and no byte of ours sent
//!   but TLS's own and the close.
//! - **One peer does not hold up another.** Handshakes run side by side, each with a deadline.

use crate::close::CloseCode;
use crate::connection::Connection;
use crate::identity::{Identity, Trust};
use crate::link::Link;
use crate::options::{LinkOptions, Side};
use crate::socket::{self, SocketError};
use crate::tally::{Counters, Tally};
use crate::tls::{self, TlsError};
use base::Role;
use quinn::{Incoming, ServerConfig};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Mutex, mpsc};
use tokio::task::{AbortHandle, JoinSet};

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
    welcoming: AbortHandle,
}

/// What a new connection is judged by.
#[derive(Debug, Clone)]
struct Door {
    allow: Arc<[Role]>,
    options: Arc<LinkOptions>,
    counters: Arc<Counters>,
    refusing: Arc<AtomicBool>,
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
        let config = server_config(identity, trust, options)?;
        let reset = identity.reset_key();
        let (endpoint, address) = socket::endpoint(&options.network, reset, address, Some(config))?;
        let (give, links) = mpsc::channel(WAITING_MAX);
        let counters = Arc::<Counters>::default();
        let refusing = Arc::<AtomicBool>::default();
        let options = Arc::new(options.clone());
        let door = Door {
            allow: allow.into(),
            options: Arc::clone(&options),
            counters: Arc::clone(&counters),
            refusing: Arc::clone(&refusing),
        };
        let welcoming = tokio::spawn(welcome(endpoint.clone(), door, give)).abort_handle();
        Ok(Self {
            endpoint,
            address,
            links: Mutex::new(links),
            counters,
            options,
            refusing,
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

    /// Shows another certificate and believes another revocation list from now on. Links that are
    /// there go on; the node closes those it no longer wants.
    ///
    /// # Errors
    ///
    /// [`TlsError`] where the two cannot be used; the listener is then as it was.
    pub fn renew(&self, identity: &Identity, trust: &Trust) -> Result<(), TlsError> {
        self.endpoint.set_server_config(Some(server_config(identity, trust, &self.options)?));
        Ok(())
    }

    /// Refuses every new connection from now on. Links that are there go on.
    pub fn refuse_new(&self) {
        self.refusing.store(true, Ordering::Relaxed);
    }

    /// Closes all links and the listener, and waits until the peers have been told (at most a few
    /// round trips).
    pub async fn close(&self, code: CloseCode, reason: &str) {
        self.endpoint.close(code.to_wire(), reason.as_bytes());
        self.endpoint.wait_idle().await;
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
) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::with_crypto(Arc::new(tls::server(identity, trust)?));
    config.transport_config(options.transport(Side::Listener));
    Ok(config)
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
            handshakes.spawn(async move {
                if let Some(link) = door.admit(incoming).await {
                    // A listener that is gone takes no more links; this one is closed by its drop.
                    let _ = links.send(link).await;
                }
            });
        }
    }
}

impl Door {
    /// The link, where TLS and the role check let it in.
    async fn admit(&self, incoming: Incoming) -> Option<Link> {
        let from = incoming.remote_address();
        let handshake = tokio::time::timeout(self.options.handshake_timeout, incoming).await;
        let quic = match handshake {
            Ok(Ok(quic)) => quic,
            Ok(Err(error)) => {
                tracing::info!(%from, %error, "handshake failed");
                self.counters.handshakes_failed.count();
                return None;
            }
            Err(_) => {
                tracing::info!(%from, "handshake timed out");
                self.counters.handshakes_failed.count();
                return None;
            }
        };
        let connection = Connection::new(quic, Arc::clone(&self.counters));
        let judged = connection.peer().map_err(|error| error.to_string());
        let judged = judged.and_then(|peer| match self.allow.contains(&peer.role) {
            true => Ok(peer),
            false => Err(format!("{peer} has no business here; allowed: {}", self.allowed())),
        });
        match judged {
            Ok(peer) => {
                self.counters.links.count();
                Some(Link::accepted(connection, peer, &self.options))
            }
            Err(reason) => {
                tracing::info!(%from, reason, "peer refused");
                self.counters.peers_refused.count();
                connection.close(CloseCode::WrongPeer, &reason);
                None
            }
        }
    }

    fn allowed(&self) -> String {
        let roles: Vec<&str> = self.allow.iter().map(|role| role.as_str()).collect();
        roles.join(", ")
    }
}
