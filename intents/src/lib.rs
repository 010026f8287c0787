//! Intents: what a device understands by itself, within a millisecond and without a model.
//!
//! People write sets of intents in TOML ([`IntentFile`]): example phrases, templates, typed slots,
//! responses, and what to do. A [`Recognizer`] checks them, learns from the examples, and then says of a
//! phrase which intent it is, with what in its slots, or that it is out of scope. What is to be done it
//! says as an [`Action`]; doing it is the caller's.
//!
//! ```text
//!   IntentFile ─▶ book ─┬▶ template: exact, in bounded time ─┐
//!                       └▶ classifier: learnt from examples ─┴▶ recognizer ─▶ Recognition
//! ```
//!
//! # Invariants
//!
//! - **No clock, no chance, no I/O**: the same files and the same phrases give the same answers.
//! - **No phrase costs more than its bound**: what is over a limit is out of scope before it is looked at.
//! - **Out of scope is an answer**: its threshold is fitted on held-out phrases, not guessed.
//! - **A phrase never chooses where an action goes**; see [`Action`].

mod action;
mod book;
mod classifier;
mod context;
mod encoder;
mod error;
mod evaluation;
mod file;
mod limits;
mod pattern;
mod phrase;
mod recognizer;
mod slot;
mod template;

pub use action::{Action, HttpMethod};
pub use classifier::{Classifier, Example, Guess};
pub use context::Context;
pub use encoder::{EncodeError, SentenceEncoder};
pub use error::{Fault, IntentError, Problem};
pub use evaluation::{
    Labelled, LabelledError, Latency, OperatingPoint, Part, Parts, Report, evaluate,
};
pub use file::IntentFile;
pub use pattern::Slots;
pub use recognizer::{Incomplete, Lack, Means, Recognition, Recognizer, Understood};
pub use slot::{SlotValue, TimeOfDay};

#[cfg(test)]
mod tests;
