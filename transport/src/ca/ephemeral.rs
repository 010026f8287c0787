//! A CA that lives and dies with its process: for the demo, for experiments and for tests.
//!
//! Its keys are Ed25519, whose signatures are all of one length, as those of ECDSA in DER are not: two
//! runs of one experiment then put as many bytes on the wire.

use super::CaError;
use super::signer::{NODE_DAYS, Revoked, Signer, Validity};
use crate::identity::{Identity, Trust};
use crate::peer::Peer;
use base::{NodeName, Role};
use rcgen::PKCS_ED25519;
use rustls_pki_types::PrivateKeyDer;
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// A CA in memory. Nothing of it touches a disk.
#[derive(Debug)]
pub struct EphemeralAuthority {
    signer: Signer,
    issued: BTreeMap<NodeName, Vec<Vec<u8>>>,
    revoked: Vec<Revoked>,
    lists: u64,
}

impl EphemeralAuthority {
    /// A new CA with its own key.
    ///
    /// # Errors
    ///
    /// [`CaError::Make`] where the library fails.
    pub fn new() -> Result<Self, CaError> {
        let (signer, _) = Signer::generate(&PKCS_ED25519)?;
        Ok(Self { signer, issued: BTreeMap::new(), revoked: Vec::new(), lists: 0 })
    }

    /// A certificate and key for a node.
    ///
    /// # Errors
    ///
    /// [`CaError::Make`] where the library fails.
    pub fn identity(&mut self, role: Role, name: &NodeName) -> Result<Identity, CaError> {
        self.identity_for(Peer::new(role, name.clone()), Validity::days(NODE_DAYS))
    }

    /// The same with dates of the caller's choice.
    pub(crate) fn identity_for(
        &mut self,
        peer: Peer,
        validity: Validity,
    ) -> Result<Identity, CaError> {
        let issued = self.signer.issue(&peer, validity)?;
        self.issued.entry(peer.name.clone()).or_default().push(issued.serial);
        let key = PrivateKeyDer::from(issued.key);
        Ok(Identity::issued(peer, issued.certificate.into(), key))
    }

    /// Puts all that was issued for the name on the list that [`Self::trust`] hands out from now.
    pub fn revoke(&mut self, name: &NodeName) {
        let since = OffsetDateTime::now_utc();
        let serials = self.issued.remove(name).unwrap_or_default();
        self.revoked.extend(serials.into_iter().map(|serial| Revoked { serial, since }));
    }

    /// Trust in this CA, less what is revoked by now.
    ///
    /// # Errors
    ///
    /// [`CaError::Make`] where the library fails.
    pub fn trust(&mut self) -> Result<Trust, CaError> {
        self.lists += 1;
        let crl = self.signer.revocation_list(&self.revoked, self.lists)?;
        Ok(Trust::in_memory(self.signer.certificate().clone(), crl.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::SigningKey as _;

    #[test]
    fn certificates_of_one_name_and_signatures_are_of_one_length_whatever_their_keys() {
        let peer = Peer::new(Role::Cloud, NodeName::new("cloud").unwrap());
        let lengths = || {
            let authority = EphemeralAuthority::new().unwrap();
            let issued = authority.signer.issue(&peer, Validity::days(NODE_DAYS)).unwrap();
            (issued.certificate.der().len(), issued.key.sign(b"message").unwrap().len())
        };
        let first = lengths();
        for _ in 0..20 {
            assert_eq!(lengths(), first);
        }
    }
}
