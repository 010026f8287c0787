//! The side of a link that dials.

use crate::close::{CloseCode, LinkEnd};
use crate::connection::Connection;
use crate::identity::{Identity, Trust};
use crate::link::Link;
use crate::listener::BindError;
use crate::options::{LinkOptions, Side};
use crate::peer::{Peer, PeerError};
use crate::tally::{Counters, Tally};
use crate::{socket, tls};
use quinn::ClientConfig;
use std::net::SocketAddr;
use std::sync::Arc;

/// Dials peers from one UDP socket.
#[derive(Debug)]
pub struct Dialer {
    endpoint: quinn::Endpoint,
    config: ClientConfig,
    counters: Arc<Counters>,
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
        let mut config = ClientConfig::new(Arc::new(tls::client(identity, trust)?));
        config.transport_config(options.transport(Side::Dialler));
        let (endpoint, _) =
            socket::endpoint(&options.network, identity.reset_key(), address, None)?;
        Ok(Self { endpoint, config, counters: Arc::default() })
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
        let connecting =
            self.endpoint.connect_with(self.config.clone(), address, expect.name.as_str());
        let connecting = connecting.map_err(|source| DialError::Address {
            expect: expect.clone(),
            address,
            source,
        })?;
        let failed = |source| DialError::Handshake { expect: expect.clone(), address, source };
        let quic = connecting.await.map_err(|error| failed(LinkEnd::from_quic(&error)))?;
        let connection = Connection::new(quic, Arc::clone(&self.counters));
        let found = match connection.peer() {
            Ok(found) => found,
            Err(source) => {
                connection.close(CloseCode::WrongPeer, &source.to_string());
                return Err(DialError::Nameless { expect: expect.clone(), address, source });
            }
        };
        if found != *expect {
            connection.close(CloseCode::WrongPeer, &format!("{expect} was dialled, not {found}"));
            return Err(DialError::WrongPeer { expect: expect.clone(), address, found });
        }
        self.counters.links.count();
        Link::dialled(connection, found).await.map_err(failed)
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
