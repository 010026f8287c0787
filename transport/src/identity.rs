//! What a node shows, and what it believes: its own certificate and key, the CA's certificate and
//! the list of the revoked.
//!
//! Both are read once, from PEM files whose size is capped, and never change after. A private key
//! is never printed.

use crate::peer::{Peer, PeerError};
use crate::pem_file::{self, ReadError};
use crate::reset::ResetKey;
use crate::tls;
use rustls::RootCertStore;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A node's own certificate chain and private key. Cheap to clone.
#[derive(Clone)]
pub struct Identity {
    peer: Peer,
    certified: Arc<CertifiedKey>,
    reset_key: ResetKey,
    tenant_secret: [u8; 32],
}

/// Whose certificates a node believes: the CA's, less the revoked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Trust {
    pub(crate) roots: Arc<RootCertStore>,
    pub(crate) crls: Vec<CertificateRevocationListDer<'static>>,
}

/// A certificate, key or revocation list that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A file does not hold what it should.
    #[error("{path} holds no {expected} in PEM")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// Why none was found.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// A certificate without role and name.
    #[error("{path} is not the certificate of a node; `ca issue` makes them")]
    Peer {
        /// The certificate's file.
        path: PathBuf,
        /// What it lacks.
        #[source]
        source: PeerError,
    },
    /// Certificate and key are not a pair, or a kind that the provider does not know.
    #[error("{certificate} and {key} cannot be used together")]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What does not fit.
        #[source]
        source: rustls::Error,
    },
    /// A certificate that cannot be a root of trust.
    #[error("{path} cannot be trusted as a CA")]
    Root {
        /// The CA's certificate.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: rustls::Error,
    },
}

impl Identity {
    /// Reads a certificate chain, the node's own first, and its private key.
    ///
    /// # Errors
    ///
    /// [`IdentityError`] names the file and what it should hold.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, IdentityError> {
        let chain = certificates(certificate)?;
        let key_der = PrivateKeyDer::from_pem_slice(&pem_file::read(key)?)
            .map_err(|source| pem_error(key, "private key", source))?;
        let peer = Peer::from_certificate(&chain[0])
            .map_err(|source| IdentityError::Peer { path: certificate.to_owned(), source })?;
        let reset_key = ResetKey::of(key_der.secret_der());
        let tenant_secret = tenant_secret(&key_der);
        let certified = CertifiedKey::from_der(chain, key_der, &tls::provider());
        let certified = certified.map_err(|source| IdentityError::Pair {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            source,
        })?;
        Ok(Self { peer, certified: Arc::new(certified), reset_key, tenant_secret })
    }

    /// A certificate and key that this process just made.
    pub(crate) fn issued(
        peer: Peer,
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Self {
        let reset_key = ResetKey::of(key.secret_der());
        let tenant_secret = tenant_secret(&key);
        let certified = CertifiedKey::from_der(vec![certificate], key, &tls::provider())
            .expect("a certificate was issued for this very key");
        Self { peer, certified: Arc::new(certified), reset_key, tenant_secret }
    }

    /// Who this node is, by its own certificate.
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// What stands for this node as the tenant of its own KV: nobody knows it who is not told, and it is
    /// the same after a restart.
    pub const fn tenant_secret(&self) -> [u8; 32] {
        self.tenant_secret
    }

    pub(crate) const fn reset_key(&self) -> ResetKey {
        self.reset_key
    }

    /// As it is shown: the node's own certificate first.
    #[cfg(test)]
    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.certified.cert
    }

    pub(crate) fn resolver(&self) -> Arc<SingleCertAndKey> {
        Arc::new(SingleCertAndKey::from(Arc::clone(&self.certified)))
    }
}

/// Says who it is and nothing of the key.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.peer)
    }
}

