//! Tickets: what a dialler keeps of a link, to dial the same peer again with early data.
//!
//! A listener's ticket is good for one handshake, and a dialler in an outage does not know which of its
//! dials gets through. So it keeps each ticket many times over and spends one copy a dial: only the
//! first that arrives is taken up, any other makes a handshake in full. Rustls hands a ticket out once
//! and cannot copy it; here the message that brings it is given to rustls as often as copies are
//! wanted.
//!
//! # Invariants
//!
//! - **In memory alone, and bounded**: [`COPIES`] of each of the first [`PER_LINK`] tickets of a link.
//! - **No ticket of a peer that was not judged**: they are handed out for the one peer whose
//!   certificate the dialler has checked last.
//! - **No more than one link gives**: what a new link brings takes the place of what an older one left,
//!   which may have been spent.

use crate::peer::Peer;
use quinn::crypto::{
    ClientConfig, ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, Session,
};
use quinn::{ConnectError, ConnectionId, Side};
use quinn_proto::TransportError;
use quinn_proto::transport_parameters::TransportParameters;
use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls_pki_types::{CertificateDer, ServerName};
use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tickets that a listener gives with a link. Two: one may have been spent on a dial whose answer was
/// lost.
pub(crate) const PER_LINK: usize = 2;

/// How often each is kept: 256 dials, more than a minute's at the usual pace. Later ones of the same
/// outage take a round trip more.
const COPIES: usize = 128;

/// The type of the handshake message that brings a ticket (RFC 8446, section 4).
const NEW_SESSION_TICKET: u8 = 4;

/// Type and length of a handshake message.
const HEAD_LEN: usize = 4;

/// A longer message than this is left to rustls, which refuses it.
const MESSAGE_LEN_MAX: usize = 0xffff;

/// The tickets of one dialler.
#[derive(Default)]
pub(crate) struct Tickets(Mutex<Held>);

#[derive(Default)]
struct Held {
    tickets: VecDeque<(ServerName<'static>, Tls13ClientSessionValue)>,
    /// Whose certificate was judged last, and the chain that it showed.
    judged: Option<(Peer, Vec<CertificateDer<'static>>)>,
}

impl Tickets {
    /// The dialler has judged this peer by this chain.
    pub(crate) fn vouch(&self, peer: &Peer, chain: Vec<CertificateDer<'static>>) {
        self.held().judged = Some((peer.clone(), chain));
    }

    /// The chain that `peer` was judged by; `None` where it was not the last to be judged.
    pub(crate) fn chain_of(&self, peer: &Peer) -> Option<Vec<CertificateDer<'static>>> {
        let held = self.held();
        held.judged.as_ref().filter(|(judged, _)| judged == peer).map(|(_, chain)| chain.clone())
    }

    /// The next dial is a handshake in full.
    pub(crate) fn forget(&self) {
        *self.held() = Held::default();
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing of the secrets.
impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tickets({})", self.held().tickets.len())
    }
}

impl ClientSessionStore for Tickets {
    fn insert_tls13_ticket(&self, name: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        let mut held = self.held();
        held.tickets.push_back((name, ticket));
        let over = held.tickets.len().saturating_sub(PER_LINK * COPIES);
        held.tickets.drain(..over);
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let mut held = self.held();
        let (peer, _) = held.judged.as_ref()?;
        if name.to_str() != peer.name.as_str() {
            return None;
        }
        // Copies of one ticket lie together: by turns from either end, so that one that was spent
        // does not spoil two dials in a row.
        let (_, ticket) = match held.tickets.len() % 2 {
            0 => held.tickets.pop_front(),
            _ => held.tickets.pop_back(),
        }
        .filter(|(given_by, _)| given_by == name)?;
        Some(ticket)
    }

    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}
}

/// A client's TLS whose tickets come in copies.
pub(crate) struct Copying(pub(crate) Arc<quinn::crypto::rustls::QuicClientConfig>);

impl ClientConfig for Copying {
    fn start_session(
        self: Arc<Self>,
        version: u32,
        server_name: &str,
        params: &TransportParameters,
    ) -> Result<Box<dyn Session>, ConnectError> {
        let tls = Arc::clone(&self.0).start_session(version, server_name, params)?;
        Ok(Box::new(CopyingSession { tls, unread: Messages::default(), tickets: 0 }))
    }
}

struct CopyingSession {
    tls: Box<dyn Session>,
    /// What came after the handshake.
    unread: Messages,
    tickets: usize,
}

/// Handshake messages out of pieces of their stream.
#[derive(Debug, Default)]
struct Messages(Vec<u8>);

impl Messages {
    /// The next whole message; all there is, where it is too long to be one.
    fn next(&mut self) -> Option<Vec<u8>> {
        let (_, length) = self.0.first_chunk::<HEAD_LEN>()?.split_first()?;
        let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let whole = match length {
            0..=MESSAGE_LEN_MAX => HEAD_LEN + length,
            _ => self.0.len(),
        };
        (self.0.len() >= whole).then(|| self.0.drain(..whole).collect())
    }
}

impl CopyingSession {
    /// How often rustls is to read a message.
    fn times(&mut self, message: &[u8]) -> usize {
        if message.first() != Some(&NEW_SESSION_TICKET) || self.tickets == PER_LINK {
            return 1;
        }
        self.tickets += 1;
        COPIES
    }
}

impl Session for CopyingSession {
    fn read_handshake(&mut self, buf: &[u8]) -> Result<bool, TransportError> {
        if self.tls.is_handshaking() {
            return self.tls.read_handshake(buf);
        }
        self.unread.0.extend_from_slice(buf);
        while let Some(message) = self.unread.next() {
            for _ in 0..self.times(&message) {
                self.tls.read_handshake(&message)?;
            }
        }
        Ok(false)
    }

    fn initial_keys(&self, dst_cid: &ConnectionId, side: Side) -> Keys {
        self.tls.initial_keys(dst_cid, side)
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        self.tls.handshake_data()
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        self.tls.peer_identity()
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        self.tls.early_crypto()
    }

    fn early_data_accepted(&self) -> Option<bool> {
        self.tls.early_data_accepted()
    }

    fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        self.tls.transport_parameters()
    }

    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<Keys> {
        self.tls.write_handshake(buf)
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        self.tls.next_1rtt_keys()
    }

    fn is_valid_retry(&self, orig_dst_cid: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        self.tls.is_valid_retry(orig_dst_cid, header, payload)
    }

    fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        self.tls.export_keying_material(output, label, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_whole_however_their_stream_is_cut() {
        let stream = [&[4, 0, 0, 2, 7, 8][..], &[9, 0, 0, 0], &[4, 0, 1, 0], &[5; 256]].concat();
        for piece in [1, 3, 5, stream.len()] {
            let (mut messages, mut found) = (Messages::default(), Vec::new());
            for bytes in stream.chunks(piece) {
                messages.0.extend_from_slice(bytes);
                found.extend(std::iter::from_fn(|| messages.next()));
            }
            let lengths: Vec<_> = found.iter().map(Vec::len).collect();
            assert_eq!((lengths, found.concat()), (vec![6, 4, 260], stream.clone()), "{piece}");
        }
    }

    #[test]
    fn a_message_that_is_too_long_is_handed_on_and_not_kept() {
        let mut messages = Messages(vec![4, 1, 0, 0, 0]);
        assert_eq!(messages.next(), Some(vec![4, 1, 0, 0, 0]));
        assert_eq!(messages.next(), None);
    }
}
