//! The number formats of hidden states on a hop, and what is usual for their channels.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Number format of hidden states on a hop. Files spell it as a word, messages as a byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WireCodec {
    /// Exact.
    #[default]
    F32,
    /// Half precision.
    F16,
    /// Eight-bit integers in blocks of 64 with a scale each, outliers exact.
    Int8,
    /// Rotated, then four-bit integers in blocks of 32 with a scale each, outliers exact.
    Int4,
    /// Multiples of a step that follows what is usual for the channel, entropy coded: level 0 has the
    /// finest steps, each level half a bit a value less.
    Scaled(u8),
}

/// A word or a byte that names no codec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no codec {0:?}; codecs are f32, f16, int8, int4, scaled-0 to scaled-{max}",
    max = WireCodec::LEVEL_MAX
)]
pub struct UnknownCodec(String);

impl WireCodec {
    /// The coarsest level of [`Self::Scaled`].
    pub const LEVEL_MAX: u8 = 9;

    /// The byte of level 0 of [`Self::Scaled`].
    const SCALED: u8 = 16;

    /// All of them, exact ones first.
    pub fn all() -> impl Iterator<Item = Self> {
        let levels = (0..=Self::LEVEL_MAX).map(Self::Scaled);
        [Self::F32, Self::F16, Self::Int8, Self::Int4].into_iter().chain(levels)
    }

    /// Whether both ends need the scales of a calibration.
    pub const fn is_calibrated(self) -> bool {
        match self {
            Self::F32 | Self::F16 | Self::Int8 | Self::Int4 => false,
            Self::Scaled(_) => true,
        }
    }

    const fn to_byte(self) -> u8 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Int8 => 2,
            Self::Int4 => 3,
            Self::Scaled(level) => Self::SCALED + level,
        }
    }
}

impl fmt::Display for WireCodec {
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

impl FromStr for WireCodec {
    type Err = UnknownCodec;
    fn from_str(word: &str) -> Result<Self, UnknownCodec> {
        let found = Self::all().find(|codec| codec.to_string() == word);
        found.ok_or_else(|| UnknownCodec(word.to_owned()))
    }
}

impl Serialize for WireCodec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => serializer.collect_str(self),
            false => self.to_byte().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for WireCodec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return String::deserialize(deserializer)?.parse().map_err(D::Error::custom);
        }
        let byte = u8::deserialize(deserializer)?;
        let found = Self::all().find(|codec| codec.to_byte() == byte);
        found.ok_or_else(|| D::Error::custom(UnknownCodec(byte.to_string())))
    }
}

/// What is usual for a channel of hidden states at a boundary between layers: a power of two, in eighths of
/// an octave from 2^-16 to almost 2^16. One byte, because a step needs no more precision and both ends of a
/// hop need one for every channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChannelScale(pub u8);

impl ChannelScale {
    /// `2^(i/8)` for `i` from 0 to 7, correctly rounded.
    const EIGHTHS: [f32; 8] = [
        1.0,
        1.090_507_7,
        1.189_207_1,
        1.296_839_6,
        std::f32::consts::SQRT_2,
        1.542_210_8,
        1.681_792_9,
        1.834_008_1,
    ];

    /// Exponent of the least scale.
    const EXPONENT_MIN: i32 = -16;

    /// The scale nearest to `value`, in octaves; the least one for what is no number above zero.
    pub fn nearest(value: f32) -> Self {
        let distance = |scale: &Self| (scale.value() / value).max(value / scale.value());
        let all = (0..=u8::MAX).map(Self);
        let found = all.min_by(|a, b| distance(a).total_cmp(&distance(b)));
        found.filter(|_| value > 0.0).unwrap_or(Self(0))
    }

    /// The scale itself: the same bits on every machine.
    ///
    /// # Panics
    ///
    /// Never: exponents are from 111 to 142.
    pub fn value(self) -> f32 {
        let octaves = i32::from(self.0 / 8) + Self::EXPONENT_MIN;
        let exponent = u32::try_from(octaves + 127).expect("from 111 to 142");
        Self::EIGHTHS[usize::from(self.0 % 8)] * f32::from_bits(exponent << 23)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_are_spelled_as_they_are_read() {
        for codec in WireCodec::all() {
            assert_eq!(codec.to_string().parse(), Ok(codec));
        }
        assert_eq!("scaled-9".parse(), Ok(WireCodec::Scaled(9)));
        for word in ["scaled-10", "scaled-", "scaled-01", "F32", ""] {
            let refusal = word.parse::<WireCodec>().unwrap_err().to_string();
            let known = "; codecs are f32, f16, int8, int4, scaled-0 to scaled-9";
            assert_eq!(refusal, format!("there is no codec {word:?}{known}"));
        }
    }

    #[test]
    fn codecs_have_bytes_of_their_own() {
        let mut bytes: Vec<_> = WireCodec::all().map(WireCodec::to_byte).collect();
        assert_eq!(bytes[..4], [0, 1, 2, 3]);
        bytes.dedup();
        assert_eq!(bytes.len(), 14);
    }

    #[test]
    fn scales_are_an_eighth_of_an_octave_apart() {
        for byte in 0..u8::MAX {
            let (scale, next) = (ChannelScale(byte).value(), ChannelScale(byte + 1).value());
            assert!((next / scale - 2_f32.powf(0.125)).abs() < 1e-6, "{byte}");
            assert_eq!(ChannelScale::nearest(scale), ChannelScale(byte));
        }
        assert_eq!(ChannelScale(128).value(), 1.0);
        assert_eq!(ChannelScale::nearest(1.04), ChannelScale(128));
        assert_eq!(ChannelScale::nearest(1.05), ChannelScale(129));
    }

    #[test]
    fn what_is_no_scale_becomes_the_least_or_the_largest() {
        for value in [0.0, -1.0, f32::NAN, 1e-30] {
            assert_eq!(ChannelScale::nearest(value), ChannelScale(0), "{value}");
        }
        assert_eq!(ChannelScale::nearest(1e30), ChannelScale(255));
    }
}
