//! Half-open ranges of transformer layers.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

/// The layers `start..end`, zero-based and half-open. May be empty: a node that only relays.
/// Ordered by the first layer, then by the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u32, u32)", into = "(u32, u32)")]
pub struct LayerRange {
    start: u32,
    end: u32,
}

/// A range that ends before it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("layer range {start}..{end} ends before it starts")]
pub struct LayerRangeError {
    start: u32,
    end: u32,
}

impl LayerRange {
    /// The layers `start..end`.
    ///
    /// # Errors
    ///
    /// [`LayerRangeError`] where `end < start`.
    pub const fn new(start: u32, end: u32) -> Result<Self, LayerRangeError> {
        if end < start {
            return Err(LayerRangeError { start, end });
        }
        Ok(Self { start, end })
    }

    /// All `layers` of a model.
    pub const fn all(layers: u32) -> Self {
        Self { start: 0, end: layers }
    }

    /// The first layer.
    pub const fn start(self) -> u32 {
        self.start
    }

    /// One past the last layer.
    pub const fn end(self) -> u32 {
        self.end
    }

    /// How many layers.
    pub const fn len(self) -> u32 {
        self.end - self.start
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Whether every layer of `other` is one of ours. An empty range is within any.
    pub const fn contains(self, other: Self) -> bool {
        other.is_empty() || (self.start <= other.start && other.end <= self.end)
    }

    /// The layers in order.
    pub const fn iter(self) -> Range<u32> {
        self.start..self.end
    }
}

impl TryFrom<(u32, u32)> for LayerRange {
    type Error = LayerRangeError;
    fn try_from((start, end): (u32, u32)) -> Result<Self, LayerRangeError> {
        Self::new(start, end)
    }
}

impl From<LayerRange> for (u32, u32) {
    fn from(range: LayerRange) -> Self {
        (range.start, range.end)
    }
}

impl fmt::Display for LayerRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_ends_before_it_starts_is_refused() {
        assert!(LayerRange::new(3, 2).is_err());
        assert!(LayerRange::new(3, 3).is_ok_and(LayerRange::is_empty));
    }

    #[test]
    fn an_empty_range_is_within_any() {
        let tail = LayerRange::new(4, 6).unwrap();
        assert!(tail.contains(LayerRange::new(0, 0).unwrap()));
        assert!(tail.contains(LayerRange::new(5, 6).unwrap()));
        assert!(!tail.contains(LayerRange::new(3, 5).unwrap()));
    }
}
