//! Who stands at the other end of a link: the role and name that its certificate carries.
//!
//! ```text
//! SAN DNS  NAME                   what TLS compares with the name that was dialled
//! SAN URI  causeway://ROLE/NAME   what the role checks read
//! ```
//!
//! # Invariants
//!
//! - **A peer never names itself.** A [`Peer`] of a link comes out of a certificate whose chain,
//!   dates and revocation TLS has checked; nothing else in a link says who it is.
//! - **One reading.** A certificate with a second DNS name or URI, or with two names that differ,
//!   is refused: what TLS compared and what the role check read are the same name.

use base::{NodeName, Role};
use std::fmt;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The scheme of the URI that carries the role.
const SCHEME: &str = "causeway://";

/// A node as its certificate names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// The tier that it serves in.
    pub role: Role,
    /// Its name within the private CA.
    pub name: NodeName,
}

/// A certificate that does not say who its holder is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    /// Not an X.509 certificate.
    #[error("the certificate cannot be parsed: {0}")]
    Certificate(String),
    /// Not exactly one DNS name and one `causeway:` URI.
    #[error(
        "the certificate has {dns} DNS names and {uris} URIs; a node's has one of each, \
         NAME and causeway://ROLE/NAME"
    )]
    Names {
        /// How many DNS names it has.
        dns: usize,
        /// How many URIs it has.
        uris: usize,
    },
    /// The URI is not one of ours.
    #[error("the certificate's URI {0:?} is not causeway://ROLE/NAME")]
    Uri(String),
    /// The two names differ.
    #[error("the certificate's DNS name {dns:?} is not the {uri:?} of its URI")]
    Disagree {
        /// The name that TLS compared.
        dns: String,
        /// The name in the URI.
        uri: NodeName,
    },
}

impl Peer {
    /// A peer with this role and name.
    pub const fn new(role: Role, name: NodeName) -> Self {
        Self { role, name }
    }

    /// The URI that a certificate carries for this node: `causeway://ROLE/NAME`.
    pub fn uri(&self) -> String {
        format!("{SCHEME}{}/{}", self.role, self.name)
    }

    /// Reads role and name from a DER certificate. Checks no signature: TLS did.
    ///
    /// # Errors
    ///
    /// [`PeerError`] where it does not carry exactly one of each, or they disagree.
    pub fn from_certificate(der: &[u8]) -> Result<Self, PeerError> {
        let unparsed = |error: &dyn fmt::Display| PeerError::Certificate(error.to_string());
        let (_, certificate) = X509Certificate::from_der(der).map_err(|error| unparsed(&error))?;
        let names = certificate.subject_alternative_name().map_err(|error| unparsed(&error))?;
        let names = names.map_or(&[][..], |extension| &extension.value.general_names);
        let dns: Vec<&str> = names.iter().filter_map(dns_name).collect();
        let uris: Vec<&str> = names.iter().filter_map(uri).collect();
        let ([dns], [uri]) = (&dns[..], &uris[..]) else {
            return Err(PeerError::Names { dns: dns.len(), uris: uris.len() });
        };
        let peer = Self::from_uri(uri).ok_or_else(|| PeerError::Uri((*uri).to_owned()))?;
        if *dns != peer.name.as_str() {
            return Err(PeerError::Disagree { dns: (*dns).to_owned(), uri: peer.name });
        }
        Ok(peer)
    }

    fn from_uri(uri: &str) -> Option<Self> {
        let (role, name) = uri.strip_prefix(SCHEME)?.split_once('/')?;
        Some(Self { role: role.parse().ok()?, name: NodeName::new(name).ok()? })
    }
}

/// `ROLE NAME`, as messages and logs say it.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.role, self.name)
    }
}

fn dns_name<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    if let GeneralName::DNSName(name) = name { Some(name) } else { None }
}

fn uri<'a>(name: &GeneralName<'a>) -> Option<&'a str> {
    if let GeneralName::URI(uri) = name { Some(uri) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, SanType};

    fn certificate(dns: &[&str], uris: &[&str]) -> Vec<u8> {
        let mut params = CertificateParams::default();
        let dns = dns.iter().map(|name| SanType::DnsName((*name).try_into().unwrap()));
        let uris = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap()));
        params.subject_alt_names = dns.chain(uris).collect();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn role_and_name_are_read_back() {
        let peer = Peer::new(Role::Gateway, NodeName::new("site-1").unwrap());
        let der = certificate(&["site-1"], &[&peer.uri()]);
        assert_eq!(Peer::from_certificate(&der), Ok(peer));
    }

    #[test]
    fn certificates_that_leave_a_doubt_are_refused() {
        let cloud = "causeway://cloud/a";
        for (dns, uris) in [
            (&[][..], &[][..]),
            (&["a"], &[]),
            (&[], &[cloud]),
            (&["a", "b"], &[cloud]),
            (&["a"], &[cloud, "causeway://device/a"]),
            (&["b"], &[cloud]),
            (&["a"], &["causeway://root/a"]),
            (&["a"], &["https://cloud/a"]),
            (&["a"], &["causeway://cloud/a/b"]),
            (&["a"], &["causeway://cloud/A"]),
        ] {
            let refused = Peer::from_certificate(&certificate(dns, uris));
            assert!(refused.is_err(), "{dns:?} {uris:?}: {refused:?}");
        }
        assert!(Peer::from_certificate(b"no certificate").is_err());
    }
}
