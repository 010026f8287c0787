//! The number formats of hidden states on a hop.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Number format of hidden states on the hop into a stage. Configuration spells it as a word.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub enum Codec {
    /// Exact.
    #[default]
    F32,
    /// Half precision.
    F16,
    /// Blocks of 64 with exact outliers.
    Int8,
    /// Blocks of 4 bits.
    Int4,
    /// Calibrated steps behind an entropy coder: a higher level takes more bits.
    Scaled(u8),
}

/// A word that names no codec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "codec {0:?} is unknown; codecs are f32, f16, int8, int4, scaled-0 to scaled-{max}",
    max = Codec::LEVEL_MAX
)]
pub struct UnknownCodec(String);

impl Codec {
    /// The highest level of [`Self::Scaled`].
    pub const LEVEL_MAX: u8 = 11;
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F32 => f.write_str("f32"),
            Self::F16 => f.write_str("f16"),
            Self::Int8 => f.write_str("int8"),
            Self::Int4 => f.write_str("int4"),
            Self::Scaled(level) => write!(f, "scaled-{level}"),
        }
    }
}

impl FromStr for Codec {
    type Err = UnknownCodec;

    fn from_str(word: &str) -> Result<Self, UnknownCodec> {
        let levels = (0..=Self::LEVEL_MAX).map(Self::Scaled);
        [Self::F32, Self::F16, Self::Int8, Self::Int4]
            .into_iter()
            .chain(levels)
            .find(|codec| codec.to_string() == word)
            .ok_or_else(|| UnknownCodec(word.to_owned()))
    }
}

impl TryFrom<String> for Codec {
    type Error = UnknownCodec;
    fn try_from(word: String) -> Result<Self, UnknownCodec> {
        word.parse()
    }
}

impl From<Codec> for String {
    fn from(codec: Codec) -> Self {
        codec.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_are_spelled_as_they_are_read() {
        let words = ["f32", "f16", "int8", "int4", "scaled-0", "scaled-11"];
        for word in words {
            assert_eq!(word.parse::<Codec>().unwrap().to_string(), word);
            let json = format!("\"{word}\"");
            let read: Codec = serde_json::from_str(&json).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), json);
        }
    }

    #[test]
    fn other_words_are_refused_with_what_would_be_right() {
        for word in ["scaled-12", "scaled-", "scaled-01", "F32", ""] {
            let error = word.parse::<Codec>().unwrap_err().to_string();
            assert!(error.ends_with("scaled-0 to scaled-11"), "{error}");
        }
    }
}
