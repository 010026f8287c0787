//! TLS as every link uses it: version 1.3, both sides with a certificate, ring for the
//! cryptography, [`ALPN`] for the protocol.
//!
//! # Invariants
//!
//! - **The provider is named, never looked up.** No process-wide default is installed or asked
//!   for, so a dependency that brings a second provider changes nothing here.
//! - **No resumption, no early data.** Every handshake checks the peer's certificate anew, against
//!   the revocation list of this endpoint.

use crate::identity::{Identity, Trust};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};
use std::sync::Arc;

/// The protocol's name in the handshake. A peer that does not offer it is refused.
pub const ALPN: &[u8] = b"causeway/2";

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

/// The listening side: asks for a certificate, and refuses a peer without one.
pub(crate) fn server(
    identity: &Identity,
    trust: &Trust,
) -> Result<quinn::crypto::rustls::QuicServerConfig, TlsError> {
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::clone(&trust.roots), provider())
            .with_crls(trust.crls.iter().cloned())
            .build()?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(identity.resolver());
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config.try_into()?)
}

/// The dialling side: checks name, chain, dates and revocation of the listener's certificate.
pub(crate) fn client(
    identity: &Identity,
    trust: &Trust,
) -> Result<quinn::crypto::rustls::QuicClientConfig, TlsError> {
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::clone(&trust.roots), provider())
            .with_crls(trust.crls.iter().cloned())
            .build()?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_webpki_verifier(verifier)
        .with_client_cert_resolver(identity.resolver());
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config.try_into()?)
}
