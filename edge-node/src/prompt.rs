//! A conversation so far, as a model reads it, and how far it may travel.
//!
//! Two types, because they go two ways: what may [travel](Travelling) becomes frames, what is
//! [confined](Confined) has no way to become any.

use crate::confined::Confined;
use base::{Privacy, TokenId};
use runtime::{TextStream, Tokenizer};
use std::fmt;

/// A conversation so far, as a model reads it.
#[derive(Debug, Clone)]
pub enum Prompt {
    /// It may leave the device.
    Travelling(Travelling),
    /// It may not.
    Confined(Confined),
}

/// A text that may leave the device.
#[derive(Clone)]
pub struct Travelling {
    tokens: Vec<TokenId>,
    class: Privacy,
}

/// Says nothing of it.
impl fmt::Debug for Travelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Travelling({} tokens of class {})", self.tokens.len(), self.class.as_str())
    }
}

impl Prompt {
    /// `tokens`, which may travel as far as `class` says.
    pub fn new(tokens: Vec<TokenId>, class: Privacy) -> Self {
        match class {
            Privacy::Device => Self::Confined(Confined::new(tokens)),
            Privacy::Site | Privacy::Anywhere => Self::Travelling(Travelling { tokens, class }),
        }
    }

    /// How many tokens it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Travelling(text) => text.tokens.len(),
            Self::Confined(text) => text.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Turns the tokens that follow it into text.
    pub(crate) fn stream(&self, tokenizer: &Tokenizer) -> TextStream {
        match self {
            Self::Travelling(text) => tokenizer.stream_after(&text.tokens),
            Self::Confined(text) => text.stream(tokenizer),
        }
    }
}

impl Travelling {
    /// Its tokens.
    pub(crate) fn tokens(&self) -> &[TokenId] {
        &self.tokens
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// How far it may travel.
    pub(crate) const fn class(&self) -> Privacy {
        self.class
    }
}
