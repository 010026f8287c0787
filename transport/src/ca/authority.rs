//! The CA in a folder: what `ca init`, `ca issue` and `ca revoke` run.

use super::CaError;
use super::signer::{NODE_DAYS, Revoked, Signer, Validity, hex};
use crate::peer::Peer;
use crate::pem_file::{self, Access};
use base::{NodeName, Role};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use time::OffsetDateTime;
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

/// A CA in a folder.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    signer: Signer,
}

/// Where a new certificate and what belongs to it were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedPaths {
    /// The node's certificate.
    pub certificate: PathBuf,
    /// Its private key, readable by its owner alone.
    pub key: PathBuf,
    /// The CA's certificate, for the node to trust.
    pub ca: PathBuf,
}

impl Authority {
    /// Makes a new CA in a folder, which is created where it is missing.
    ///
    /// # Errors
    ///
    /// [`CaError::Exists`] where the folder holds a CA already; else what cannot be written.
    pub fn create(folder: &Path) -> Result<Self, CaError> {
        let (signer, certificate) = Signer::generate(&PKCS_ECDSA_P256_SHA256)?;
        let authority = Self { folder: folder.to_owned(), signer };
        create_folder(&authority.issued_folder())?;
        // The key comes first: of two that create a CA in one folder, one stops here.
        let key = authority.signer.key_pem();
        create(&authority.key_path(), key.as_bytes(), Access::Owner)?;
        authority.write_revocation_list(&[], 1)?;
        create(&authority.certificate_path(), certificate.as_bytes(), Access::Everyone)?;
        Ok(authority)
    }

    /// Opens the CA in a folder.
    ///
    /// # Errors
    ///
    /// [`CaError`] names the file that is missing or not what it should be.
    pub fn open(folder: &Path) -> Result<Self, CaError> {
        let (certificate_path, key_path) = (folder.join("ca.pem"), folder.join("ca.key"));
        let corrupt = |path: &Path, expected, problem: &dyn ToString| CaError::Corrupt {
            path: path.to_owned(),
            expected,
            problem: problem.to_string(),
        };
        let certificate = CertificateDer::from_pem_slice(&pem_file::read(&certificate_path)?)
            .map_err(|error| corrupt(&certificate_path, "the certificate", &error))?;
        let key = String::from_utf8(pem_file::read(&key_path)?)
            .map_err(|error| corrupt(&key_path, "the key", &error))?;
        let key = KeyPair::from_pem(&key).map_err(|e| corrupt(&key_path, "the key", &e))?;
        let signer = Signer::restore(certificate, key)
            .map_err(|error| corrupt(&certificate_path, "the certificate", &error))?
            .ok_or_else(|| corrupt(&key_path, "the key", &"ca.pem was made for a different key"))?;
        Ok(Self { folder: folder.to_owned(), signer })
    }

