//! Who may work with whom: a pure function on each side of a connection.
//!
//! The dialled node answers a [`Hello`] by [`negotiate`]; the dialler checks the [`Welcome`] by
//! [`accept_welcome`]. Names and roles are compared with the certificates, which `transport` has
//! verified; here only a difference is found. What does not fit is refused with both sides' values,
//! so that one log line is enough to know what to change.

#[cfg(test)]
mod tests;

use crate::error::PeerMisbehaved;
use crate::{Fault, FaultKind, Hello, Welcome};
use base::{LayerRange, ModelFingerprint, NodeName, Role, TokenizerFingerprint};

/// The wire version of this build. Versions are whole: a node speaks each in its range.
pub const VERSION: u16 = 9;

/// The versions that this build speaks: the bodies of older ones are others.
pub const VERSIONS: (u16, u16) = (9, VERSION);

/// What a serving node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Lowest and highest wire version that it speaks: [`VERSIONS`], but for tests.
    pub versions: (u16, u16),
    /// Its name.
    pub node: NodeName,
    /// Its tier.
    pub role: Role,
    /// The numerics class of its kernels.
    pub numerics: String,
    /// The target it serves.
    pub model: ModelFingerprint,
    /// The target's tokenizer.
    pub tokenizer: TokenizerFingerprint,
    /// Layers `L` of the whole target.
    pub layers: u32,
    /// Width `D`.
    pub width: u32,
    /// Vocabulary `V`.
    pub vocab: u32,
    /// The layers it has loaded.
    pub holds: LayerRange,
}

/// What both sides know after the handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// The wire version that both speak.
    pub version: u16,
    /// Whether hidden states may cross: both kernels are of one numerics class. Token ids always may.
    pub same_numerics: bool,
}

/// Why two nodes cannot work together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// No version in common.
    #[error("no common wire version: ours are {} to {}, the peer's {} to {}", ours.0, ours.1, theirs.0, theirs.1)]
    Versions {
        /// What we speak.
        ours: (u16, u16),
        /// What it speaks.
        theirs: (u16, u16),
    },
    /// Token ids would mean different text.
    #[error("tokenizer {theirs} is not ours, {ours}")]
    Tokenizer {
        /// Of this node.
        ours: TokenizerFingerprint,
        /// Of the peer.
        theirs: TokenizerFingerprint,
    },
    /// Another target model is wanted than is served.
    #[error("model {theirs} is not ours, {ours}")]
    Model {
        /// Of this node.
        ours: ModelFingerprint,
        /// Of the peer.
        theirs: ModelFingerprint,
    },
    /// Layers are split between kernels that do not give the same bits.
    #[error("numerics class {theirs:?} is not ours, {ours:?}, and layers are to be split")]
    Numerics {
        /// Of this node.
        ours: String,
        /// Of the peer.
        theirs: String,
    },
    /// The peer's layers do not lie within its model.
    #[error("peer holds layers {holds} of a model of {layers}")]
    Layers {
        /// As said.
        holds: LayerRange,
        /// As said.
        layers: u32,
    },
    /// A tier that does not dial this one.
    #[error("a {theirs} does not dial a {ours}")]
    Role {
        /// Of this node.
        ours: Role,
        /// Of the peer.
        theirs: Role,
    },
    /// Another name or role than the certificate's.
    #[error("peer is not who its certificate says")]
    Impostor(#[source] PeerMisbehaved),
}

/// Answers `hello`, which came from a peer whose certificate says `role` and `name`. What the node can do
/// it adds itself.
///
/// # Errors
///
/// [`HandshakeError`] says what does not fit; [`HandshakeError::fault`] is what to answer with.
pub fn negotiate(
    host: &Host,
    hello: &Hello,
    certified: (Role, &NodeName),
) -> Result<Welcome, HandshakeError> {
    check_identity((hello.role, &hello.node), certified)?;
    let may_dial = match (hello.role, host.role) {
        (Role::Device, Role::Gateway | Role::Cloud) | (Role::Gateway, Role::Cloud) => true,
        (Role::Device | Role::Gateway | Role::Cloud, Role::Device)
        | (Role::Gateway, Role::Gateway)
        | (Role::Cloud, Role::Gateway | Role::Cloud) => false,
    };
    if !may_dial {
        return Err(HandshakeError::Role { ours: host.role, theirs: hello.role });
    }
    let version = common_version(host.versions, hello.versions)?;
    if let Some(theirs) = hello.tokenizer.filter(|theirs| *theirs != host.tokenizer) {
        return Err(HandshakeError::Tokenizer { ours: host.tokenizer, theirs });
    }
    if let Some(theirs) = hello.model.filter(|theirs| *theirs != host.model) {
        return Err(HandshakeError::Model { ours: host.model, theirs });
    }
    Ok(Welcome {
        version,
        node: host.node.clone(),
        role: host.role,
        numerics: host.numerics.clone(),
        model: host.model,
        tokenizer: host.tokenizer,
        layers: host.layers,
        width: host.width,
        vocab: host.vocab,
        holds: host.holds,
        reach: None,
    })
}

/// Checks the answer to our `hello`, from a peer whose certificate says `role` and `name`.
/// `split` says whether hidden states are to cross this link.
///
/// # Errors
///
/// [`HandshakeError`] says what does not fit.
pub fn accept_welcome(
    hello: &Hello,
    welcome: &Welcome,
    certified: (Role, &NodeName),
    split: bool,
) -> Result<Agreement, HandshakeError> {
    check_identity((welcome.role, &welcome.node), certified)?;
    let version = common_version(hello.versions, (welcome.version, welcome.version))?;
    if let Some(ours) = hello.tokenizer.filter(|ours| *ours != welcome.tokenizer) {
        return Err(HandshakeError::Tokenizer { ours, theirs: welcome.tokenizer });
    }
    if let Some(ours) = hello.model.filter(|ours| *ours != welcome.model) {
        return Err(HandshakeError::Model { ours, theirs: welcome.model });
    }
    if !LayerRange::all(welcome.layers).contains(welcome.holds) {
        return Err(HandshakeError::Layers { holds: welcome.holds, layers: welcome.layers });
    }
    let same_numerics = hello.numerics == welcome.numerics;
    if split && !same_numerics {
        let (ours, theirs) = (hello.numerics.clone(), welcome.numerics.clone());
        return Err(HandshakeError::Numerics { ours, theirs });
    }
    Ok(Agreement { version, same_numerics })
}

impl HandshakeError {
    /// What a serving node answers before it closes.
    pub fn fault(&self) -> Fault {
        let kind = match self {
            Self::Role { .. } | Self::Impostor(_) => FaultKind::PeerMisbehaved,
            Self::Versions { .. }
            | Self::Tokenizer { .. }
            | Self::Model { .. }
            | Self::Numerics { .. }
            | Self::Layers { .. } => FaultKind::PeerIncompatible,
        };
        Fault::on_link(kind, &self.to_string())
    }
}

fn check_identity(
    said: (Role, &NodeName),
    certified: (Role, &NodeName),
) -> Result<(), HandshakeError> {
    if said == certified {
        return Ok(());
    }
    let (role, name) = (said.0, said.1.clone());
    Err(HandshakeError::Impostor(PeerMisbehaved::Impostor { role, name }))
}

/// The highest version in both ranges.
fn common_version(ours: (u16, u16), theirs: (u16, u16)) -> Result<u16, HandshakeError> {
    let (low, high) = (ours.0.max(theirs.0), ours.1.min(theirs.1));
    if low <= high { Ok(high) } else { Err(HandshakeError::Versions { ours, theirs }) }
}
