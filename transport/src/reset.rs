//! How a node that was restarted tells its peers that it does not know their links any more: QUIC's
//! stateless reset (RFC 9000, section 10.3), with a key that survives the restart.
//!
//! Without it a peer learns of a restart by silence alone, and so would have to send packets all the
//! time to notice.

use quinn::crypto::{CryptoError, HmacKey};
use quinn::{ConnectionId, ConnectionIdGenerator, EndpointConfig};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What the key is derived for: another purpose has another key.
const PURPOSE: &str = "causeway 2026-11 stateless reset";

/// Bytes of a connection's id: enough that no two links share one.
const ID_LEN: usize = 8;

/// Signs ids of connections, so that only this node can reset its links. The same private key gives
/// the same one.
#[derive(Clone, Copy)]
pub(crate) struct ResetKey([u8; 32]);

impl ResetKey {
    /// Of a node's private key.
    pub(crate) fn of(private_key: &[u8]) -> Self {
        Self(blake3::derive_key(PURPOSE, private_key))
    }

    /// An endpoint that resets, and knows that it was reset.
    pub(crate) fn endpoint_config(self) -> EndpointConfig {
        let mut config = EndpointConfig::new(Arc::new(self));
        // Quinn's own ids carry a mark of this process, and without it a packet is not answered.
        config.cid_generator(|| Box::new(RandomIds));
        config
    }

    fn sign(&self, data: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&self.0, data)
    }
}

/// Nothing of the key.
impl fmt::Debug for ResetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResetKey")
    }
}

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        signature_out.copy_from_slice(self.sign(data).as_bytes());
    }

    fn signature_len(&self) -> usize {
        blake3::OUT_LEN
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        // Compares in constant time.
        match self.sign(data) == *signature {
            true => Ok(()),
            false => Err(CryptoError),
        }
    }
}

/// Ids without meaning.
struct RandomIds;

impl ConnectionIdGenerator for RandomIds {
    fn generate_cid(&mut self) -> ConnectionId {
        ConnectionId::new(&rand::random::<[u8; ID_LEN]>())
    }

    fn cid_len(&self) -> usize {
        ID_LEN
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}