impl Trust {
    /// Reads the CA's certificate and, where there is one, its revocation list.
    ///
    /// With a list, a certificate that it names is refused; the list's own date is not enforced,
    /// since a site may be cut off from its CA for long. Without one, nothing counts as revoked.
    ///
    /// # Errors
    ///
    /// [`IdentityError`] names the file and what it should hold.
    pub fn read(ca: &Path, crl: Option<&Path>) -> Result<Self, IdentityError> {
        let mut roots = RootCertStore::empty();
        for root in certificates(ca)? {
            roots
                .add(root)
                .map_err(|source| IdentityError::Root { path: ca.to_owned(), source })?;
        }
        let crls = crl.map_or_else(|| Ok(Vec::new()), revocation_lists)?;
        Ok(Self { roots: Arc::new(roots), crls })
    }

    /// Trust in a CA of this process.
    pub(crate) fn in_memory(
        root: CertificateDer<'static>,
        crl: CertificateRevocationListDer<'static>,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(root).expect("this process made the certificate to be a root");
        Self { roots: Arc::new(roots), crls: vec![crl] }
    }
}

/// The certificates of a file, at least one.
/// What the secret is derived for: another purpose has another one.
const TENANT_PURPOSE: &str = "causeway 2026-11 tenant of kv";

/// What the owner of a private key shares KV under.
fn tenant_secret(key: &PrivateKeyDer<'_>) -> [u8; 32] {
    blake3::derive_key(TENANT_PURPOSE, key.secret_der())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    pem_objects(path, "certificate")
}

/// The revocation lists of a file, at least one.
fn revocation_lists(
    path: &Path,
) -> Result<Vec<CertificateRevocationListDer<'static>>, IdentityError> {
    pem_objects(path, "revocation list")
}

fn pem_objects<T: PemObject>(path: &Path, expected: &'static str) -> Result<Vec<T>, IdentityError> {
    let bytes = pem_file::read(path)?;
    let objects: Result<Vec<T>, _> = T::pem_slice_iter(&bytes).collect();
    let objects = objects.map_err(|source| pem_error(path, expected, source))?;
    if objects.is_empty() {
        let source = rustls_pki_types::pem::Error::NoItemsFound;
        return Err(pem_error(path, expected, source));
    }
    Ok(objects)
}

fn pem_error(
    path: &Path,
    expected: &'static str,
    source: rustls_pki_types::pem::Error,
) -> IdentityError {
    IdentityError::Pem { path: path.to_owned(), expected, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::Authority;
    use base::{NodeName, Role};

    #[test]
    fn what_the_ca_writes_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::create(&dir.path().join("ca")).unwrap();
        let name = NodeName::new("cloud").unwrap();
        let issued = authority.issue(Role::Cloud, &name, dir.path()).unwrap();
        let identity = Identity::read(&issued.certificate, &issued.key).unwrap();
        assert_eq!(*identity.peer(), Peer::new(Role::Cloud, name));
        assert_eq!(format!("{identity:?}"), "Identity(cloud cloud)");
        Trust::read(&issued.ca, Some(&authority.crl_path())).unwrap();
    }

    #[test]
    fn files_that_hold_something_else_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::create(&dir.path().join("ca")).unwrap();
        let issue = |name| authority.issue(Role::Device, &NodeName::new(name).unwrap(), dir.path());
        let (one, two) = (issue("one").unwrap(), issue("two").unwrap());
        let empty = dir.path().join("empty.pem");
        std::fs::write(&empty, "").unwrap();
        let missing = dir.path().join("missing.pem");

        let pair = Identity::read(&one.certificate, &two.key).unwrap_err();
        assert!(matches!(pair, IdentityError::Pair { .. }), "{pair}");
        let swapped = Identity::read(&one.key, &one.certificate).unwrap_err();
        assert!(swapped.to_string().ends_with("one.key holds no certificate in PEM"), "{swapped}");
        let root = Identity::read(&one.ca, &one.key).unwrap_err();
        assert!(matches!(root, IdentityError::Peer { .. }), "{root}");
        let none = Trust::read(&empty, None).unwrap_err();
        assert!(none.to_string().ends_with("empty.pem holds no certificate in PEM"), "{none}");
        let absent = Trust::read(&one.ca, Some(&missing)).unwrap_err();
        assert!(absent.to_string().contains("missing.pem"), "{absent}");
    }
}
