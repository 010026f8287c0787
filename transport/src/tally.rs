//! What came to a listener's door, and what frames took, counted.

use crate::link::Flow;
use base::ByteCount;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many of what since the endpoint was bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Links that were handed to the node.
    pub links: u64,
    /// Handshakes that failed: no certificate, one of another CA, a revoked or an expired one, or
    /// no TLS at all.
    pub handshakes_failed: u64,
    /// Peers with a good certificate whose role or name is not wanted here.
    pub peers_refused: u64,
    /// Connections that were refused because enough are open.
    pub overloads: u64,
    /// Links that were closed because the peer broke the protocol: bytes that are no frame, a frame
    /// over its limit, a stream that nobody may open.
    pub misbehaviours: u64,
}

/// The counters behind a [`Tally`], shared by an endpoint and its links.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) links: Counter,
    pub(crate) handshakes_failed: Counter,
    pub(crate) peers_refused: Counter,
    pub(crate) overloads: Counter,
    pub(crate) misbehaviours: Counter,
}

/// Counts up.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn count(&self) {
        // Nothing is ordered by these numbers; they are only read.
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add(&self, amount: usize) {
        self.0.fetch_add(amount as u64, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Bytes of frames, header, body and payload: of a connection, or of a session on it.
#[derive(Debug, Default)]
pub struct FrameTally {
    /// Of those that a channel took to send.
    pub(crate) sent: Counter,
    /// Of those that came whole.
    pub(crate) received: Counter,
}

impl FrameTally {
    /// What was counted so far.
    pub fn flow(&self) -> Flow {
        Flow { sent: ByteCount(self.sent.get()), received: ByteCount(self.received.get()) }
    }
}

impl Counters {
    pub(crate) fn tally(&self) -> Tally {
        Tally {
            links: self.links.get(),
            handshakes_failed: self.handshakes_failed.get(),
            peers_refused: self.peers_refused.get(),
            overloads: self.overloads.get(),
            misbehaviours: self.misbehaviours.get(),
        }
    }
}
