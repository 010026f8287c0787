//! Links between nodes: QUIC with mutual TLS 1.3, roles and names from a private CA, and frames in
//! channels.
//!
//! [`ca`] makes certificates. A [`Listener`] and a [`Dialer`], each with its [`Identity`] and
//! [`Trust`], make a [`Link`] between them; a link has one [`ControlChannel`], and a
//! [`SessionChannel`] for each conversation. An [`Uplink`] keeps one up. How a link ends is a [`LinkEnd`], which says whose
//! doing it was.
//!
//! # Invariants
//!
//! - **It moves frames and does not understand tokens**: no runtime, no plan, no state machine's
//!   decision is taken here.
//! - **Only this crate names quinn, rustls and sockets.**
//! - **Only a peer with a certificate of our CA, not revoked, of a wanted role and name, gets more
//!   than a close.**
//! - **Everything is bounded**: handshakes, links, sessions, windows, frames, files. What is over a
//!   bound waits or is refused; nothing is queued without end.
//! - **No `unsafe`.**

#![forbid(unsafe_code)]

pub mod ca;
mod channel;
pub mod clock;
mod close;
mod connection;
mod dialer;
mod identity;
mod link;
mod listener;
mod network;
mod options;
mod peer;
mod pem_file;
mod receipts;
mod reset;
mod socket;
mod streams;
mod tally;
mod tickets;
mod tls;
mod uplink;

pub use channel::{
    ChannelError, ControlChannel, Misbehaviour, SessionChannel, SessionReceiver, SessionSender,
};
pub use close::{Blame, CloseCode, LinkEnd, RefusedBy};
pub use dialer::{DialError, Dialer};
pub use identity::{Identity, IdentityError, Trust};
pub use link::{Flow, Link, Traffic};
pub use listener::{BindError, Listener};
pub use network::{LinkSwitch, Network};
pub use options::LinkOptions;
pub use peer::{Peer, PeerError};
pub use pem_file::ReadError;
pub use socket::SocketError;
pub use tally::{FrameTally, Tally, TallyReader};
pub use tls::{ALPN, TlsError};
pub use uplink::{LinkState, Uplink, UplinkConfig, UplinkError, UplinkSession, UplinkState};

#[cfg(test)]
mod tests;
