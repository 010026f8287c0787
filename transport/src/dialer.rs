//! The side of a link that dials.

use crate::close::{CloseCode, LinkEnd};
use crate::connection::Connection;
use crate::identity::{Identity, Trust};
use crate::link::Link;
use crate::listener::BindError;
use crate::network::Bound;
use crate::options::{LinkOptions, Side};
use crate::peer::{Peer, PeerError};
use crate::tally::{Counters, Tally};
use crate::tickets::Tickets;
use crate::tls::PeerCheck;
use crate::{socket, tls};
use quinn::{ClientConfig, Connecting, ZeroRttAccepted};
use rustls_pki_types::UnixTime;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Dials peers from one UDP socket.
#[derive(Debug)]
pub struct Dialer {
    endpoint: quinn::Endpoint,
    socket: Bound,
    config: ClientConfig,
    tickets: Arc<Tickets>,
    check: PeerCheck,
    counters: Arc<Counters>,
}

/// A dial under way.
pub(crate) struct Dial<'a> {
    dialer: &'a Dialer,
    address: SocketAddr,
    expect: &'a Peer,
    stage: Stage,
}

enum Stage {
    /// Nothing of ours can be sent before the handshake is done.
    Handshake(Connecting),
    /// The link goes on from an earlier one, and what is sent on it goes with the first packets.
    Early(Link, ZeroRttAccepted),
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The address cannot be dialled from here.
    #[error("cannot dial {expect} at {address}")]
    Address {
        /// Who was dialled.
        expect: Peer,
        /// Where.
        address: SocketAddr,
        /// What is wrong with it.
        #[source]
        source: quinn::ConnectError,
    },
    /// The handshake failed, or nobody answered.
    #[error("no link to {expect} at {address}")]
    Handshake {
        /// Who was dialled.
        expect: Peer,
        /// Where.
        address: SocketAddr,
        /// How it ended.
        #[source]
        source: LinkEnd,
    },
    /// A node of this CA answered, and it has another role or name.
    #[error("{found} answered at {address}, not {expect}; the link was closed")]
    WrongPeer {
        /// Who was dialled.
        expect: Peer,
        /// Where.
        address: SocketAddr,
        /// Who answered.
        found: Peer,
    },
    /// The certificate of who answered names no node.
    #[error("who answered at {address} is not {expect}; the link was closed")]
    Nameless {
        /// Who was dialled.
        expect: Peer,
        /// Where.
        address: SocketAddr,
        /// What its certificate lacks.
        #[source]
        source: PeerError,
    },
}

impl Dialer {
    /// Binds a UDP socket for dialling; port 0 takes any. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`BindError`] where the socket or the TLS configuration cannot be had.
    pub fn bind(
        address: SocketAddr,
        identity: &Identity,
        trust: &Trust,
        options: &LinkOptions,
    ) -> Result<Self, BindError> {
        let tickets = Arc::<Tickets>::default();
        let (tls, check) = tls::client(identity, trust, Arc::clone(&tickets))?;
        let mut config = ClientConfig::new(Arc::new(tls));
        config.transport_config(options.transport(Side::Dialler));
        let (endpoint, _, socket) =
            socket::endpoint(&options.network, identity.reset_key(), address, None)?;
        Ok(Self { endpoint, socket, config, tickets, check, counters: Arc::default() })
    }

    /// Dials a peer and checks its name and role. Gives up after the idle timeout; callers with less
    /// time drop the future.
    ///
    /// In TLS 1.3 the dialler is done before the listener has judged it, so a refusal by the other
    /// side shows in the link, not here: as [`LinkEnd::Handshake`], or as [`LinkEnd::Theirs`] with
    /// [`CloseCode::WrongPeer`], in place of the answer to the first message.
    ///
    /// # Errors
    ///
    /// [`DialError`] says who was dialled where, and who answered.
    pub async fn dial(&self, address: SocketAddr, expect: &Peer) -> Result<Link, DialError> {
        self.begin(address, expect).await?.finish().await
    }

