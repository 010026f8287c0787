//! Sentence embeddings for intents: a model of the BERT family in a Hugging Face folder, such as
//! all-MiniLM-L6-v2.
//!
//! ```text
//!   text ─ tokenizer.json ─▶ ids ─ Bert ─▶ [T, D] ─ mean, length 1 ─▶ [D]
//! ```
//!
//! # Invariants
//!
//! - **No network**: the folder is all there is.
//! - **No model is run approximately right**: another architecture, activation or shape is an error that
//!   names it.

mod bert;
mod error;
mod model;

pub use error::OpenError;
pub use model::SentenceModel;

#[cfg(test)]
mod tests;
