//! What is wrong with bytes that are no hidden states.

use std::fmt;

use super::{Codec, encoded_len_max, encoded_len_min};

/// Why bytes are no hidden states. The sender is to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireError {
    /// The bytes are too few or too many for the shape.
    Length {
        /// Name of the codec agreed on.
        codec: &'static str,
        /// Rows announced.
        rows: usize,
        /// Values in a row.
        width: usize,
        /// Bytes that such rows have at least.
        least: usize,
        /// Bytes that such rows have at most.
        most: usize,
        /// Bytes received.
        actual: usize,
    },
    /// A row breaks a rule of its codec.
    Block(BlockFault),
}

/// Which rule a block or a part of a row breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockFault {
    /// The scale is negative or not finite.
    Scale,
    /// A code of -128, which no sender produces.
    Code,
    /// More outliers than half the values.
    OutlierCount,
    /// Outlier indices do not ascend, or lie outside the block.
    OutlierIndex,
    /// An entropy code by frequencies that there are none of.
    Frequencies,
    /// An entropy code that does not end where encoding began.
    Entropy,
}

/// As a codec sees it: without the shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowFault {
    /// The bytes end within the row.
    Short,
    /// A rule is broken.
    Broken(BlockFault),
}

impl WireError {
    pub(super) fn length(codec: Codec<'_>, rows: usize, width: usize, actual: usize) -> Self {
        Self::Length {
            codec: codec.name(),
            rows,
            width,
            least: encoded_len_min(codec, rows, width),
            most: encoded_len_max(codec, rows, width),
            actual,
        }
    }
}

impl From<BlockFault> for RowFault {
    fn from(fault: BlockFault) -> Self {
        Self::Broken(fault)
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { codec, rows, width, least, most, actual } => write!(
                f,
                "{actual} bytes are no {rows} rows of {width} values coded as {codec}, \
                 which have {least} to {most}",
            ),
            Self::Block(fault) => f.write_str(match fault {
                BlockFault::Scale => "the scale of a block is negative or not finite",
                BlockFault::Code => "a block holds the code -128, codes start at -127",
                BlockFault::OutlierCount => "a block has more outliers than half its values",
                BlockFault::OutlierIndex => "outlier indices do not ascend within their block",
                BlockFault::Frequencies => "a row is coded by frequencies that do not exist",
                BlockFault::Entropy => "the entropy code of a row does not end where it should",
            }),
        }
    }
}

impl std::error::Error for WireError {}
