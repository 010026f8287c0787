//! The runtime from outside: real files in, logits out.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests, and what they skip")]

mod abandoned;
mod chain;
mod demo_tokenizer;
mod equivalence;
mod facts;
mod golden;
mod packed;
mod places;
mod prefixes;
mod quantized;
mod qwen;
mod refusals;
mod segment_costs;
mod segments;
mod stories;
mod streams;
