//! TLS as every link uses it: version 1.3, both sides with a certificate, ring for the
//! cryptography, [`ALPN`] for the protocol.
//!
//! # Invariants
//!
//! - **The provider is named, never looked up.** No process-wide default is installed or asked
//!   for, so a dependency that brings a second provider changes nothing here.
//! - **Resumption is no way around a check.** TLS does not look at a certificate again when a link is
//!   resumed, so [`PeerCheck`] does: chain, dates and revocation, by what this endpoint believes now.
//! - **A ticket is good for one handshake**: it is state of the listener, in memory and bounded, that
//!   the first to show it takes away. A first flight that is sent again resumes nothing.

use crate::identity::{Identity, Trust};
use crate::peer::Peer;
use crate::tickets::{Copying, PER_LINK, Tickets};
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ServerSessionMemoryCache, VerifierBuilderError, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::Arc;

/// The protocol's name in the handshake. A peer that does not offer it is refused.
pub const ALPN: &[u8] = b"causeway/6";

/// Tickets that a listener has given and that were not taken up: those of 2,048 links, at about 2 KB
/// each. The oldest goes first, which costs its holder a round trip.
const TICKETS_MAX: usize = 2_048 * PER_LINK;

/// Identity and trust cannot be made into a TLS configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The root or the revocation list is not usable.
    #[error("the CA's certificate or revocation list cannot be used")]
    Trust(#[from] VerifierBuilderError),
    /// Provider and version do not fit.
    #[error("TLS 1.3 cannot be set up")]
    Version(#[from] rustls::Error),
    /// The cipher that QUIC's first packets need is missing.
    #[error("TLS cannot carry QUIC")]
    Quic(#[from] quinn::crypto::rustls::NoInitialCipherSuite),
}

/// The one provider of cryptography.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// What an endpoint says of a peer's certificate, at any time and not in a handshake alone.
#[derive(Debug, Clone)]
pub(crate) enum PeerCheck {
    /// Of those that dial.
    Diallers(Arc<dyn ClientCertVerifier>),
    /// Of those that listen.
    Listeners(Arc<dyn ServerCertVerifier>),
}

impl PeerCheck {
    /// Whether the chain of `peer`, its own certificate first, is good at `now`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in rustls's words.
    pub(crate) fn check(
        &self,
        peer: &Peer,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let (own, others) = chain.split_first().ok_or(rustls::Error::NoCertificatesPresented)?;
        match self {
            Self::Diallers(verifier) => verifier.verify_client_cert(own, others, now).map(drop),
            Self::Listeners(verifier) => {
                let name = ServerName::try_from(peer.name.as_str());
                let name = name.expect("a node's name is a DNS label");
                verifier.verify_server_cert(own, others, &name, &[], now).map(drop)
            }
        }
    }
}

/// The listening side: asks for a certificate, and refuses a peer without one. The tickets that it
/// gives are its own: another configuration knows none of them.
pub(crate) fn server(
    identity: &Identity,
    trust: &Trust,
) -> Result<(quinn::crypto::rustls::QuicServerConfig, PeerCheck), TlsError> {
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::clone(&trust.roots), provider())
            .with_crls(trust.crls.iter().cloned())
            .build()?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::clone(&verifier))
        .with_cert_resolver(identity.resolver());
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = ServerSessionMemoryCache::new(TICKETS_MAX);
    config.send_tls13_tickets = PER_LINK;
    // All or nothing, by RFC 9001, section 4.6.1; what may come is bounded by QUIC's windows.
    config.max_early_data_size = u32::MAX;
    Ok((config.try_into()?, PeerCheck::Diallers(verifier)))
}

/// The dialling side: checks name, chain, dates and revocation of the listener's certificate.
pub(crate) fn client(
    identity: &Identity,
    trust: &Trust,
    tickets: Arc<Tickets>,
) -> Result<(Copying, PeerCheck), TlsError> {
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::clone(&trust.roots), provider())
            .with_crls(trust.crls.iter().cloned())
            .build()?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_webpki_verifier(Arc::clone(&verifier))
        .with_client_cert_resolver(identity.resolver());
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::store(tickets);
    config.enable_early_data = true;
    Ok((Copying(Arc::new(config.try_into()?)), PeerCheck::Listeners(verifier)))
}
