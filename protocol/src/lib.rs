//! The wire and the machines that speak it: what crosses a link, and who does what when.
//!
//! Messages and frames (`docs/WIRE.md` is normative), their limits, the handshake, and seven
//! state machines: [`Drafter`] (the device's half of a conversation), [`Verifier`] (the stage that
//! decides), [`Hops`] (a stage in between), [`Homecoming`] (the head of a chain that comes back),
//! [`LinkHealth`] (is the peer still there), [`Fetch`] and [`Serving`] (KV on its way from a node that has
//! it to one that wants it).
//!
//! The machines share one shape. Inputs are `handle_*` methods; outputs are drained by `poll_*`
//! methods until they return `None`; a deadline comes with its reason. Whoever runs one calls, after
//! every input, `poll_transmit`, `poll_event` (or `poll_work`) and `poll_timeout`, in this order.
//!
//! # Invariants
//!
//! - **No clock, no socket, no thread, no randomness.** Time is an argument; `clippy.toml` bans the
//!   rest. A log of inputs replays any run.
//! - **The protocol does not know what a tensor holds.** Hidden states are bytes with a shape.
//! - **Nothing from a peer is trusted before it is counted.** Every length is capped in [`limits`]
//!   before anything of that length is allocated.
//! - **No `unsafe`.**

#![forbid(unsafe_code)]

#[cfg(test)]
extern crate self as protocol;

mod branch;
mod codec;
#[cfg(test)]
mod dice;
mod drafter;
pub mod error;
pub mod frame;
mod handshake;
mod homecoming;
mod hops;
mod id;
pub mod limits;
mod link_health;
mod link_meter;
mod mean;
mod message;
mod prefix;
mod recital;
mod segments;
#[cfg(test)]
mod sim;
mod speculation;
mod tenant;
mod text_name;
mod token_run;
mod transcript;
mod varint;
mod veil;
mod verifier;

pub use drafter::{
    AfterOutage, Counts, Drafter, DrafterConfig, DrafterEvent, DrafterTimer, FinishReason, Route,
    TokenLog, WarmUp, Wish,
};
pub use error::{Action, Error, respond};
pub use frame::{Frame, Header};
pub use handshake::{
    Agreement, HandshakeError, Host, VERSION, VERSIONS, accept_welcome, negotiate,
};
pub use homecoming::Homecoming;
pub use hops::{HopWork, Hops, HopsConfig, Side};
pub use id::{Epoch, SessionId};
pub use link_health::{LinkEvent, LinkHealth, LinkHealthConfig, LinkTimer};
pub use link_meter::{LinkMeter, tells_rate};
pub use message::{
    Close, Constraint, Cost, Draft, Fault, FaultKind, Hello, Hidden, Kind, Lane, Message, Open,
    Opened, Pass, Ping, PlannedStage, Pong, Receipt, Rollback, Scope, SegmentPart, SegmentRequest,
    TraceContext, Verdict, Welcome,
};
pub use prefix::{PrefixCheck, PrefixHash};
pub use recital::Recital;
pub use segments::{Arrived, Fetch, SegmentWork, Serving, Wanted};
pub use speculation::{Drafted, Origin, Source, Sources, Tuning};
pub use tenant::TenantSecret;
pub use text_name::TextName;
pub use transcript::Transcript;
pub use veil::Veil;
pub use verifier::{Chosen, HiddenRows, Verifier, VerifierConfig, VerifierTimer, Work};
