//! Hidden states as bytes for a hop between stages.
//!
//! Rows are coded independently, so a row's bytes do not depend on what travels with it. Decoding
//! takes bytes from a peer: every count is checked before use, nothing is allocated that the bytes
//! at hand could not fill, and any input gives values or an error.
//!
//! | codec | bits a value | what is lost |
//! |---|---|---|
//! | [`F32`](Codec::F32) | 32 | nothing |
//! | [`F16`](Codec::F16) | 16 | 2^-11 of each value |
//! | [`Int8`](Codec::Int8) | 8.6 | 1/254 of the largest of 64 neighbours |
//! | [`Int4`](Codec::Int4) | 4.6 | about 21 dB below a part's mean square |
//! | [`Scaled`](Codec::Scaled) | 2 to 6.5 | half a step of the channel |
//!
//! In all of them values that would cost their neighbours precision travel exactly.

mod error;
pub(crate) mod float;
pub(crate) mod int4;
pub(crate) mod int8;
mod rare;
pub(crate) mod scaled;
mod steps;
#[cfg(test)]
mod tests;

pub use error::{BlockFault, WireError};
pub use scaled::{Calibration, Level};
pub(crate) use steps::Steps;

use crate::table::{self, Table};
pub(crate) use error::RowFault;

/// Values that [`Codec::Int4`] and [`Codec::Scaled`] code together, at most: a row is cut into parts of
/// this many, the last one possibly shorter.
const PART: usize = 2048;

/// The number format of hidden states on a hop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Codec<'a> {
    /// `f32`, little-endian: exact.
    F32,
    /// `f16`, little-endian: 11 significant bits; finite values beyond 65504 become 65504.
    F16,
    /// Blocks of 64 values that share a scale, outliers exact; 8.6 bits a value without any.
    Int8,
    /// Rotated, then blocks of 32 values that share a scale, outliers exact; 4.5 bits a value without
    /// any.
    Int4,
    /// Multiples of a step for each channel, entropy coded, outliers exact.
    Scaled {
        /// How fine the steps are.
        level: Level,
        /// What is usual for each channel, `[width]`: those of a [`Calibration`], the same on both
        /// sides. A channel whose scale is no number above zero is coded exactly.
        scales: &'a [f32],
    },
}

impl Codec<'_> {
    /// The variant's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Int8 => "Int8",
            Self::Int4 => "Int4",
            Self::Scaled { .. } => "Scaled",
        }
    }

    /// Bytes of a row of `width` values at least and at most; saturates.
    fn row_len(self, width: usize) -> (usize, usize) {
        match self {
            Self::F32 => (width.saturating_mul(4), width.saturating_mul(4)),
            Self::F16 => (width.saturating_mul(2), width.saturating_mul(2)),
            Self::Int8 => (int8::row_len_min(width), int8::row_len_max(width)),
            Self::Int4 => (int4::row_len_min(width), int4::row_len_max(width)),
            Self::Scaled { .. } => (scaled::row_len_min(width), scaled::row_len_max(width)),
        }
    }

    fn assert_fits(self, width: usize) {
        if let Self::Scaled { scales, .. } = self {
            assert_eq!(scales.len(), width, "a scale for each channel");
        }
    }
}

/// Bytes that `rows` rows of `width` values need at most; saturates.
#[must_use]
pub fn encoded_len_max(codec: Codec<'_>, rows: usize, width: usize) -> usize {
    rows.saturating_mul(codec.row_len(width).1)
}

/// Bytes that `rows` rows of `width` values need at least; saturates.
fn encoded_len_min(codec: Codec<'_>, rows: usize, width: usize) -> usize {
    rows.saturating_mul(codec.row_len(width).0)
}

/// Encodes `x`, `[T, width]`.
///
/// # Panics
///
/// As [`append`].
#[must_use]
pub fn encode(codec: Codec<'_>, x: &[f32], width: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(codec, x, width, &mut bytes);
    bytes
}

