//! Quantized weights in the order in which the processor wants them.
//!
//! A file keeps the codes of one output together. A vector instruction wants the same inputs of many
//! outputs, so that its lanes are sums of their own and activations are broadcast. Packing moves the
//! bytes once, at load, and changes no value: a packed matrix is as large as the stored one, within
//! three percent.

pub(crate) mod kind;
mod layout;
mod read;
mod visits;
mod write;

use std::fmt;
use std::ops::Range;

use crate::layout::SUB_BLOCK;
use crate::{Format, ShapeError};
pub(crate) use layout::{GROUP, Layout, PANEL, VECTOR};
pub(crate) use visits::visits;
pub use write::pack;

/// A packed weight matrix of `rows` outputs by `cols` inputs, over bytes that [`pack`] wrote.
///
/// Bytes at a multiple of 64 are fastest; any alignment works.
#[derive(Clone, Copy)]
pub struct Packed<'a> {
    format: Format,
    rows: usize,
    cols: usize,
    panel_bytes: usize,
    bytes: &'a [u8],
}

impl<'a> Packed<'a> {
    /// Bytes of a packed matrix; `None` where `format` is not quantized, `cols` is no whole number of
    /// its blocks, or the product overflows.
    #[must_use]
    pub fn len(format: Format, rows: usize, cols: usize) -> Option<usize> {
        if !format.is_quantized() || !cols.is_multiple_of(format.block_len()) {
            return None;
        }
        let panel = (cols / format.block_len()).checked_mul(Layout::of(format).block_bytes())?;
        rows.div_ceil(PANEL).checked_mul(panel)
    }

    /// Checks that `bytes` have the length of a packed matrix.
    ///
    /// # Errors
    ///
    /// As [`Matrix::new`](crate::Matrix::new); a float format is [`ShapeError::NotPacked`].
    pub fn new(
        format: Format,
        rows: usize,
        cols: usize,
        bytes: &'a [u8],
    ) -> Result<Self, ShapeError> {
        if rows == 0 || cols == 0 {
            return Err(ShapeError::Empty { rows, cols });
        }
        if !format.is_quantized() {
            return Err(ShapeError::NotPacked { format });
        }
        if !cols.is_multiple_of(format.block_len()) {
            return Err(ShapeError::PartialBlock { format, cols });
        }
        let (expected, actual) = (Self::len(format, rows, cols), bytes.len());
        if expected != Some(actual) {
            return Err(ShapeError::PackedLength { format, rows, cols, actual, expected });
        }
        Ok(Self { format, rows, cols, panel_bytes: actual / rows.div_ceil(PANEL), bytes })
    }

    /// How the values are stored.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Number of outputs, `N`.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of inputs, `K`.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The bytes of outputs `16 * index..`.
    pub(crate) fn panel(&self, index: usize) -> &'a [u8] {
        self.panels(index..index + 1)
    }

    /// The bytes of some panels.
    pub(crate) fn panels(&self, range: Range<usize>) -> &'a [u8] {
        &self.bytes[range.start * self.panel_bytes..range.end * self.panel_bytes]
    }

    /// Sub-blocks of a row.
    pub(crate) fn sub_blocks(&self) -> usize {
        self.cols / SUB_BLOCK
    }
}

impl fmt::Debug for Packed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packed({} [{}, {}])", self.format, self.rows, self.cols)
    }
}
