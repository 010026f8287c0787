//! A certificate as a file: whole when written, checked when read.

use super::certificate::{Certificate, Facts, Flaw, VERSION};
use crate::bench::kv_name;
use anyhow::{Context as _, ensure};
use base::{ByteCount, KvFormat, ModelFingerprint};
use serde::Deserialize;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
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

/// Where a certificate will be written: known to be possible before hours of work.
#[derive(Debug)]
pub(super) struct Destination {
    path: PathBuf,
    /// A hidden neighbour that takes the name once it is whole.
    staged: PathBuf,
}

impl Destination {
    /// Tries to write a file beside `path`, and leaves nothing.
    ///
    /// # Errors
    ///
    /// Where there is no such folder, or nothing can be written there.
    pub(super) fn claim(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("cannot write the certificate {}", path.display());
        ensure!(!path.is_dir(), "{}: it is a folder; name a file in it", cannot());
        let name = path.file_name().with_context(|| format!("{}: it names no file", cannot()))?;
        let name = format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id());
        let destination = Self { path: path.to_owned(), staged: path.with_file_name(name) };
        let folder = destination.staged.parent().unwrap_or(path);
        ensure!(
            folder.as_os_str().is_empty() || folder.is_dir(),
            "{}: there is no folder {}; make it first",
            cannot(),
            folder.display()
        );
        destination.stage(b"").with_context(cannot)?;
        fs::remove_file(&destination.staged).with_context(cannot)?;
        Ok(destination)
    }

    /// Writes `certificate`, in place of what may be there.
    ///
    /// # Errors
    ///
    /// What the system says; what was there before is then still there.
    pub(super) fn write(&self, certificate: &Certificate) -> anyhow::Result<()> {
        let cannot = || format!("cannot write the certificate {}", self.path.display());
        let mut text = serde_json::to_string_pretty(certificate.facts()).with_context(cannot)?;
        text.push('\n');
        let written = self.stage(text.as_bytes());
        let written = written.and_then(|()| fs::rename(&self.staged, &self.path));
        if written.is_err() {
            // The first error is the one to tell; the neighbour is only litter.
            let _ = fs::remove_file(&self.staged);
        }
        written.with_context(cannot)
    }

    fn stage(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create_new(&self.staged)?;
        file.write_all(bytes)?;
        file.sync_all()
    }
}