/// Encodes `x`, `[T, width]`, to the end of `bytes`.
///
/// # Panics
///
/// Where `width` is zero, `x` is no whole number of rows, or the codec has scales for another width.
pub fn append(codec: Codec<'_>, x: &[f32], width: usize, bytes: &mut Vec<u8>) {
    append_with(table::current(), codec, x, width, bytes);
}

/// [`append`] by the functions of `table`.
fn append_with(table: &Table, codec: Codec<'_>, x: &[f32], width: usize, bytes: &mut Vec<u8>) {
    assert!(width > 0 && x.len().is_multiple_of(width), "x is [T, {width}]");
    codec.assert_fits(width);
    bytes.reserve(encoded_len_min(codec, x.len() / width, width));
    for row in x.chunks_exact(width) {
        match codec {
            Codec::F32 => float::encode_f32(row, bytes),
            Codec::F16 => (table.wire.encode_f16)(row, bytes),
            Codec::Int8 => (table.wire.encode_int8)(row, bytes),
            Codec::Int4 => (table.wire.encode_int4)(row, bytes),
            Codec::Scaled { level, scales } => {
                (table.wire.encode_scaled)(row, level, scales, bytes);
            }
        }
    }
}

/// Decodes `rows` rows of `width` values, `[rows, width]`.
///
/// Allocates these, once the bytes are enough for them: that is at most 4 times their length, 8 times
/// for `Int4`, and 512 times for `Scaled`, where a silent row has hardly any bytes. A caller who means
/// less caps `rows` and `width`.
///
/// # Errors
///
/// - [`WireError::Length`]: too few bytes for the shape, or some left over.
/// - [`WireError::Block`]: a row breaks the rules of its codec.
///
/// # Panics
///
/// Where the codec has scales for another width.
pub fn decode(
    codec: Codec<'_>,
    bytes: &[u8],
    rows: usize,
    width: usize,
) -> Result<Vec<f32>, WireError> {
    codec.assert_fits(width);
    let least = encoded_len_min(codec, rows, width);
    let most = encoded_len_max(codec, rows, width);
    let values = rows.checked_mul(width).filter(|_| (least..=most).contains(&bytes.len()));
    let values = values.ok_or_else(|| WireError::length(codec, rows, width, bytes.len()))?;
    let mut out = vec![0.0; values];
    if !out.is_empty() {
        // Rows of no values may be announced in any number.
        decode_with(table::current(), codec, bytes, width, &mut out)?;
    }
    Ok(out)
}

/// Decodes rows of `width` values into `out`, `[T, width]`.
///
/// # Errors
///
/// As [`decode`]; `out` is then unspecified.
///
/// # Panics
///
/// Where `width` is zero, `out` is no whole number of rows, or the codec has scales for another width.
pub fn decode_into(
    codec: Codec<'_>,
    bytes: &[u8],
    width: usize,
    out: &mut [f32],
) -> Result<(), WireError> {
    decode_with(table::current(), codec, bytes, width, out)
}

/// [`decode_into`] by the functions of `table`.
fn decode_with(
    table: &Table,
    codec: Codec<'_>,
    bytes: &[u8],
    width: usize,
    out: &mut [f32],
) -> Result<(), WireError> {
    assert!(width > 0 && out.len().is_multiple_of(width), "out is [T, {width}]");
    codec.assert_fits(width);
    let rows = out.len() / width;
    let wrong_length = || WireError::length(codec, rows, width, bytes.len());
    let mut rest = bytes;
    for row in out.chunks_exact_mut(width) {
        let decoded = match codec {
            Codec::F32 => float::decode_f32(rest, row),
            Codec::F16 => (table.wire.decode_f16)(rest, row),
            Codec::Int8 => (table.wire.decode_int8)(rest, row),
            Codec::Int4 => (table.wire.decode_int4)(rest, row),
            Codec::Scaled { level, scales } => (table.wire.decode_scaled)(rest, level, scales, row),
        };
        rest = decoded.map_err(|fault| match fault {
            RowFault::Short => wrong_length(),
            RowFault::Broken(fault) => WireError::Block(fault),
        })?;
    }
    if rest.is_empty() { Ok(()) } else { Err(wrong_length()) }
}
