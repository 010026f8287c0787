//! The messages: one struct a kind, and what is true of every kind.
//!
//! `docs/WIRE.md` says the same in bytes. The sender's tier decides which kinds it may send
//! ([`Kind::may_be_sent_up`], [`Kind::may_be_sent_down`]); *up* is away from the device. Passes come down,
//! and verdicts go up, only where the head is at a node that the chain crossed before.

mod compact;
mod likely;
mod link;
mod segment;
mod session;

pub(crate) use likely::LEN_MAX as LIKELY_LEN_MAX;
pub use link::{Hello, Ping, Pong, Receipt, Welcome};
pub use segment::{SegmentPart, SegmentRequest};
pub use session::{
    Close, Constraint, Cost, Draft, Fault, FaultKind, Hidden, Open, Opened, Pass, PlannedStage,
    Rollback, TraceContext, Verdict,
};

use crate::codec::{self, CodecError};
use crate::error::LimitError;

/// Anything that a frame can carry.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Who dials, and what it speaks.
    Hello(Hello),
    /// Who was dialled, and what both speak from now on.
    Welcome(Welcome),
    /// Begins or resumes a session.
    Open(Open),
    /// What the chain still holds of it.
    Opened(Opened),
    /// Rows to run and tokens to judge.
    Pass(Pass),
    /// Drafts to judge.
    Draft(Draft),
    /// What the target says.
    Verdict(Verdict),
    /// Stop, and forget what comes after a position.
    Rollback(Rollback),
    /// Ends a session and frees its KV.
    Close(Close),
    /// Are you there?
    Ping(Ping),
    /// Yes.
    Pong(Pong),
    /// Something went wrong, and whose fault it is.
    Fault(Fault),
    /// Which segments of KV are wanted.
    SegmentRequest(SegmentRequest),
    /// The next bytes of one of them.
    SegmentPart(SegmentPart),
    /// How fast hidden states came.
    Receipt(Receipt),
}

/// What a frame carries, as its header says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// [`Message::Hello`].
    Hello = 1,
    /// [`Message::Welcome`].
    Welcome = 2,
    /// [`Message::Open`].
    Open = 3,
    /// [`Message::Opened`].
    Opened = 4,
    /// [`Message::Pass`].
    Pass = 5,
    /// [`Message::Verdict`].
    Verdict = 6,
    /// [`Message::Rollback`].
    Rollback = 7,
    /// [`Message::Close`].
    Close = 8,
    /// [`Message::Ping`].
    Ping = 9,
    /// [`Message::Pong`].
    Pong = 10,
    /// [`Message::Fault`].
    Fault = 11,
    /// [`Message::Draft`].
    Draft = 12,
    /// [`Message::SegmentRequest`].
    SegmentRequest = 13,
    /// [`Message::SegmentPart`].
    SegmentPart = 14,
    /// [`Message::Receipt`].
    Receipt = 15,
}

/// Which stream of a session a frame travels on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// The bidirectional stream: small frames, never behind a tensor. Segments have one of their own.
    Control,
    /// The unidirectional stream of hidden states.
    Hidden,
}

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The connection: travels on its first bidirectional stream.
    Link,
    /// One session: travels on that session's streams.
    Session,
    /// Either; the stream says which.
    Both,
}

impl Kind {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 15] = [
        Self::Hello,
        Self::Welcome,
        Self::Open,
        Self::Opened,
        Self::Pass,
        Self::Verdict,
        Self::Rollback,
        Self::Close,
        Self::Ping,
        Self::Pong,
        Self::Fault,
        Self::Draft,
        Self::SegmentRequest,
        Self::SegmentPart,
        Self::Receipt,
    ];

    /// The code in a frame's header.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind with this code, if there is one.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Connection or session.
    pub const fn scope(self) -> Scope {
        match self {
            Self::Hello | Self::Welcome | Self::Ping | Self::Pong | Self::Receipt => Scope::Link,
            Self::Open
            | Self::Opened
            | Self::Pass
            | Self::Draft
            | Self::Verdict
            | Self::Rollback
            | Self::Close
            | Self::SegmentRequest
            | Self::SegmentPart => Scope::Session,
            Self::Fault => Scope::Both,
        }
    }

    /// Whether the node that dialled (device, or gateway to its upstream) may send it.
    pub const fn may_be_sent_up(self) -> bool {
        match self {
            Self::Hello
            | Self::Open
            | Self::Pass
            | Self::Draft
            | Self::Rollback
            | Self::Close
            | Self::Ping
            | Self::Pong
            | Self::Verdict
            | Self::Fault
            | Self::SegmentRequest => true,
            Self::Welcome | Self::Opened | Self::SegmentPart | Self::Receipt => false,
        }
    }

    /// Whether the node that was dialled (gateway or cloud) may send it.
    pub const fn may_be_sent_down(self) -> bool {
        match self {
            Self::Welcome
            | Self::Opened
            | Self::Pass
            | Self::Verdict
            | Self::Ping
            | Self::Pong
            | Self::Fault
            | Self::SegmentPart
            | Self::Receipt => true,
            Self::Hello
            | Self::Open
            | Self::Draft
            | Self::Rollback
            | Self::Close
            | Self::SegmentRequest => false,
        }
    }
}

