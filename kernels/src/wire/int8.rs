//! The `Int8` codec: blocks of 64 values, the last of a row possibly shorter.
//!
//! ```text
//! block     = count:u8 scale:f32 codes:[i8; n] outliers:[index:u8 value:f32; count]
//!           | 255:u8 values:[f32; n]                      an exact block
//! ```
//!
//! All numbers little-endian. A value is `code * scale`, an outlier's code is 0 and its value stands
//! in the list, indices ascending. Residual streams have a few activations hundreds of times larger
//! than the rest (Sun et al. 2024, arXiv:2402.17762); one of them in a block would leave its
//! neighbours no precision, so it travels exactly.
//!
//! Error bound: a value that is no outlier is off by at most half a scale, `absmax / 254`, where
//! `absmax` is at most [`OUTLIER_RATIO`] times the block's median magnitude.

use super::{BlockFault, WireError};
use crate::quantize::block_scale;

const BLOCK: usize = 64;

/// A value this many times the block's median magnitude is an outlier. The codes then resolve an
/// eighth of the median; the sender's choice, receivers do not depend on it.
pub(super) const OUTLIER_RATIO: f32 = 16.0;

/// Marks a block whose values are all exact.
const EXACT: u8 = 255;

const COUNT_BYTES: usize = 1;
const SCALE_BYTES: usize = 4;
const OUTLIER_BYTES: usize = 5;

/// Bytes of a row at least: no outliers.
pub(super) fn row_len_min(width: usize) -> usize {
    width.saturating_add(width.div_ceil(BLOCK).saturating_mul(COUNT_BYTES + SCALE_BYTES))
}

/// Bytes of a row at most. An exact block has `4 n + 1` bytes and one whose outliers are half of it
/// `3.5 n + 5`: both within `4 n + 5`.
pub(super) fn row_len_max(width: usize) -> usize {
    row_len_min(width).saturating_add(width.saturating_mul(3))
}

/// Appends one row.
pub(super) fn encode_row(row: &[f32], bytes: &mut Vec<u8>) {
    for block in row.chunks(BLOCK) {
        let limit = OUTLIER_RATIO * median_magnitude(block);
        // Twice the limit, so that no code times its scale overflows.
        if (2.0 * limit).is_finite() {
            // NaN compares false, so it is an outlier too.
            encode_block(block, |x| x.abs() <= limit, bytes);
        } else {
            bytes.push(EXACT);
            bytes.extend(block.iter().flat_map(|x| x.to_le_bytes()));
        }
    }
}

/// The lower median, so that at most half of a block lies above it; infinite or NaN where half of
/// the block is.
fn median_magnitude(block: &[f32]) -> f32 {
    let mut magnitudes = [0.0; BLOCK];
    let magnitudes = &mut magnitudes[..block.len()];
    for (magnitude, x) in magnitudes.iter_mut().zip(block) {
        *magnitude = x.abs();
    }
    let middle = (block.len() - 1) / 2;
    *magnitudes.select_nth_unstable_by(middle, f32::total_cmp).1
}

fn encode_block(block: &[f32], inlier: impl Fn(f32) -> bool, bytes: &mut Vec<u8>) {
    let magnitudes = block.iter().filter(|&&x| inlier(x)).map(|x| x.abs());
    let (scale, inverse) = block_scale(magnitudes.fold(0.0, f32::max));
    let outliers = (0_u8..).zip(block).filter(|&(_, &x)| !inlier(x));
    let count = u8::try_from(outliers.clone().count()).expect("a block has 64 values");
    bytes.push(count);
    bytes.extend(scale.to_le_bytes());
    bytes.extend(block.iter().map(|&x| if inlier(x) { code(x * inverse) } else { 0 }));
    for (index, value) in outliers {
        bytes.push(index);
        bytes.extend(value.to_le_bytes());
    }
}

/// `x`, of magnitude 127 at most, as a code's byte.
fn code(x: f32) -> u8 {
    #[expect(clippy::cast_possible_truncation, reason = "rounds to at most 127")]
    let code = x.round_ties_even() as i8;
    code.cast_unsigned()
}

/// Appends the values of one row to `out` and returns the bytes after it; `None` where they end too
/// early.
pub(super) fn decode_row<'a>(
    mut bytes: &'a [u8],
    width: usize,
    out: &mut Vec<f32>,
) -> Result<Option<&'a [u8]>, WireError> {
    let mut left = width;
    while left > 0 {
        let len = left.min(BLOCK);
        match decode_block(bytes, len, out).map_err(WireError::Block)? {
            Some(rest) => bytes = rest,
            None => return Ok(None),
        }
        left -= len;
    }
    Ok(Some(bytes))
}

fn decode_block<'a>(
    bytes: &'a [u8],
    len: usize,
    out: &mut Vec<f32>,
) -> Result<Option<&'a [u8]>, BlockFault> {
    let Some((&count, rest)) = bytes.split_first() else { return Ok(None) };
    if count == EXACT {
        let Some((values, rest)) = rest.split_at_checked(4 * len) else { return Ok(None) };
        out.extend(values.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)));
        return Ok(Some(rest));
    }
    let count = usize::from(count);
    if count > len / 2 {
        return Err(BlockFault::OutlierCount);
    }
    let Some((scale, rest)) = rest.split_first_chunk() else { return Ok(None) };
    let Some((codes, rest)) = rest.split_at_checked(len) else { return Ok(None) };
    let Some((outliers, rest)) = rest.split_at_checked(OUTLIER_BYTES * count) else {
        return Ok(None);
    };
    let scale = f32::from_le_bytes(*scale);
    if !(scale.is_finite() && scale >= 0.0) {
        return Err(BlockFault::Scale);
    }
    if codes.contains(&i8::MIN.cast_unsigned()) {
        return Err(BlockFault::Code);
    }
    let from = out.len();
    out.extend(codes.iter().map(|&code| f32::from(code.cast_signed()) * scale));
    place_outliers(outliers, &mut out[from..])?;
    Ok(Some(rest))
}

fn place_outliers(outliers: &[u8], block: &mut [f32]) -> Result<(), BlockFault> {
    let mut next = 0;
    for &[index, ref value @ ..] in outliers.as_chunks::<OUTLIER_BYTES>().0 {
        let index = usize::from(index);
        let slot = block.get_mut(index).filter(|_| index >= next);
        *slot.ok_or(BlockFault::OutlierIndex)? = f32::from_le_bytes(*value);
        next = index + 1;
    }
    Ok(())
}
