//! What a sentence means, as a vector: given by the caller, who has a model for it.

use std::error::Error;

/// Turns phrases into vectors, near each other where they mean alike.
pub trait SentenceEncoder: Send + Sync + std::fmt::Debug {
    /// The embedding of `text`: of length 1, and always as many numbers.
    ///
    /// # Errors
    ///
    /// Where the model cannot run.
    fn encode(&self, text: &str) -> Result<Vec<f32>, EncodeError>;
}

/// An encoder's model cannot run.
#[derive(Debug, thiserror::Error)]
#[error("cannot encode a phrase")]
pub struct EncodeError(#[source] pub Box<dyn Error + Send + Sync>);
