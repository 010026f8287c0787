//! The private CA: the one authority that says which node has which role and name.
//!
//! ```text
//! CA/ca.pem        the root certificate           OUT/ca.pem      a copy, for the node to trust
//! CA/ca.key        its key, 0600                  OUT/NAME.pem    the node's certificate
//! CA/crl.pem       who is revoked, from the start OUT/NAME.key    its key, 0600
//! CA/issued/NAME-SERIAL.pem  every certificate
//! ```
//!
//! # Invariants
//!
//! - **Nothing is overwritten** but `crl.pem`, and that in one step.
//! - **No certificate leaves unrecorded.** It is in `issued/` before it is in `OUT`, so that
//!   revoking a name finds all that the name was ever given.
//! - **No certificate without an end**: a node's lasts [`NODE_DAYS`] and not longer than its CA's,
//!   which lasts [`ROOT_DAYS`].

mod authority;
mod ephemeral;
mod signer;

pub use authority::{Authority, IssuedPaths};
pub use ephemeral::EphemeralAuthority;
pub use signer::{NODE_DAYS, ROOT_DAYS};

use crate::peer::PeerError;
use crate::pem_file::ReadError;
use base::NodeName;
use std::io;
use std::path::PathBuf;

#[cfg(test)]
pub(crate) use signer::Validity;

/// Why the CA could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// The file is already there.
    #[error("{path} exists and is not overwritten; move it away or name another folder")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A file of the CA does not hold what it should.
    #[error("{path} is not {expected} of a causeway CA: {problem}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
        /// What was found instead.
        problem: String,
    },
    /// A certificate in `issued/` is not one of a node.
    #[error("{path} does not name a node")]
    Record {
        /// The certificate.
        path: PathBuf,
        /// What it lacks.
        #[source]
        source: PeerError,
    },
    /// No certificate was ever issued for the name.
    #[error("no certificate was issued for {name:?} by the CA in {ca}", name = name.as_str())]
    Unknown {
        /// The name.
        name: NodeName,
        /// The CA's folder.
        ca: PathBuf,
    },
    /// The library refused to make a key, certificate or list.
    #[error("cannot make {what}")]
    Make {
        /// What was to be made.
        what: &'static str,
        /// What the library says.
        #[source]
        source: rcgen::Error,
    },
}

#[cfg(test)]
mod tests;
