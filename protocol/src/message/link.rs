//! Messages about the connection itself: who is there, and is it still there.

use crate::error::LimitError;
use crate::{TenantSecret, limits};
use base::{LayerRange, ModelFingerprint, NodeName, Role, TokenizerFingerprint};
use profile::Reach;
use serde::{Deserialize, Serialize};

/// The first message of a connection, from the node that dialled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Lowest and highest wire version that it speaks.
    pub versions: (u16, u16),
    /// Its name; equals the one in its certificate.
    pub node: NodeName,
    /// Its tier; equals the one in its certificate.
    pub role: Role,
    /// The numerics class of its kernels: same class, same bits.
    pub numerics: String,
    /// Its tokenizer, where it has one.
    pub tokenizer: Option<TokenizerFingerprint>,
    /// The target model that it wants served. A device that only drafts may not have its file but
    /// knows its fingerprint from the plan; `None` takes whatever is served.
    pub model: Option<ModelFingerprint>,
    /// Whose KV its sessions may share, where they do not say so themselves, see [`crate::Open::tenant`].
    pub tenant: Option<TenantSecret>,
}

/// The answer to a [`Hello`] that was accepted. A refusal is a `Fault`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// The wire version of everything after this.
    pub version: u16,
    /// The answering node's name; equals the one in its certificate.
    pub node: NodeName,
    /// Its tier; equals the one in its certificate.
    pub role: Role,
    /// The numerics class of its kernels.
    pub numerics: String,
    /// The target model it serves.
    pub model: ModelFingerprint,
    /// The tokenizer that its token ids belong to.
    pub tokenizer: TokenizerFingerprint,
    /// Layers `L` of the whole target.
    pub layers: u32,
    /// Width `D` of the target's hidden states.
    pub width: u32,
    /// Vocabulary `V` of the target.
    pub vocab: u32,
    /// The layers that this node itself has loaded.
    pub holds: LayerRange,
    /// What it can do, and the node above it, where that was measured: for the dialler's planner.
    pub reach: Option<Box<Reach>>,
}

/// Asks for a sign of life. Either side may send it at any time after the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// Comes back in the [`Pong`]; counts up from zero on each connection.
    pub nonce: u32,
}

/// The answer to a [`Ping`], sent at once, before any other work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {
    /// Of the ping that it answers.
    pub nonce: u32,
    /// The share of the last seconds in which it computed, in 255ths. Of a device, 0.
    pub load: u8,
}

/// How fast hidden states came from the dialler: for its estimate of what the link carries up, which it
/// cannot measure itself. Sent where enough came in one piece to tell; not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// So many bytes of one payload, its last ones.
    pub bytes: u32,
    /// From the first of them to the last, in microseconds.
    pub us: u32,
}

impl Hello {
    pub(super) fn check(&self) -> Result<(), LimitError> {
        LimitError::cap("numerics class bytes", self.numerics.len(), limits::NUMERICS_LEN_MAX)
    }
}

impl Welcome {
    pub(super) fn check(&self) -> Result<(), LimitError> {
        LimitError::cap("numerics class bytes", self.numerics.len(), limits::NUMERICS_LEN_MAX)?;
        LimitError::cap_u32("layers", self.layers, limits::LAYERS_MAX)?;
        LimitError::cap_u32("layers held", self.holds.end(), self.layers)?;
        LimitError::cap_u32("width", self.width, limits::WIDTH_MAX)
    }
}

impl Receipt {
    pub(super) fn check(&self) -> Result<(), LimitError> {
        LimitError::cap("bytes that arrived", self.bytes as usize, limits::HIDDEN_LEN_MAX)
    }
}
