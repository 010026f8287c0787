//! How links end: the code that one side gives, and what the other makes of it.

use quinn::{ConnectionError, VarInt};
use std::error::Error;
use std::fmt;

/// Characters of a peer's reason that are kept for the log.
const REASON_CHARS_MAX: usize = 200;

/// Why a node closes a link. The peer gets the code, and a sentence for its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CloseCode {
    /// Nothing is left to do.
    Done = 0,
    /// The node shuts down; another one may serve.
    Draining = 1,
    /// The peer broke the protocol.
    Misbehaved = 2,
    /// The two have no protocol version, model or numerics class in common.
    Incompatible = 3,
    /// The peer's role or name is not wanted here, or its certificate names none.
    WrongPeer = 4,
    /// The node has as much to do as it can take.
    Overloaded = 5,
    /// The peer did not answer in time.
    Unresponsive = 6,
}

/// Who gave a link a reason to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// Nobody: the work was done.
    Nobody,
    /// This node: what it sent, or what it is.
    Us,
    /// The node at the other end: what it sent, or what it is.
    Peer,
    /// Neither: the link is down, or the peer's node is stopping, busy or gone.
    Availability,
}

/// Which side refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusedBy {
    /// This node.
    Us,
    /// The node at the other end.
    Peer,
}

/// Why a link is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkEnd {
    /// This node closed it.
    #[error("closed by us, {code}: {reason}")]
    Ours {
        /// The code that the peer got.
        code: CloseCode,
        /// The sentence that the peer got.
        reason: String,
    },
    /// The peer closed it.
    #[error("closed by the peer, {}: {reason}", code_text(*.code))]
    Theirs {
        /// Its code; the number where we have no word for it.
        code: Result<CloseCode, u64>,
        /// Its sentence: printable, cut to a line.
        reason: String,
    },
    /// A certificate, or another part of the TLS handshake, was refused.
    #[error("TLS handshake refused by {by}: {alert}")]
    Handshake {
        /// Who refused.
        by: RefusedBy,
        /// TLS's word for it, and the library's sentence.
        alert: String,
    },
    /// Nothing arrived for the idle timeout.
    #[error("nothing arrived before the idle timeout")]
    Silent,
    /// The peer's node does not know the link: it was restarted.
    #[error("the peer does not know the link any more; it was restarted")]
    Forgotten,
    /// QUIC itself failed: a peer that does not speak it as we do.
    #[error("QUIC failed: {0}")]
    Quic(String),
}

impl CloseCode {
    const ALL: [Self; 7] = [
        Self::Done,
        Self::Draining,
        Self::Misbehaved,
        Self::Incompatible,
        Self::WrongPeer,
        Self::Overloaded,
        Self::Unresponsive,
    ];

    pub(crate) fn to_wire(self) -> VarInt {
        VarInt::from_u32(u32::from(self as u8))
    }

    fn from_wire(code: VarInt) -> Result<Self, u64> {
        Self::ALL.into_iter().find(|ours| ours.to_wire() == code).ok_or_else(|| code.into_inner())
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Draining => "draining",
            Self::Misbehaved => "misbehaved",
            Self::Incompatible => "incompatible",
            Self::WrongPeer => "wrong peer",
            Self::Overloaded => "overloaded",
            Self::Unresponsive => "unresponsive",
        }
    }

    /// Who is to blame, as the side sees it that gives the code.
    const fn blame(self) -> Blame {
        match self {
            Self::Done => Blame::Nobody,
            Self::Misbehaved | Self::Incompatible | Self::WrongPeer => Blame::Peer,
            Self::Draining | Self::Overloaded | Self::Unresponsive => Blame::Availability,
        }
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Display for RefusedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Us => "us",
            Self::Peer => "the peer",
        })
    }
}