    /// The root certificate: what every node trusts.
    pub fn certificate_path(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The revocation list. It is there from the start, so nodes can be told to read it.
    pub fn crl_path(&self) -> PathBuf {
        self.folder.join("crl.pem")
    }

    /// Makes a key and a certificate for a node and writes them, with the CA's certificate, to a
    /// folder, which is created where it is missing. Valid for [`NODE_DAYS`] days.
    ///
    /// # Errors
    ///
    /// [`CaError::Exists`] where the folder has a file of the name already; else what cannot be
    /// written.
    pub fn issue(&self, role: Role, name: &NodeName, out: &Path) -> Result<IssuedPaths, CaError> {
        let paths = IssuedPaths {
            certificate: out.join(format!("{name}.pem")),
            key: out.join(format!("{name}.key")),
            ca: out.join("ca.pem"),
        };
        for path in [&paths.certificate, &paths.key] {
            if path.exists() {
                return Err(CaError::Exists { path: path.clone() });
            }
        }
        create_folder(out)?;
        self.copy_certificate(&paths.ca)?;
        let peer = Peer::new(role, name.clone());
        let issued = self.signer.issue(&peer, Validity::days(NODE_DAYS))?;
        let certificate = issued.certificate.pem();
        let record = self.issued_folder().join(format!("{name}-{}.pem", hex(&issued.serial)));
        create(&record, certificate.as_bytes(), Access::Everyone)?;
        create(&paths.key, issued.key.serialize_pem().as_bytes(), Access::Owner)?;
        create(&paths.certificate, certificate.as_bytes(), Access::Everyone)?;
        Ok(paths)
    }

    /// Revokes every certificate that the name was ever given; says how many were not revoked
    /// before. The name may be issued again after. Nodes that run learn of it when they read
    /// [`Self::crl_path`] anew.
    ///
    /// # Errors
    ///
    /// [`CaError::Unknown`] where the name was never given one; else the file that is wrong.
    pub fn revoke(&self, name: &NodeName) -> Result<usize, CaError> {
        // Two that revoke at once must not lose each other's entry. The lock goes with the file.
        let key_path = self.key_path();
        let key = File::open(&key_path).map_err(|source| write_error(&key_path, source))?;
        key.lock().map_err(|source| write_error(&key_path, source))?;

        let serials = self.serials_of(name)?;
        if serials.is_empty() {
            return Err(CaError::Unknown { name: name.clone(), ca: self.folder.clone() });
        }
        let (mut revoked, number) = self.read_revocation_list()?;
        let before = revoked.len();
        let since = OffsetDateTime::now_utc();
        for serial in serials {
            if revoked.iter().all(|known| known.serial != serial) {
                revoked.push(Revoked { serial, since });
            }
        }
        self.write_revocation_list(&revoked, number + 1)?;
        Ok(revoked.len() - before)
    }

    fn key_path(&self) -> PathBuf {
        self.folder.join("ca.key")
    }

    fn issued_folder(&self) -> PathBuf {
        self.folder.join("issued")
    }

    /// Puts the root certificate beside a node's; the same one may be there already.
    fn copy_certificate(&self, path: &Path) -> Result<(), CaError> {
        let bytes = pem_file::read(&self.certificate_path())?;
        match create(path, &bytes, Access::Everyone) {
            Err(CaError::Exists { .. }) if pem_file::read(path)? == bytes => Ok(()),
            written => written,
        }
    }

    /// The serial numbers of all certificates that the name was ever given.
    fn serials_of(&self, name: &NodeName) -> Result<Vec<Vec<u8>>, CaError> {
        let folder = self.issued_folder();
        let mut serials = Vec::new();
        for entry in fs::read_dir(&folder).map_err(|source| write_error(&folder, source))? {
            let path = entry.map_err(|source| write_error(&folder, source))?.path();
            if path.extension().is_none_or(|extension| extension != "pem") {
                continue;
            }
            let corrupt = |problem: String| CaError::Corrupt {
                path: path.clone(),
                expected: "a certificate",
                problem,
            };
            let der = CertificateDer::from_pem_slice(&pem_file::read(&path)?)
                .map_err(|error| corrupt(error.to_string()))?;
            let peer = Peer::from_certificate(&der)
                .map_err(|source| CaError::Record { path: path.clone(), source })?;
            if peer.name == *name {
                let (_, certificate) =
                    X509Certificate::from_der(&der).map_err(|error| corrupt(error.to_string()))?;
                serials.push(certificate.raw_serial().to_vec());
            }
        }
        Ok(serials)
    }

    /// What is revoked, and the list's number.
    fn read_revocation_list(&self) -> Result<(Vec<Revoked>, u64), CaError> {
        let path = self.crl_path();
        let corrupt = |problem: String| CaError::Corrupt {
            path: path.clone(),
            expected: "the revocation list",
            problem,
        };
        let der = CertificateRevocationListDer::from_pem_slice(&pem_file::read(&path)?)
            .map_err(|error| corrupt(error.to_string()))?;
        let (_, list) = CertificateRevocationList::from_der(&der)
            .map_err(|error| corrupt(error.to_string()))?;
        let number = list
            .crl_number()
            .and_then(|number| u64::try_from(number).ok())
            .ok_or_else(|| corrupt("it has no number".to_owned()))?;
        let revoked = list.iter_revoked_certificates().map(|entry| Revoked {
            serial: entry.raw_serial().to_vec(),
            since: entry.revocation_date.to_datetime(),
        });
        Ok((revoked.collect(), number))
    }

    fn write_revocation_list(&self, revoked: &[Revoked], number: u64) -> Result<(), CaError> {
        let list = self.signer.revocation_list(revoked, number)?;
        let pem = list.pem().map_err(|source| CaError::Make { what: "PEM", source })?;
        let path = self.crl_path();
        pem_file::replace(&path, pem.as_bytes(), Access::Everyone)
            .map_err(|source| write_error(&path, source))
    }
}

fn create_folder(path: &Path) -> Result<(), CaError> {
    fs::create_dir_all(path).map_err(|source| write_error(path, source))
}

fn create(path: &Path, bytes: &[u8], access: Access) -> Result<(), CaError> {
    pem_file::create(path, bytes, access).map_err(|source| {
        if source.kind() == io::ErrorKind::AlreadyExists {
            return CaError::Exists { path: path.to_owned() };
        }
        write_error(path, source)
    })
}

fn write_error(path: &Path, source: io::Error) -> CaError {
    CaError::Write { path: path.to_owned(), source }
}
