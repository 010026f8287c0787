//! Sentence embeddings for intents: a model of the BERT family in a Hugging Face folder, such as
//! all-MiniLM-L6-v2.
//!
//! ```text
//!   text ─ tokenizer.json ─▶ ids ─ Bert ─▶ [T, D] ─ mean or first, length 1 ─▶ [D]
//! ```
//!
//! # Invariants
//!
//! - **No network**: the folder is all there is.
//! - **No model is run approximately right**: another architecture, activation, shape or pooling is an error that
//!   names it.

mod bert;
mod error;
mod file;
mod model;
mod reading;

pub use error::OpenError;
pub use model::SentenceModel;

#[cfg(test)]
mod tests;
