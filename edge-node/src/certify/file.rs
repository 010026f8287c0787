//! A certificate from its file, for one model alone.

use super::certificate::{Certificate, Flaw};
use super::facts::{Facts, VERSION};
use crate::bench::kv_name;
use base::{ByteCount, KvFormat, ModelFingerprint};
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The largest file that is read. A model of a hundred layers and a width of eight thousand has about
/// half of it, nearly all of that scales.
const BYTES_MAX: u64 = 32 << 20;

/// A certificate that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The system says no.
    #[error("cannot read the certificate {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Larger than any certificate.
    #[error("{path} is longer than {}, which no certificate is", ByteCount(BYTES_MAX))]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not what `edge-node certify` writes.
    #[error("{path} is no certificate or a damaged one; `edge-node certify` makes one")]
    Form {
        /// The file.
        path: PathBuf,
        /// Where and how.
        #[source]
        source: serde_json::Error,
    },
    /// Written by a later program, or by one long ago.
    #[error(
        "{path} is of version {version}, this program reads {VERSION}; certify the model again"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// As written.
        version: u32,
    },
    /// It says what cannot be.
    #[error("{path} cannot be true; `edge-node certify` makes another one")]
    Flaw {
        /// The file.
        path: PathBuf,
        /// What.
        #[source]
        flaw: Flaw,
    },
    /// Another target, for which the figures say nothing.
    #[error("{path} certifies the model {certified}, the target is {actual}: certify that one")]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        certified: ModelFingerprint,
        /// Whose it should be.
        actual: ModelFingerprint,
    },
    /// Other kernels, whose hidden states differ.
    #[error(
        "{path} was measured in numerics class {certified:?}, this program computes in {:?}: \
         certify the model again",
        kernels::NUMERICS_CLASS
    )]
    OtherNumerics {
        /// The file.
        path: PathBuf,
        /// As written.
        certified: String,
    },
    /// Keys and values in another format.
    #[error(
        "{path} was measured with KV in {}, the target's is kept in {}: certify it with `--kv {}`",
        kv_name(*certified), kv_name(*actual), kv_name(*actual)
    )]
    OtherKv {
        /// The file.
        path: PathBuf,
        /// As written.
        certified: KvFormat,
        /// As it would be used.
        actual: KvFormat,
    },
}

/// The one key that every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Certificate {
    /// Reads the certificate at `path` for a target `model` whose KV is kept in format `kv`, on these
    /// kernels. There is no way to read one for use with another.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] says what the file is, and what would be right.
    pub fn load(
        path: &Path,
        model: ModelFingerprint,
        kv: KvFormat,
    ) -> Result<Self, CertificateError> {
        let certificate = Self::read(path)?;
        let (path, facts) = (path.to_owned(), certificate.facts());
        let certified = certificate.model();
        if certified != model {
            return Err(CertificateError::OtherModel { path, certified, actual: model });
        }
        if facts.numerics != kernels::NUMERICS_CLASS {
            let certified = facts.numerics.clone();
            return Err(CertificateError::OtherNumerics { path, certified });
        }
        if facts.kv != kv {
            return Err(CertificateError::OtherKv { path, certified: facts.kv, actual: kv });
        }
        Ok(certificate)
    }

    fn read(path: &Path) -> Result<Self, CertificateError> {
        let owned = || path.to_owned();
        let cannot = |source| CertificateError::Read { path: owned(), source };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(cannot)?;
        file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(cannot)?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(CertificateError::TooLarge { path: owned() });
        }
        let form = |source| CertificateError::Form { path: owned(), source };
        let Versioned { version } = serde_json::from_slice(&bytes).map_err(form)?;
        if version != VERSION {
            return Err(CertificateError::Version { path: owned(), version });
        }
        let facts: Facts = serde_json::from_slice(&bytes).map_err(form)?;
        Self::new(facts).map_err(|flaw| CertificateError::Flaw { path: owned(), flaw })
    }
}
