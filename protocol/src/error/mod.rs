//! What can go wrong between nodes, by blame, and what a node does about it.
//!
//! Each family of operations has its own enum; [`Error`] gathers them for the one function that
//! decides, [`respond`]. A display says this layer only; the cause is in `source()`.

#[cfg(test)]
mod tests;

pub use crate::codec::CodecError;

use crate::handshake::HandshakeError;
use crate::{Epoch, Fault, FaultKind, Kind};
use base::{NodeName, Position, Role, TokenId};

/// A count or length over its limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {actual} exceeds the limit of {limit}")]
pub struct LimitError {
    /// What was counted.
    pub what: &'static str,
    /// How many there are.
    pub actual: usize,
    /// How many there may be.
    pub limit: usize,
}

impl LimitError {
    pub(crate) const fn cap(what: &'static str, actual: usize, limit: usize) -> Result<(), Self> {
        if actual > limit { Err(Self { what, actual, limit }) } else { Ok(()) }
    }

    pub(crate) const fn cap_u32(what: &'static str, actual: u32, limit: u32) -> Result<(), Self> {
        Self::cap(what, actual as usize, limit as usize)
    }
}

/// Bytes that are not a frame.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The stream is out of step, or speaks another protocol.
    #[error("frame starts with {actual:#04x}, expected {:#04x} and the kind", crate::frame::MARK)]
    Mark {
        /// The byte in its place.
        actual: u8,
    },
    /// No message has this code.
    #[error("frame kind {code} is unknown; kinds are 1 to 14")]
    Kind {
        /// The code.
        code: u8,
    },
    /// Longer than any legal message of its kind.
    #[error("{kind:?} body of {actual} bytes exceeds the limit of {limit}")]
    BodyTooLong {
        /// Of which message.
        kind: Kind,
        /// As announced.
        actual: usize,
        /// As allowed.
        limit: usize,
    },
    /// A header of three bytes for a body whose length takes one.
    #[error("{kind:?} body of {actual} bytes has a long header")]
    LongHeader {
        /// Of which message.
        kind: Kind,
        /// As announced.
        actual: usize,
    },
    /// The reader handed in another number of bytes than the header announced.
    #[error("{kind:?} body has {actual} bytes, its header says {expected}")]
    BodyLength {
        /// Of which message.
        kind: Kind,
        /// As handed in.
        actual: usize,
        /// As announced.
        expected: usize,
    },
    /// Not an encoding of this kind of message.
    #[error("{kind:?} body does not decode")]
    Body {
        /// Of which message.
        kind: Kind,
        /// Why.
        #[source]
        source: CodecError,
    },
    /// A message that holds more than it may.
    #[error("{kind:?} breaks a limit")]
    Limit {
        /// Of which message.
        kind: Kind,
        /// Which one.
        #[source]
        source: LimitError,
    },
}

