//! What the sockets of this folder have in common: datagrams that they hold until somebody reads them,
//! and that sending never waits.

use quinn::UdpPoller;
use quinn::udp::{EcnCodepoint, RecvMeta, Transmit};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A datagram on its way.
#[derive(Debug, Clone)]
pub(super) struct Datagram {
    /// Where it comes from, or where it goes to.
    pub(super) peer: SocketAddr,
    pub(super) contents: Vec<u8>,
    pub(super) ecn: Option<EcnCodepoint>,
}

impl Datagram {
    /// Each datagram of a transmission, which may hold several.
    pub(super) fn of<'a>(transmit: &'a Transmit<'_>) -> impl Iterator<Item = Self> + 'a {
        let size = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        transmit.contents.chunks(size).map(|contents| Self {
            peer: transmit.destination,
            contents: contents.to_vec(),
            ecn: transmit.ecn,
        })
    }

    /// Copies it into a reader's buffer, cut to its size as a system does.
    pub(super) fn copy_to(&self, buffer: &mut [u8]) -> RecvMeta {
        let len = self.contents.len().min(buffer.len());
        buffer[..len].copy_from_slice(&self.contents[..len]);
        RecvMeta { addr: self.peer, len, stride: len, ecn: self.ecn, dst_ip: None }
    }
}

/// Of a socket that takes datagrams at any time.
#[derive(Debug)]
pub(super) struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
