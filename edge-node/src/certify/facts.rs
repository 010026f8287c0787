//! What a certificate's file holds, key by key; no more than well-formed.

use super::certificate::Cost;
use base::{ChannelScale, KvFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The version of the file that this code writes and reads.
pub(super) const VERSION: u32 = 1;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    pub(super) version: u32,
    /// The target's fingerprint.
    pub(super) model: Digest,
    /// The kernels' class: another one has other bits.
    pub(super) numerics: String,
    pub(super) kv: KvFormat,
    pub(super) layers: u32,
    /// Channels of a row.
    pub(super) width: usize,
    pub(super) text: TextFacts,
    /// Positions that were scored, for each codec at each boundary.
    pub(super) positions: usize,
    /// Of the exact run.
    pub(super) perplexity: f64,
    /// Ascending.
    pub(super) boundaries: Vec<BoundaryFacts>,
}

/// On what it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TextFacts {
    /// Of the text without its last line end.
    pub(super) blake3: Digest,
    pub(super) bytes: usize,
    pub(super) tokens: usize,
    /// Tokens of a chunk.
    pub(super) context: usize,
    pub(super) chunks: usize,
}

/// A boundary: after so many layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BoundaryFacts {
    pub(super) boundary: u32,
    /// Of each channel, for calibrated codecs; none where none was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) scales: Vec<ChannelScale>,
    pub(super) costs: Vec<Cost>,
}

/// A BLAKE3 hash, in a file as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest(pub(crate) [u8; 32]);

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let hash = blake3::Hash::from_hex(&text).map_err(de::Error::custom)?;
        Ok(Self(*hash.as_bytes()))
    }
}
