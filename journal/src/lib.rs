//! What a device must not lose: conversations, deferred requests, intents that fired, budgets.
//!
//! ```text
//!   Journal ── conversations ─ deferred ─ fired ─ budgets ─ tidy    what a call means
//!      │              State ─┘              Ledger ─┘               pure machines
//!    Store ── rows ─ transaction                                    transactions of JSON rows
//!      │
//!    Medium                                                         a file, its successor, a lock
//! ```
//!
//! # Invariants
//!
//! - **What a call acknowledged is there after any loss of power.** A call writes one transaction, and
//!   returns when it is flushed; a call that did not return is there whole or not at all.
//! - **Spent and reserved are within the limits at every instruction**, by [`budgets`](Amount).
//! - **An answer is in its conversation once**, however often it comes.
//! - **What is forgotten is not in the file.**
//! - **Everything is bounded**: texts, conversations, requests, the file.
//! - **No clock, no randomness, no network.** Times and ids are handed in, and the journal's file is all
//!   that is read or written. Calls wait for the disk: an async caller makes them on a thread of its own.

mod budgets;
mod conversations;
mod deferred;
mod error;
mod fired;
mod id;
mod journal;
mod limits;
mod medium;
mod moment;
mod rows;
mod store;
#[cfg(test)]
mod tests;
mod tidy;
mod transaction;
mod turn;

pub use budgets::{Amount, BudgetPolicy, Caps, Orphans, Refusal, Resource, Span, Standing};
pub use deferred::{Answered, Callback, Deferred, Request, State, Wake};
pub use error::{JournalError, OpenError};
pub use fired::Fired;
pub use id::{ConversationId, IdError, RequestId};
pub use journal::{Journal, Recovery};
pub use limits::Limits;
pub use moment::UnixTime;
pub use tidy::Tidied;
pub use turn::{Action, By, Conversation, Outcome, Route, Turn, Vouched};