/// A message of ours that cannot be sent: a mistake on this side.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// It holds more than it may.
    #[error("message breaks a limit")]
    Limit(#[from] LimitError),
    /// The codec refused it.
    #[error("message does not encode")]
    Body(#[from] CodecError),
    /// Longer than any legal message of its kind.
    #[error("{kind:?} body of {actual} bytes exceeds the limit of {limit}")]
    BodyTooLong {
        /// Of which message.
        kind: Kind,
        /// As encoded.
        actual: usize,
        /// As allowed.
        limit: usize,
    },
    /// The payload is not as long as the message says.
    #[error("{kind:?} payload has {actual} bytes, the message says {expected}")]
    PayloadLength {
        /// Of which message.
        kind: Kind,
        /// As handed in.
        actual: usize,
        /// As said.
        expected: usize,
    },
}

/// A peer did what the protocol forbids. Its connection is closed and the fact counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerMisbehaved {
    /// A message that its role, or this moment, does not allow.
    #[error("peer sent {kind:?} out of turn")]
    OutOfTurn {
        /// What it sent.
        kind: Kind,
    },
    /// More passes than may wait for a verdict.
    #[error("peer has {waiting} passes waiting, at most {limit} may")]
    TooManyPasses {
        /// With the one that was refused.
        waiting: usize,
        /// The limit.
        limit: usize,
    },
    /// A pass past the end of its session.
    #[error("pass ends at position {end}, the session has {positions_max}")]
    PastSession {
        /// Where the pass ends.
        end: Position,
        /// As opened.
        positions_max: u32,
    },
    /// A pass with hidden states where tokens are read, or the reverse, or of another width or codec.
    #[error("pass does not carry what this stage reads: {expected}")]
    WrongInput {
        /// What the stage reads.
        expected: &'static str,
    },
    /// An answer from an epoch that was never started.
    #[error("answer of epoch {actual}, but the newest is {newest}")]
    FutureEpoch {
        /// Of the answer.
        actual: Epoch,
        /// The newest started.
        newest: Epoch,
    },
    /// A verdict that judges other tokens than were sent.
    #[error("verdict from position {from} does not fit the pass it answers: {why}")]
    VerdictShape {
        /// Where the verdict starts.
        from: Position,
        /// What does not fit.
        why: &'static str,
    },
    /// A target that takes its word back.
    #[error("target said {before:?} at position {at}, now it says {now:?}")]
    Contradiction {
        /// Where.
        at: Position,
        /// What it said.
        before: TokenId,
        /// What it says.
        now: TokenId,
    },
    /// A chain that holds more than was asked for.
    #[error("peer claims to hold {held} positions, at most {asked} were asked for")]
    HeldTooMuch {
        /// As claimed.
        held: Position,
        /// As asked.
        asked: Position,
    },
    /// A part of a segment that is not the one that comes next.
    #[error("part of segment {index} of request {request} does not fit: {why}")]
    UnfitPart {
        /// As the part says.
        request: u32,
        /// As the part says.
        index: u32,
        /// What does not fit.
        why: &'static str,
    },
    /// A request for segments whose number does not ascend.
    #[error("request {request} for segments after request {newest}")]
    StaleRequest {
        /// Its number.
        request: u32,
        /// That of the one before.
        newest: u32,
    },
    /// A handshake under another name or role than the certificate's.
    #[error("peer says it is {role} {name}, its certificate says otherwise")]
    Impostor {
        /// As said.
        role: Role,
        /// As said.
        name: NodeName,
    },
}

/// Anything that two nodes can fail at together.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Bytes that are no frame.
    #[error("frame from peer is corrupt")]
    Decode(#[from] DecodeError),
    /// A message of ours that cannot be sent.
    #[error("own message cannot be sent")]
    Encode(#[from] EncodeError),
    /// The peer broke the rules.
    #[error("peer misbehaved")]
    Misbehaved(#[from] PeerMisbehaved),
    /// The two do not fit.
    #[error("handshake failed")]
    Handshake(#[from] HandshakeError),
    /// The peer reported a fault.
    #[error("peer reports {:?}: {}", .0.kind, .0.detail)]
    Fault(Fault),
    /// The link is silent past its deadline, or closed.
    #[error("link is lost")]
    LinkLost,
}

/// What a node does about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Ask the same peer again, at once or when it said.
    Retry,
    /// Go on without this peer; come back when it does.
    Failover,
    /// Tell whoever asked that this request cannot be served; the connection stays.
    Refuse,
    /// Close the connection, with the reason, and count it.
    Close,
    /// Stop this node: it cannot work with any peer as it is set up.
    Exit,
}

/// What to do about `error`.
pub const fn respond(error: &Error) -> Action {
    match error {
        Error::Decode(_) | Error::Encode(_) | Error::Misbehaved(_) => Action::Close,
        Error::LinkLost => Action::Failover,
        Error::Handshake(error) => match error {
            HandshakeError::Versions { .. }
            | HandshakeError::Numerics { .. }
            | HandshakeError::Tokenizer { .. }
            | HandshakeError::Model { .. }
            | HandshakeError::Layers { .. } => Action::Exit,
            HandshakeError::Role { .. } => Action::Close,
            HandshakeError::Impostor(_) => Action::Close,
        },
        Error::Fault(fault) => match fault.kind {
            FaultKind::PeerMisbehaved | FaultKind::Corrupt => Action::Close,
            FaultKind::PeerIncompatible => Action::Exit,
            FaultKind::Unavailable => Action::Failover,
            FaultKind::Overloaded => match fault.retry_after_ms {
                Some(_) => Action::Retry,
                None => Action::Failover,
            },
            FaultKind::Rejected => Action::Refuse,
            FaultKind::Gap { .. } => Action::Retry,
        },
    }
}
