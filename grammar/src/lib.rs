//! What a reply must be, as masks over a vocabulary: grammars compiled, followed and rolled back with a text.
//!
//! ```text
//!   Grammar, text ── Grammars::compile ──▶ Compiled ── Guide::new ──▶ Guide ── allowed_after(reply) ──▶ Allowed
//!                       Vocabulary ───────────┘
//! ```
//!
//! The languages are those of `llguidance`: JSON Schema, regular expressions, and its dialect of Lark.
//!
//! # Invariants
//!
//! - **What is allowed after a reply is a function of vocabulary, grammar, end tokens and reply**, in whatever
//!   order it is asked for. A guide's memory saves time and nothing else.
//! - **No grammar brings a node down.** It comes from a peer: what it may take is in [`limits`], and a panic behind
//!   this crate's functions is an error of theirs.

#![forbid(unsafe_code)]

mod compile;
mod error;
mod grammars;
mod guide;
pub mod limits;
mod places;
#[cfg(test)]
mod tests;
mod vocabulary;

pub use compile::Compiled;
pub use error::{GrammarError, GuideError};
pub use grammars::Grammars;
pub use guide::Guide;
pub use vocabulary::{Piece, Vocabulary};
