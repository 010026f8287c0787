//! Why a link to the next tier is not there, and what follows from it.

use crate::{ChannelError, CloseCode, DialError, LinkEnd, Peer};
use protocol::{Action, Fault, HandshakeError, Kind, respond};
use std::time::Duration;

/// Why the peer cannot be used now.
#[derive(Debug, thiserror::Error)]
pub enum UplinkError {
    /// Its name has no address.
    #[error("cannot resolve {address}")]
    Resolve {
        /// As configured.
        address: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Its name has no address that this socket can dial.
    #[error("{address} has no IPv4 address; an IPv6 one is written as [address]:port")]
    NoAddress {
        /// As configured.
        address: String,
    },
    /// It does not answer, or no more.
    #[error("{} at {address} was silent for {} ms", .peer.name, .silent.as_millis())]
    Silent {
        /// Who.
        peer: Peer,
        /// Where.
        address: String,
        /// How long.
        silent: Duration,
    },
    /// No link.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The link ended before the handshake did.
    #[error("the link ended during the handshake")]
    Ended(#[source] LinkEnd),
    /// The link's own channel failed.
    #[error("the link failed")]
    Channel(#[from] ChannelError),
    /// It refuses us.
    #[error("{peer} refuses the handshake: {}", .fault.detail)]
    Refused {
        /// Who.
        peer: Peer,
        /// Its words.
        fault: Fault,
    },
    /// It says something else than a welcome.
    #[error("the handshake was answered with {0:?}")]
    NoWelcome(Kind),
    /// We refuse it.
    #[error("{peer} does not fit")]
    Handshake {
        /// Who.
        peer: Peer,
        /// What does not.
        source: HandshakeError,
    },
}

impl UplinkError {
    /// Whether the two nodes do not fit as they are set up: only a person can mend that.
    pub fn is_misfit(&self) -> bool {
        let error = match self {
            Self::Refused { fault, .. } => protocol::Error::Fault(fault.clone()),
            Self::Handshake { source, .. } => protocol::Error::Handshake(source.clone()),
            Self::Resolve { .. }
            | Self::NoAddress { .. }
            | Self::Silent { .. }
            | Self::Dial(_)
            | Self::Ended(_)
            | Self::Channel(_)
            | Self::NoWelcome(_) => protocol::Error::LinkLost,
        };
        respond(&error) == Action::Exit
    }

    /// What the peer is told with the end of the link.
    pub(super) const fn close_code(&self) -> CloseCode {
        match self {
            Self::Silent { .. } => CloseCode::Unresponsive,
            Self::Handshake { .. } => CloseCode::Incompatible,
            Self::NoWelcome(_) => CloseCode::Misbehaved,
            Self::Resolve { .. }
            | Self::NoAddress { .. }
            | Self::Dial(_)
            | Self::Ended(_)
            | Self::Channel(_)
            | Self::Refused { .. } => CloseCode::Done,
        }
    }
}
