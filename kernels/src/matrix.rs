//! A weight matrix in place: shape, format and borrowed bytes that are known to fit each other.

use std::fmt;

use crate::Format;

/// A weight matrix of `rows` outputs by `cols` inputs, row-major, over bytes of any alignment.
///
/// Row `n` holds the weights of output `n`: `out[t, n] = sum over k of w[n, k] * x[t, k]`.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    format: Format,
    rows: usize,
    cols: usize,
    row_bytes: usize,
    bytes: &'a [u8],
}

impl<'a> Matrix<'a> {
    /// Checks that `bytes` hold exactly `rows` rows of `cols` values of `format`.
    ///
    /// # Errors
    ///
    /// - [`ShapeError::Empty`]: `rows` or `cols` is zero.
    /// - [`ShapeError::PartialBlock`]: `cols` is no multiple of the format's block length.
    /// - [`ShapeError::Length`]: `bytes` has another length than shape and format need.
    pub fn new(
        format: Format,
        rows: usize,
        cols: usize,
        bytes: &'a [u8],
    ) -> Result<Self, ShapeError> {
        if rows == 0 || cols == 0 {
            return Err(ShapeError::Empty { rows, cols });
        }
        let row_bytes = format.row_bytes(cols).ok_or(ShapeError::PartialBlock { format, cols })?;
        if row_bytes.checked_mul(rows) != Some(bytes.len()) {
            let actual = bytes.len();
            return Err(ShapeError::Length { format, rows, cols, actual });
        }
        Ok(Self { format, rows, cols, row_bytes, bytes })
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

    /// The bytes of rows `first..end`; none where there are no such rows. For a table that prefetches.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn rows_from(&self, first: usize, end: usize) -> &'a [u8] {
        self.bytes.get(first * self.row_bytes..end * self.row_bytes).unwrap_or_default()
    }

    /// The bytes of row `row`.
    pub(crate) fn row(&self, row: usize) -> &'a [u8] {
        &self.bytes[row * self.row_bytes..][..self.row_bytes]
    }
}

impl fmt::Debug for Matrix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Matrix({} [{}, {}])", self.format, self.rows, self.cols)
    }
}

/// Why bytes do not make a [`Matrix`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShapeError {
    /// A matrix needs at least one row and one column.
    Empty {
        /// Outputs asked for.
        rows: usize,
        /// Inputs asked for.
        cols: usize,
    },
    /// A row is no whole number of quant blocks.
    PartialBlock {
        /// The format whose blocks do not fit.
        format: Format,
        /// Inputs asked for.
        cols: usize,
    },
    /// The bytes are too few or too many.
    Length {
        /// The format asked for.
        format: Format,
        /// Outputs asked for.
        rows: usize,
        /// Inputs asked for.
        cols: usize,
        /// Bytes given.
        actual: usize,
    },
    /// A float format where packed weights were asked for.
    NotPacked {
        /// The format asked for.
        format: Format,
    },
    /// The bytes are no packed matrix of this shape.
    PackedLength {
        /// The format asked for.
        format: Format,
        /// Outputs asked for.
        rows: usize,
        /// Inputs asked for.
        cols: usize,
        /// Bytes given.
        actual: usize,
        /// Bytes it has; `None` where they would overflow.
        expected: Option<usize>,
    },
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { rows, cols } => {
                write!(f, "a weight matrix of {rows} x {cols} has no values")
            }
            Self::PartialBlock { format, cols } => write!(
                f,
                "rows of {cols} values are no whole number of {format} blocks of {}",
                format.block_len()
            ),
            Self::Length { format, rows, cols, actual } => {
                write!(f, "a {format} matrix of {rows} x {cols} cannot have {actual} bytes")?;
                expected_bytes(f, format.row_bytes(*cols).and_then(|row| row.checked_mul(*rows)))
            }
            Self::NotPacked { format } => write!(f, "{format} weights are used as they are stored"),
            Self::PackedLength { format, rows, cols, actual, expected } => {
                write!(
                    f,
                    "a packed {format} matrix of {rows} x {cols} cannot have {actual} bytes"
                )?;
                expected_bytes(f, *expected)
            }
        }
    }
}

fn expected_bytes(f: &mut fmt::Formatter<'_>, expected: Option<usize>) -> fmt::Result {
    match expected {
        Some(expected) => write!(f, ", it has {expected}"),
        None => write!(f, ", its size overflows"),
    }
}

impl std::error::Error for ShapeError {}
