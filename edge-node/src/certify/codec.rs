//! The codecs that are measured, by the words that configuration has for them.

use kernels::wire::Level;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Number format of hidden states on a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Codec {
    /// Exact.
    F32,
    /// Half precision.
    F16,
    /// Blocks of 64 with exact outliers.
    Int8,
    /// Rotated blocks of 32, of 4 bits each.
    Int4,
    /// Calibrated steps behind an entropy coder, by level: 0 has the finest steps.
    Scaled(u8),
}

/// A word that names no codec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no codec {0:?}; codecs are f32, f16, int8, int4, scaled-0 to scaled-{coarsest}",
    coarsest = Level::COARSEST.number()
)]
pub struct UnknownCodec(String);

impl Codec {
    /// All of them, exact ones first.
    pub fn all() -> impl Iterator<Item = Self> {
        let levels = Level::all().map(|level| Self::Scaled(level.number()));
        [Self::F32, Self::F16, Self::Int8, Self::Int4].into_iter().chain(levels)
    }

    /// Whether it needs the scales of a calibration.
    pub const fn is_calibrated(self) -> bool {
        match self {
            Self::F32 | Self::F16 | Self::Int8 | Self::Int4 => false,
            Self::Scaled(_) => true,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F32 => f.pad("f32"),
            Self::F16 => f.pad("f16"),
            Self::Int8 => f.pad("int8"),
            Self::Int4 => f.pad("int4"),
            Self::Scaled(level) => f.pad(&format!("scaled-{level}")),
        }
    }
}

impl FromStr for Codec {
    type Err = UnknownCodec;

    fn from_str(word: &str) -> Result<Self, UnknownCodec> {
        let found = Self::all().find(|codec| codec.to_string() == word);
        found.ok_or_else(|| UnknownCodec(word.to_owned()))
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
        for word in ["f32", "f16", "int8", "int4", "scaled-0", "scaled-9"] {
            assert_eq!(word.parse::<Codec>().unwrap().to_string(), word);
        }
        for word in ["scaled-10", "scaled-", "scaled-01", "F32", ""] {
            let refusal = word.parse::<Codec>().unwrap_err().to_string();
            let known = "; codecs are f32, f16, int8, int4, scaled-0 to scaled-9";
            assert_eq!(refusal, format!("there is no codec {word:?}{known}"));
        }
    }
}
