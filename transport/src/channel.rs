//! Channels: what a node reads messages from and writes them to.
//!
//! # Invariants
//!
//! - **Every receive and every send may be dropped half-way** (in a `select!`) and nothing is lost
//!   or torn: what was read stays in the channel, what was begun goes out with the next call.
//! - **No queue of ours.** A sender waits for QUIC's windows; what a peer sends stays in QUIC's
//!   buffers until it is asked for.
//! - **Nothing reaches a node that its peer may not send**: kinds are checked against the stream and
//!   the direction before a body is read, lengths before anything of that length is allocated.

mod control;
mod frame_reader;
mod frame_writer;
mod session;

pub use control::ControlChannel;
pub use session::{SessionChannel, SessionReceiver, SessionSender};

pub(crate) use frame_reader::FrameReader;
pub(crate) use frame_writer::FrameWriter;
pub(crate) use session::HiddenStream;

use crate::close::LinkEnd;
use crate::options::Side;
use protocol::error::{DecodeError, EncodeError};
use protocol::{Kind, Lane, Message, Scope};

/// Why a channel gives or takes no more.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The peer has said all that it had to say on this channel.
    #[error("the peer ended the channel")]
    Ended,
    /// The peer gave the channel up in mid-sentence, or did not take it as early data. The link lives.
    #[error("the peer gave the channel up")]
    Withdrawn,
    /// The link is over, and this is why.
    #[error("the link is over")]
    Link(#[source] LinkEnd),
    /// The peer broke the protocol. The link has been closed with this reason.
    #[error("the peer broke the protocol; the link was closed")]
    Misbehaved(#[source] Misbehaviour),
    /// Our own message breaks a limit. Nothing of it was sent.
    #[error("the message cannot be sent")]
    Encode(#[source] EncodeError),
}

/// What a peer can do wrong with its streams.
#[derive(Debug, thiserror::Error)]
pub enum Misbehaviour {
    /// Bytes that are no frame within the limits.
    #[error("bytes that are no frame")]
    Frame(#[source] DecodeError),
    /// A message where it does not belong.
    #[error("{kind:?} has no place on a {scope:?} stream from this side")]
    Misplaced {
        /// The message's kind.
        kind: Kind,
        /// What the stream is about.
        scope: Scope,
    },
    /// A message on the other stream of its session.
    #[error("{kind:?} came on the wrong stream of its session")]
    Lane {
        /// The message's kind.
        kind: Kind,
    },
    /// The stream ended within a frame.
    #[error("a stream ended within a frame")]
    Truncated,
}

/// Which messages a stream may carry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// What the stream is about.
    pub(crate) scope: Scope,
    /// Which side writes it.
    pub(crate) from: Side,
}

impl Rules {
    pub(crate) fn allow(self, kind: Kind) -> bool {
        let direction = match self.from {
            Side::Dialler => kind.may_be_sent_up(),
            Side::Listener => kind.may_be_sent_down(),
        };
        direction && (kind.scope() == self.scope || kind.scope() == Scope::Both)
    }

    /// Whether `message` may be on that stream of its session. Down there is one; up, a verdict may be on
    /// either.
    pub(crate) fn fits(self, lane: Lane, message: &Message) -> bool {
        match self.from {
            Side::Listener => lane == Lane::Control,
            Side::Dialler => message.kind() == Kind::Verdict || message.lane() == lane,
        }
    }
}