impl LinkEnd {
    /// Who gave the reason.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Ours { code, .. } => code.blame(),
            Self::Theirs { code: Ok(code), .. } => match code.blame() {
                Blame::Peer => Blame::Us,
                Blame::Us => Blame::Peer,
                same @ (Blame::Nobody | Blame::Availability) => same,
            },
            Self::Theirs { code: Err(_), .. } | Self::Quic(_) => Blame::Peer,
            Self::Handshake { by: RefusedBy::Us, .. } => Blame::Peer,
            Self::Handshake { by: RefusedBy::Peer, .. } => Blame::Us,
            Self::Silent | Self::Forgotten => Blame::Availability,
        }
    }

    /// What quinn says of a connection that this node did not close by a code of its own.
    pub(crate) fn from_quic(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::ApplicationClosed(close) => Self::Theirs {
                code: CloseCode::from_wire(close.error_code),
                reason: printable(&close.reason),
            },
            ConnectionError::ConnectionClosed(close) => {
                Self::from_transport(RefusedBy::Peer, close.error_code, &close.reason)
            }
            ConnectionError::TransportError(error) => {
                Self::from_transport(RefusedBy::Us, error.code, error.reason.as_bytes())
            }
            ConnectionError::TimedOut => Self::Silent,
            ConnectionError::Reset => Self::Forgotten,
            ConnectionError::LocallyClosed => {
                Self::Ours { code: CloseCode::Done, reason: "the endpoint was closed".to_owned() }
            }
            ConnectionError::VersionMismatch | ConnectionError::CidsExhausted => {
                Self::Quic(error.to_string())
            }
        }
    }

    fn from_transport(by: RefusedBy, code: quinn::TransportErrorCode, reason: &[u8]) -> Self {
        let (number, reason) = (u64::from(code), printable(reason));
        match number.checked_sub(0x100).map(u8::try_from) {
            Some(Ok(alert)) => {
                Self::Handshake { by, alert: format!("{} ({reason})", alert_text(alert)) }
            }
            // What an endpoint answers that takes no more connections.
            _ if code == quinn::TransportErrorCode::CONNECTION_REFUSED => match by {
                RefusedBy::Peer => Self::Theirs { code: Ok(CloseCode::Overloaded), reason },
                RefusedBy::Us => Self::Ours { code: CloseCode::Overloaded, reason },
            },
            _ => Self::Quic(format!("{code} ({reason})")),
        }
    }
}

fn code_text(code: Result<CloseCode, u64>) -> String {
    code.map_or_else(|number| format!("code {number}"), |code| code.to_string())
}

/// The alerts that a wrong certificate can bring, of RFC 8446 section 6.2.
fn alert_text(alert: u8) -> String {
    let text = match alert {
        42 => "bad certificate",
        43 => "unsupported certificate",
        44 => "certificate revoked",
        45 => "certificate expired",
        46 => "certificate unknown",
        48 => "unknown CA",
        49 => "access denied",
        51 => "wrong signature",
        116 => "certificate required",
        120 => "no causeway protocol offered",
        other => return format!("TLS alert {other}"),
    };
    text.to_owned()
}

/// An error and its causes in one sentence, for a peer that gets no more than that.
pub(crate) fn text_chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// A peer's text on one line of our log.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(REASON_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_cross_the_wire_and_unknown_ones_keep_their_number() {
        for code in CloseCode::ALL {
            assert_eq!(CloseCode::from_wire(code.to_wire()), Ok(code));
        }
        assert_eq!(CloseCode::from_wire(VarInt::from_u32(77)), Err(77));
    }

    #[test]
    fn both_ends_blame_the_same_node() {
        for code in CloseCode::ALL {
            let ours = LinkEnd::Ours { code, reason: String::new() }.blame();
            let theirs = LinkEnd::Theirs { code: Ok(code), reason: String::new() }.blame();
            let mirrored = match ours {
                Blame::Us => Blame::Peer,
                Blame::Peer => Blame::Us,
                same @ (Blame::Nobody | Blame::Availability) => same,
            };
            assert_eq!(theirs, mirrored, "{code}");
        }
    }

    #[test]
    fn a_peers_reason_cannot_break_the_log() {
        let reason = [b"a\nb\x1b[31m".as_slice(), &[0xff; 4000]].concat();
        let reason = printable(&reason);
        assert!(reason.starts_with("a b [31m") && reason.chars().count() == REASON_CHARS_MAX);
    }
}
