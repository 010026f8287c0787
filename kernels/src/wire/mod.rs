//! Hidden states as bytes for a hop between stages.
//!
//! Rows are coded independently, so a row's bytes do not depend on what travels with it. Decoding
//! takes bytes from a peer: every count is checked before use, nothing is allocated that the bytes
//! at hand could not fill, and any input gives values or an error.

mod int8;
#[cfg(test)]
mod tests;

use std::fmt;

/// The number format of hidden states on a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// `f32`, little-endian: exact.
    F32,
    /// `f16`, little-endian: 11 significant bits; finite values beyond 65504 become 65504.
    F16,
    /// Blocks of 64 values that share a scale, outliers exact; 8.6 bits a value without any.
    Int8,
}

/// Bytes that `rows` rows of `width` values need at most; saturates.
#[must_use]
pub fn encoded_len_max(codec: Codec, rows: usize, width: usize) -> usize {
    let row = match codec {
        Codec::F32 => width.saturating_mul(4),
        Codec::F16 => width.saturating_mul(2),
        Codec::Int8 => int8::row_len_max(width),
    };
    rows.saturating_mul(row)
}

/// Bytes that `rows` rows of `width` values need at least; saturates.
fn encoded_len_min(codec: Codec, rows: usize, width: usize) -> usize {
    match codec {
        Codec::F32 | Codec::F16 => encoded_len_max(codec, rows, width),
        Codec::Int8 => rows.saturating_mul(int8::row_len_min(width)),
    }
}

/// Encodes `x`, `[T, width]`.
///
/// # Panics
///
/// Where `width` is zero or `x` is no whole number of rows.
#[must_use]
pub fn encode(codec: Codec, x: &[f32], width: usize) -> Vec<u8> {
    assert!(width > 0 && x.len().is_multiple_of(width), "x is [T, {width}]");
    match codec {
        Codec::F32 => x.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Codec::F16 => x.iter().flat_map(|&x| to_half(x).to_le_bytes()).collect(),
        Codec::Int8 => {
            let mut bytes = Vec::with_capacity(encoded_len_min(codec, x.len() / width, width));
            x.chunks_exact(width).for_each(|row| int8::encode_row(row, &mut bytes));
            bytes
        }
    }
}

/// Decodes `rows` rows of `width` values, `[rows, width]`.
///
/// Allocates at most four times the length of `bytes`.
///
/// # Errors
///
/// - [`WireError::Length`]: too few bytes for the shape, or some left over.
/// - [`WireError::Block`]: a block of the `Int8` codec breaks its own rules.
pub fn decode(
    codec: Codec,
    bytes: &[u8],
    rows: usize,
    width: usize,
) -> Result<Vec<f32>, WireError> {
    let wrong_length = WireError::Length { codec, rows, width, actual: bytes.len() };
    let least = encoded_len_min(codec, rows, width);
    let most = encoded_len_max(codec, rows, width);
    let values = rows.checked_mul(width).filter(|_| (least..=most).contains(&bytes.len()));
    let Some(values) = values else { return Err(wrong_length) };
    if values == 0 {
        // Not left to the loop below: rows of no values may be announced in any number.
        return Ok(Vec::new());
    }
    match codec {
        Codec::F32 => Ok(bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect()),
        Codec::F16 => {
            let halves = bytes.as_chunks().0.iter();
            Ok(halves.map(|&b| half::f16::from_le_bytes(b).to_f32()).collect())
        }
        Codec::Int8 => {
            let mut out = Vec::with_capacity(values);
            let mut rest = bytes;
            for _ in 0..rows {
                rest =
                    int8::decode_row(rest, width, &mut out)?.ok_or_else(|| wrong_length.clone())?;
            }
            if rest.is_empty() { Ok(out) } else { Err(wrong_length) }
        }
    }
}

/// `x` rounded to half precision, with finite values kept finite.
fn to_half(x: f32) -> half::f16 {
    let limit = half::f16::MAX.to_f32();
    half::f16::from_f32(if x.is_finite() { x.clamp(-limit, limit) } else { x })
}

/// Why bytes are no hidden states. The sender is to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireError {
    /// The bytes are too few or too many for the shape.
    Length {
        /// The codec agreed on.
        codec: Codec,
        /// Rows announced.
        rows: usize,
        /// Values in a row.
        width: usize,
        /// Bytes received.
        actual: usize,
    },
    /// A block breaks a rule.
    Block(BlockFault),
}

/// Which rule a block of the `Int8` codec breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockFault {
    /// The scale is negative or not finite.
    Scale,
    /// A code of -128, which no sender produces.
    Code,
    /// More outliers than half a block.
    OutlierCount,
    /// Outlier indices do not ascend, or lie outside the block.
    OutlierIndex,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { codec, rows, width, actual } => write!(
                f,
                "{actual} bytes are no {rows} rows of {width} values coded as {codec:?}, \
                 which have {} to {}",
                encoded_len_min(*codec, *rows, *width),
                encoded_len_max(*codec, *rows, *width),
            ),
            Self::Block(fault) => f.write_str(match fault {
                BlockFault::Scale => "the scale of a block is negative or not finite",
                BlockFault::Code => "a block holds the code -128, codes start at -127",
                BlockFault::OutlierCount => "a block has more outliers than half its values",
                BlockFault::OutlierIndex => "outlier indices do not ascend within their block",
            }),
        }
    }
}

impl std::error::Error for WireError {}
