//! Tokens and where they stand.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Index into a tokenizer's vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenId(pub u32);

/// Zero-based index of a token in its conversation. A *length* is a count and not a position.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(pub u32);

impl Position {
    /// The position of the token after the first `length` tokens.
    ///
    /// # Panics
    ///
    /// Where `length` does not fit 32 bits: contexts are capped far below.
    pub fn after(length: usize) -> Self {
        Self(u32::try_from(length).expect("contexts are far shorter than 2^32 tokens"))
    }

    /// The position `count` further on, stopping at the largest.
    #[must_use]
    pub const fn advance(self, count: u32) -> Self {
        Self(self.0.saturating_add(count))
    }

    /// As an index into a slice of tokens.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