impl Message {
    /// What its frame's header says.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Hello(_) => Kind::Hello,
            Self::Welcome(_) => Kind::Welcome,
            Self::Open(_) => Kind::Open,
            Self::Opened(_) => Kind::Opened,
            Self::Pass(_) => Kind::Pass,
            Self::Draft(_) => Kind::Draft,
            Self::Verdict(_) => Kind::Verdict,
            Self::Rollback(_) => Kind::Rollback,
            Self::Close(_) => Kind::Close,
            Self::Ping(_) => Kind::Ping,
            Self::Pong(_) => Kind::Pong,
            Self::Fault(_) => Kind::Fault,
            Self::SegmentRequest(_) => Kind::SegmentRequest,
            Self::SegmentPart(_) => Kind::SegmentPart,
            Self::Receipt(_) => Kind::Receipt,
        }
    }

    /// Which stream it travels on upwards: a pass with hidden states on the hidden one, all else on
    /// control, but for verdicts, which keep their place among the passes of their session. Downwards
    /// there is control alone.
    pub const fn lane(&self) -> Lane {
        match self {
            Self::Pass(Pass { hidden: Some(_), .. }) => Lane::Hidden,
            Self::Hello(_)
            | Self::Welcome(_)
            | Self::Open(_)
            | Self::Opened(_)
            | Self::Pass(_)
            | Self::Draft(_)
            | Self::Verdict(_)
            | Self::Rollback(_)
            | Self::Close(_)
            | Self::Ping(_)
            | Self::Pong(_)
            | Self::Fault(_)
            | Self::SegmentRequest(_)
            | Self::SegmentPart(_)
            | Self::Receipt(_) => Lane::Control,
        }
    }

    /// Bytes of raw payload that follow the body: hidden states, or some of a segment's. At most
    /// [`crate::limits::HIDDEN_LEN_MAX`] for a message that was decoded.
    pub const fn payload_len(&self) -> usize {
        match self {
            Self::Pass(Pass { hidden: Some(hidden), .. }) => hidden.bytes as usize,
            Self::SegmentPart(part) => part.bytes as usize,
            Self::Hello(_)
            | Self::Welcome(_)
            | Self::Open(_)
            | Self::Opened(_)
            | Self::Pass(_)
            | Self::Draft(_)
            | Self::Verdict(_)
            | Self::Rollback(_)
            | Self::Close(_)
            | Self::Ping(_)
            | Self::Pong(_)
            | Self::Fault(_)
            | Self::SegmentRequest(_)
            | Self::Receipt(_) => 0,
        }
    }

    /// Compares every count and length with its limit.
    ///
    /// # Errors
    ///
    /// [`LimitError`] names the field, what it holds and what it may hold.
    pub fn check(&self) -> Result<(), LimitError> {
        match self {
            Self::Hello(hello) => hello.check(),
            Self::Welcome(welcome) => welcome.check(),
            Self::Open(open) => open.check(),
            Self::Pass(pass) => pass.check(),
            Self::Draft(draft) => draft.check(),
            Self::Verdict(verdict) => verdict.check(),
            Self::Fault(fault) => fault.check(),
            Self::SegmentRequest(request) => request.check(),
            Self::SegmentPart(part) => part.check(),
            Self::Receipt(receipt) => receipt.check(),
            Self::Opened(_)
            | Self::Rollback(_)
            | Self::Close(_)
            | Self::Ping(_)
            | Self::Pong(_) => Ok(()),
        }
    }

    pub(crate) fn encode_body(&self) -> Result<Vec<u8>, CodecError> {
        match self {
            Self::Hello(body) => codec::encode(body),
            Self::Welcome(body) => codec::encode(body),
            Self::Open(body) => codec::encode(body),
            Self::Opened(body) => codec::encode(body),
            Self::Pass(body) => codec::encode(body),
            Self::Draft(body) => Ok(compact::put_draft(body)),
            Self::Verdict(body) => Ok(compact::put_verdict(body)),
            Self::Rollback(body) => codec::encode(body),
            Self::Close(body) => codec::encode(body),
            Self::Ping(body) => codec::encode(body),
            Self::Pong(body) => codec::encode(body),
            Self::Fault(body) => codec::encode(body),
            Self::SegmentRequest(body) => codec::encode(body),
            Self::SegmentPart(body) => codec::encode(body),
            Self::Receipt(body) => codec::encode(body),
        }
    }

    pub(crate) fn decode_body(kind: Kind, bytes: &[u8]) -> Result<Self, CodecError> {
        Ok(match kind {
            Kind::Hello => Self::Hello(codec::decode(bytes)?),
            Kind::Welcome => Self::Welcome(codec::decode(bytes)?),
            Kind::Open => Self::Open(codec::decode(bytes)?),
            Kind::Opened => Self::Opened(codec::decode(bytes)?),
            Kind::Pass => Self::Pass(codec::decode(bytes)?),
            Kind::Draft => Self::Draft(compact::take_draft(bytes).ok_or(CodecError::Compact)?),
            Kind::Verdict => {
                Self::Verdict(compact::take_verdict(bytes).ok_or(CodecError::Compact)?)
            }
            Kind::Rollback => Self::Rollback(codec::decode(bytes)?),
            Kind::Close => Self::Close(codec::decode(bytes)?),
            Kind::Ping => Self::Ping(codec::decode(bytes)?),
            Kind::Pong => Self::Pong(codec::decode(bytes)?),
            Kind::Fault => Self::Fault(codec::decode(bytes)?),
            Kind::SegmentRequest => Self::SegmentRequest(codec::decode(bytes)?),
            Kind::SegmentPart => Self::SegmentPart(codec::decode(bytes)?),
            Kind::Receipt => Self::Receipt(codec::decode(bytes)?),
        })
    }
}
