//! Through which lossy hops the hidden states came that KV was computed from.

use base::{ChannelScale, WireCodec};
use blake3::Hasher;

const DOMAIN: &str = "causeway kv lineage 1";

/// What beside the tokens decides the bits of a sequence's KV: the hops on the way to its layers that
/// rounded hidden states. The default is [`Lineage::EXACT`].
///
/// ```text
///   layers 0..8 ──f16──▶ layers 8..16 ──f32──▶ layers 16..24
///      EXACT              EXACT.hop(8, F16)      the same: f32 rounds nothing
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lineage([u8; 32]);

impl Lineage {
    /// Tokens, or hidden states that are the bits of an unsplit model.
    pub const EXACT: Self = Self([0; 32]);

    /// This, and then a hop in `codec` with its `scales` in front of layer `boundary`. Hops are told in
    /// their order, and only those in front of the sequence's layers.
    #[must_use]
    pub fn hop(self, boundary: u32, codec: WireCodec, scales: &[ChannelScale]) -> Self {
        if codec == WireCodec::F32 {
            return self;
        }
        let mut hasher = Hasher::new_derive_key(DOMAIN);
        hasher.update(&self.0).update(&boundary.to_le_bytes()).update(codec.to_string().as_bytes());
        scales.iter().for_each(|scale| {
            hasher.update(&[scale.0]);
        });
        Self(*hasher.finalize().as_bytes())
    }

    /// As [`Self::to_bytes`] gave it, on whichever node.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What another node needs to name the same lineage, and to go on from it.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
