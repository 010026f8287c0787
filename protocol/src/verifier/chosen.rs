//! What a shell answers a work with.

use base::{Likelihoods, TokenId};

/// What the target chose after the rows of a [`super::Work`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chosen {
    /// One token for each row of [`super::Work::choose`].
    pub tokens: Vec<TokenId>,
    /// How likely each was, where [`crate::Open::likelihoods`] asks; else nothing.
    pub likelihoods: Vec<Likelihoods>,
}

impl From<Vec<TokenId>> for Chosen {
    /// Nobody asked how likely they were.
    fn from(tokens: Vec<TokenId>) -> Self {
        Self { tokens, likelihoods: Vec::new() }
    }
}
