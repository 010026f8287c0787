//! One QUIC connection, and why this node closed it where it did.

use crate::channel::Misbehaviour;
use crate::close::{CloseCode, LinkEnd, text_chain};
use crate::peer::{Peer, PeerError};
use crate::receipts::Receipts;
use crate::tally::{Counters, FrameTally};
use quinn::ConnectionError;
use rustls_pki_types::CertificateDer;
use std::sync::{Arc, OnceLock};

/// A connection that all parts of a link share. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    pub(crate) quic: quinn::Connection,
    /// QUIC tells the peer why we closed, but not us.
    ours: Arc<OnceLock<LinkEnd>>,
    counters: Arc<Counters>,
    frames: Arc<FrameTally>,
    receipts: Arc<Receipts>,
}

impl Connection {
    pub(crate) fn new(quic: quinn::Connection, counters: Arc<Counters>) -> Self {
        let (ours, frames, receipts) = Default::default();
        Self { quic, ours, counters, frames, receipts }
    }

    /// How fast hidden states have come.
    pub(crate) fn receipts(&self) -> &Receipts {
        &self.receipts
    }

    /// What its streams have carried.
    pub(crate) fn frames(&self) -> &FrameTally {
        &self.frames
    }

    /// Who is at the other end, by the certificate that TLS checked, and the chain that it showed.
    pub(crate) fn peer(&self) -> Result<(Peer, Vec<CertificateDer<'static>>), PeerError> {
        let chain = chain(&self.quic).expect("TLS lets nobody in without a certificate");
        let peer = Peer::from_certificate(chain.first().expect("a chain starts with its holder"))?;
        Ok((peer, chain))
    }

    /// Closes for a reason of ours. The first reason counts.
    pub(crate) fn close(&self, code: CloseCode, reason: &str) {
        let first = self.ours.set(LinkEnd::Ours { code, reason: reason.to_owned() }).is_ok();
        if first && code == CloseCode::Misbehaved {
            tracing::warn!(peer = %self.quic.remote_address(), reason, "the peer misbehaved");
            self.counters.misbehaviours.count();
        }
        self.quic.close(code.to_wire(), reason.as_bytes());
    }

    /// Closes because of what the peer did with its streams.
    pub(crate) fn misbehaved(&self, what: &Misbehaviour) {
        self.close(CloseCode::Misbehaved, &text_chain(what));
    }

    /// Waits for the end.
    pub(crate) async fn closed(&self) -> LinkEnd {
        let error = self.quic.closed().await;
        self.end(&error)
    }

    /// What an error of quinn's means, given what we did ourselves.
    pub(crate) fn end(&self, error: &ConnectionError) -> LinkEnd {
        match (error, self.ours.get()) {
            (ConnectionError::LocallyClosed, Some(ours)) => ours.clone(),
            _ => LinkEnd::from_quic(error),
        }
    }
}

/// The peer's certificate and those above it; `None` before TLS has checked them.
pub(crate) fn chain(quic: &quinn::Connection) -> Option<Vec<CertificateDer<'static>>> {
    let chain = quic.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>();
    Some(*chain.expect("rustls says who a peer is by its certificates"))
}
