//! How a session's keys and values are kept: part of what its text is a function of.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The number format of a session's keys and values. Another format is another text, a little: all
/// stages of a session use the same one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KvFormat {
    /// Exact, and twice the memory of [`KvFormat::F16`].
    F32,
    /// Half precision.
    #[default]
    F16,
    /// Eight-bit integers in small groups with a scale each: a good half of [`KvFormat::F16`].
    Q8,
    /// Four-bit integers in small groups with a scale and a minimum each: a good quarter.
    Q4,
}

/// What a position of an endless text sees: the text's first `sinks` positions, and the last
/// `length`, itself included. What lies between is forgotten, so that the text may go on for ever
/// in bounded memory.
///
/// A model that was never trained to forget puts much of its attention on the first positions
/// whatever they say, and babbles once they are gone: Xiao et al. 2023, arXiv:2309.17453.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Parameters", into = "Parameters")]
pub struct StreamWindow {
    parameters: Parameters,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    sinks: u32,
    length: u32,
}

/// A stream window out of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamWindowError {
    /// Four are enough for any model measured so far.
    #[error("{0} sinks of a stream window are more than {max}", max = StreamWindow::SINKS_MAX)]
    Sinks(u32),
    /// Too short for a model to say anything, or longer than any text.
    #[error(
        "a stream window of {0} positions is not within {min} to {max}",
        min = StreamWindow::LENGTH_MIN, max = StreamWindow::LENGTH_MAX
    )]
    Length(u32),
}

impl StreamWindow {
    /// The most sinks.
    pub const SINKS_MAX: u32 = 64;
    /// The shortest window.
    pub const LENGTH_MIN: u32 = 64;
    /// The longest window: beyond the context of any model.
    pub const LENGTH_MAX: u32 = 1 << 20;

    /// Checks the two.
    ///
    /// # Errors
    ///
    /// [`StreamWindowError`] says which is out of its range.
    pub fn new(sinks: u32, length: u32) -> Result<Self, StreamWindowError> {
        Self::try_from(Parameters { sinks, length })
    }

    /// How many of the text's first positions are always seen.
    pub const fn sinks(self) -> u32 {
        self.parameters.sinks
    }

    /// How many of the last positions are seen, the seeing one included.
    pub const fn length(self) -> u32 {
        self.parameters.length
    }

    /// The most positions that one position sees.
    pub const fn seen_max(self) -> u32 {
        self.parameters.sinks + self.parameters.length
    }
}

impl TryFrom<Parameters> for StreamWindow {
    type Error = StreamWindowError;
    fn try_from(parameters: Parameters) -> Result<Self, StreamWindowError> {
        let Parameters { sinks, length } = parameters;
        if sinks > Self::SINKS_MAX {
            return Err(StreamWindowError::Sinks(sinks));
        }
        if !(Self::LENGTH_MIN..=Self::LENGTH_MAX).contains(&length) {
            return Err(StreamWindowError::Length(length));
        }
        Ok(Self { parameters })
    }
}

impl From<StreamWindow> for Parameters {
    fn from(window: StreamWindow) -> Self {
        window.parameters
    }
}

impl fmt::Display for StreamWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sinks and a window of {}", self.sinks(), self.length())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_out_of_its_range_is_refused() {
        assert!(StreamWindow::new(4, 1024).is_ok());
        assert!(StreamWindow::new(64, 64).is_ok());
        assert_eq!(StreamWindow::new(65, 64), Err(StreamWindowError::Sinks(65)));
        for length in [0, 63, StreamWindow::LENGTH_MAX + 1, u32::MAX] {
            assert_eq!(StreamWindow::new(4, length), Err(StreamWindowError::Length(length)));
        }
    }
}
