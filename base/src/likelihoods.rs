//! How likely a model took a token to be.

use crate::TokenId;

/// How likely a model took a token to be, and which it took to be the likeliest there.
#[derive(Debug, Clone, PartialEq)]
pub struct Likelihoods {
    /// The token that was chosen, and the natural logarithm of its probability; finite.
    pub chosen: (TokenId, f32),
    /// The likeliest, the likeliest first; of equal ones the lower id.
    pub top: Vec<(TokenId, f32)>,
}