    /// Begins a dial. Where the peer was dialled before and gave a ticket, the link is there at once,
    /// as [`Dial::early`].
    ///
    /// # Errors
    ///
    /// [`DialError::Address`].
    pub(crate) async fn begin<'a>(
        &'a self,
        address: SocketAddr,
        expect: &'a Peer,
    ) -> Result<Dial<'a>, DialError> {
        let failed = |source| DialError::Address { expect: expect.clone(), address, source };
        // What was a good certificate then may have expired since.
        let now = UnixTime::now();
        let known = self.tickets.chain_of(expect);
        if known.is_none_or(|chain| self.check.check(expect, &chain, now).is_err()) {
            self.tickets.forget();
        }
        let config = self.config.clone();
        let connecting = self.endpoint.connect_with(config, address, expect.name.as_str());
        let stage = match connecting.map_err(failed)?.into_0rtt() {
            Err(connecting) => Stage::Handshake(connecting),
            Ok((quic, accepted)) => {
                let connection = Connection::new(quic, Arc::clone(&self.counters));
                let link = Link::dialled(connection, expect.clone()).await;
                let failed =
                    |source| DialError::Handshake { expect: expect.clone(), address, source };
                Stage::Early(link.map_err(failed)?, accepted)
            }
        };
        Ok(Dial { dialer: self, address, expect, stage })
    }

    /// Goes on from a fresh socket: its links move to another address, as their peers see it, and show
    /// themselves from there. What is still under way to the old one is taken.
    ///
    /// # Errors
    ///
    /// What the system says where it has none; the old one then stays.
    pub(crate) fn rebind(&self) -> io::Result<()> {
        self.endpoint.rebind_abstract(self.socket.another()?)
    }

    /// Closes a connection to somebody else than who was dialled.
    fn judge(
        &self,
        connection: &Connection,
        address: SocketAddr,
        expect: &Peer,
    ) -> Result<(), DialError> {
        let wrong = |reason: String, error| {
            self.tickets.forget();
            connection.close(CloseCode::WrongPeer, &reason);
            Err(error)
        };
        let (found, chain) = match connection.peer() {
            Ok(found) => found,
            Err(source) => {
                let reason = source.to_string();
                let expect = expect.clone();
                return wrong(reason, DialError::Nameless { expect, address, source });
            }
        };
        if found != *expect {
            let reason = format!("{expect} was dialled, not {found}");
            let expect = expect.clone();
            return wrong(reason, DialError::WrongPeer { expect, address, found });
        }
        self.tickets.vouch(expect, chain);
        self.counters.links.count();
        Ok(())
    }

    /// What was counted since it was bound.
    pub fn tally(&self) -> Tally {
        self.counters.tally()
    }

    /// Closes all links, and waits until the peers have been told (at most a few round trips).
    pub async fn close(&self, code: CloseCode, reason: &str) {
        self.endpoint.close(code.to_wire(), reason.as_bytes());
        self.endpoint.wait_idle().await;
    }
}

impl Dial<'_> {
    /// The link, where what is sent on it goes with the first packets: it may get there twice, and it
    /// may be refused. Then its channels are withdrawn.
    pub(crate) const fn early(&self) -> Option<&Link> {
        match &self.stage {
            Stage::Handshake(_) => None,
            Stage::Early(link, _) => Some(link),
        }
    }

    /// Waits for the peer and checks its name and role. Whether the link is [`Self::early`]'s and its
    /// channels live.
    ///
    /// # Errors
    ///
    /// [`DialError`].
    pub(crate) async fn finish_early(self) -> Result<(Link, bool), DialError> {
        let Self { dialer, address, expect, stage } = self;
        let failed = |source| DialError::Handshake { expect: expect.clone(), address, source };
        match stage {
            Stage::Handshake(connecting) => {
                let quic = connecting.await.map_err(|error| failed(LinkEnd::from_quic(&error)))?;
                let connection = Connection::new(quic, Arc::clone(&dialer.counters));
                dialer.judge(&connection, address, expect)?;
                let link = Link::dialled(connection, expect.clone()).await.map_err(failed)?;
                Ok((link, false))
            }
            Stage::Early(link, accepted) => {
                let accepted = accepted.await;
                let connection = link.connection();
                if let Some(error) = connection.quic.close_reason() {
                    return Err(failed(connection.end(&error)));
                }
                dialer.judge(connection, address, expect)?;
                if !accepted {
                    tracing::debug!(peer = %expect, "early data was refused");
                    link.begin_anew().await.map_err(failed)?;
                }
                Ok((link, accepted))
            }
        }
    }

    async fn finish(self) -> Result<Link, DialError> {
        self.finish_early().await.map(|(link, _)| link)
    }
}
