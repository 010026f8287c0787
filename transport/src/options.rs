//! What a link may use: time, memory, sessions. Each with its default and the reason for it.

use crate::Network;
use base::ByteCount;
use quinn::{IdleTimeout, MtuDiscoveryConfig, TransportConfig, VarInt};
use std::sync::Arc;
use std::time::Duration;

/// Bounds of every link of an endpoint.
#[derive(Debug, Clone)]
pub struct LinkOptions {
    /// Where sockets come from. Default: the system.
    pub network: Network,
    /// How often a silent link sends a packet to stay alive; `None` never does. Default: 8 s, which
    /// is below the 30 s after which home routers forget a UDP flow, and three packets within
    /// [`Self::idle_timeout`]. Each wakes a radio: a device on battery sets it longer, or to `None`
    /// and dials anew. One side is enough.
    pub keep_alive: Option<Duration>,
    /// How long nothing may arrive before the link counts as gone. Default: 30 s. This only frees
    /// what a vanished peer held; a session notices an outage within its own, far shorter deadline.
    /// The lower of both sides' values holds.
    pub idle_timeout: Duration,
    /// How long a handshake may take on the listening side. Default: 10 s: three lost flights and
    /// the retransmissions between them.
    pub handshake_timeout: Duration,
    /// Sessions that a peer may have open on one link. Default: 256, a gateway's devices on its one
    /// link to the cloud. One more waits at the peer.
    pub sessions_max: u16,
    /// Links that a listener holds at once. Default: 1024. One more is refused.
    pub links_max: usize,
    /// Bytes of one stream that arrive before they are read. Default: 2 MiB: 160 Mbit/s at 100 ms
    /// of round trip for one session's hidden states.
    pub stream_window: ByteCount,
    /// Bytes of all streams of a link that arrive before they are read. Default: 16 MiB. The most a
    /// peer can make us hold in QUIC's buffers.
    pub link_window: ByteCount,
    /// Bytes that are sent and not yet acknowledged, over all streams of a link. Default: 8 MiB. The
    /// most our own messages may take; a sender over it waits.
    pub send_window: ByteCount,
}

impl Default for LinkOptions {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            network: Network::system(),
            keep_alive: Some(Duration::from_secs(8)),
            idle_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            sessions_max: 256,
            links_max: 1024,
            stream_window: ByteCount(2 * MIB),
            link_window: ByteCount(16 * MIB),
            send_window: ByteCount(8 * MIB),
        }
    }
}

/// Which side of a link this is. It decides who may open what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Opens the control stream and the sessions.
    Dialler,
    /// Opens nothing.
    Listener,
}

impl LinkOptions {
    /// Streams for hidden states that the peer may have open. A session has one; as many again may
    /// wait for the session that they belong to.
    const fn hidden_streams_max(&self) -> u32 {
        2 * self.sessions_max as u32
    }

    /// The same bounds in QUIC's words.
    pub(crate) fn transport(&self, side: Side) -> Arc<TransportConfig> {
        let (control_and_sessions, hidden) = match side {
            Side::Dialler => (0, 0),
            Side::Listener => (1 + u32::from(self.sessions_max), self.hidden_streams_max()),
        };
        let mut config = TransportConfig::default();
        // Congestion control stays Cubic, quinn's default.
        config
            .keep_alive_interval(self.keep_alive)
            .max_idle_timeout(Some(idle_timeout(self.idle_timeout)))
            .max_concurrent_bidi_streams(control_and_sessions.into())
            .max_concurrent_uni_streams(hidden.into())
            .stream_receive_window(window(self.stream_window))
            .receive_window(window(self.link_window))
            .send_window(self.send_window.0)
            .mtu_discovery_config(Some(MtuDiscoveryConfig::default()))
            .datagram_receive_buffer_size(None);
        Arc::new(config)
    }
}

/// QUIC counts to 2^62; more than that is no limit either way.
fn window(bytes: ByteCount) -> VarInt {
    VarInt::from_u64(bytes.0).unwrap_or(VarInt::MAX)
}

fn idle_timeout(duration: Duration) -> IdleTimeout {
    duration.try_into().unwrap_or_else(|_| IdleTimeout::from(VarInt::MAX))
}
