//! Where endpoints get their socket: the one place that touches the system's UDP.

use quinn::{AsyncUdpSocket, EndpointConfig, Runtime, ServerConfig, TokioRuntime};
use std::io;
use std::net::{SocketAddr, UdpSocket};
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

/// An endpoint over a UDP socket of its own, and the address that it got.
pub(crate) fn endpoint(
    address: SocketAddr,
    server: Option<ServerConfig>,
) -> Result<(quinn::Endpoint, SocketAddr), SocketError> {
    let bind = || {
        let socket = TokioRuntime.wrap_udp_socket(UdpSocket::bind(address)?)?;
        let bound = socket.local_addr()?;
        Ok((over(socket, server)?, bound))
    };
    bind().map_err(|source| SocketError { address, source })
}

/// An endpoint over any socket.
fn over(
    socket: Arc<dyn AsyncUdpSocket>,
    server: Option<ServerConfig>,
) -> io::Result<quinn::Endpoint> {
    let config = EndpointConfig::default();
    quinn::Endpoint::new_with_abstract_socket(config, server, socket, Arc::new(TokioRuntime))
}
