//! What a reply must be: part of what a request's text is a function of.

use serde::{Deserialize, Serialize};

/// A language that a reply has to be a word of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grammar {
    /// JSON that this JSON Schema, as text, accepts.
    JsonSchema(String),
    /// A text that this regular expression accepts as a whole.
    Regex(String),
    /// A text that this Lark grammar derives, in the dialect of `llguidance`.
    Lark(String),
}

impl Grammar {
    /// What may stand between two of JSON's tokens, besides nothing, where a schema does not say: one space, as a regular
    /// expression. With more a small model, of which no other token is likely, says white space as long as it may.
    pub const WHITE_SPACE: &str = r"\x20";

    /// As it is written.
    pub fn text(&self) -> &str {
        match self {
            Self::JsonSchema(text) | Self::Regex(text) | Self::Lark(text) => text,
        }
    }
}
