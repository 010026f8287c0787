//! How many drafted tokens go out together.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The length of a chunk of drafts. Configuration spells it as a number or `"auto"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Spelled", into = "Spelled")]
pub enum DraftLength {
    /// So many tokens; none at all for 0.
    Fixed(u32),
    /// As many as pay, by what is measured.
    Auto,
}

impl DraftLength {
    /// No drafts.
    pub const NONE: Self = Self::Fixed(0);
}

impl fmt::Display for DraftLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(length) => write!(f, "{length}"),
            Self::Auto => f.write_str("auto"),
        }
    }
}

/// A length as it is typed.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Spelled {
    Count(u32),
    Word(String),
}

impl TryFrom<Spelled> for DraftLength {
    type Error = String;

    fn try_from(spelled: Spelled) -> Result<Self, String> {
        match spelled {
            Spelled::Count(length) => Ok(Self::Fixed(length)),
            Spelled::Word(word) if word == "auto" => Ok(Self::Auto),
            Spelled::Word(word) => {
                Err(format!("`{word}` is no draft length: a number or \"auto\""))
            }
        }
    }
}

impl From<DraftLength> for Spelled {
    fn from(length: DraftLength) -> Self {
        match length {
            DraftLength::Fixed(length) => Self::Count(length),
            DraftLength::Auto => Self::Word("auto".to_owned()),
        }
    }
}
