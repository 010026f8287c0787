//! Endpoints over a network's sockets.

use crate::Network;
use crate::network::Bound;
use crate::options::Side;
use crate::reset::ResetKey;
use quinn::{ServerConfig, TokioRuntime};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// No socket at this address.
#[derive(Debug, thiserror::Error)]
#[error("cannot bind UDP {address}")]
pub struct SocketError {
    /// The address that was asked for.
    pub address: SocketAddr,
    /// What the system says.
    #[source]
    source: io::Error,
}

/// An endpoint over a socket of its own, and the address that it got. With `server`, it listens. The
/// socket is given as well, for who wants to change it.
pub(crate) fn endpoint(
    network: &Network,
    reset: ResetKey,
    address: SocketAddr,
    server: Option<ServerConfig>,
) -> Result<(quinn::Endpoint, SocketAddr, Bound), SocketError> {
    let side = if server.is_some() { Side::Listener } else { Side::Dialler };
    let bind = || {
        let bound = network.bind(address, side)?;
        let (socket, got) = (Arc::clone(&bound.socket), bound.socket.local_addr()?);
        let mut config = reset.endpoint_config();
        config.rng_seed(network.quic_seed());
        let runtime = Arc::new(TokioRuntime);
        let endpoint = quinn::Endpoint::new_with_abstract_socket(config, server, socket, runtime)?;
        Ok((endpoint, got, bound))
    };
    bind().map_err(|source| SocketError { address, source })
}
