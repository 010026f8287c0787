//! Templates: phrases with optional and alternative parts and slots, matched exactly.
//!
//! ```text
//!   template = alternatives
//!   alternatives = sequence { "|" sequence }
//!   sequence = { words | "{" slot "}" | "(" alternatives ")" | "[" alternatives "]" }
//! ```
//!
//! `turn on [the] {room} (light|lights)`. A part in brackets may be left out. Parsing makes a tree
//! ([`parse`]), that a [`Program`] of states is made of; [`Matcher`] runs all programs.
//!
//! # Invariants
//!
//! - **Nothing is expanded**: a program has about as many states as the template has words, however
//!   many phrases it stands for.
//! - **Nothing is tried again**: each state is looked at once for each word (set simulation), so that
//!   no phrase takes longer than words times states.

mod matcher;
mod parse;
mod program;

pub(crate) use matcher::{Matcher, Spans};
pub(crate) use parse::{Part, parse};
pub(crate) use program::Program;

#[cfg(test)]
mod tests;
