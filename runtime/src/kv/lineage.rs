//! Through which lossy hops the hidden states came that KV was computed from.

use blake3::Hasher;
use kernels::wire::Codec;

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

    /// This, and then a hop in `codec` in front of layer `boundary`. Hops are told in their order, and
    /// only those in front of the sequence's layers.
    #[must_use]
    pub fn hop(self, boundary: u32, codec: Codec) -> Self {
        let name = match codec {
            Codec::F32 => return self,
            Codec::F16 => "f16",
            Codec::Int8 => "int8",
        };
        let mut hasher = Hasher::new_derive_key(DOMAIN);
        hasher.update(&self.0).update(&boundary.to_le_bytes()).update(name.as_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
