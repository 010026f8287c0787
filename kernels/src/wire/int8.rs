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

use super::error::{BlockFault, RowFault};
use super::float::{decode_f32, encode_f32};
use super::rare::for_each_rare;
use crate::quantize::block_scale;

const BLOCK: usize = 64;

/// A value this many times the block's median magnitude is an outlier. The codes then resolve an
/// eighth of the median; the sender's choice, receivers do not depend on it.
pub(super) const OUTLIER_RATIO: f32 = 16.0;

/// Marks a block whose values are all exact.
const EXACT: u8 = 255;

/// Added to a number of magnitude below 2^22, it rounds it to an integer, ties to even, and leaves that
/// in the lowest bits of the sum.
const ROUNDER: f32 = 12_582_912.0;

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
#[inline(always)]
pub(crate) fn encode_row(row: &[f32], bytes: &mut Vec<u8>) {
    let (blocks, rest) = row.as_chunks::<BLOCK>();
    for block in blocks {
        encode_block(block, bytes);
    }
    if !rest.is_empty() {
        encode_block(rest, bytes);
    }
}

#[inline(always)]
fn encode_block(block: &[f32], bytes: &mut Vec<u8>) {
    let limit = loudest_inlier(block);
    // Twice the limit, so that no code times its scale overflows.
    if !(2.0 * limit).is_finite() {
        bytes.push(EXACT);
        return encode_f32(block, bytes);
    }
    // NaN compares false, so it is an outlier too.
    let inlier = |x: f32| x.abs() <= limit;
    let at = bytes.len();
    push_codes(block, limit, inlier, bytes);
    for_each_rare(
        block,
        |x| !inlier(x),
        |index| {
            bytes[at] += 1;
            bytes.push(u8::try_from(index).expect("a block is shorter"));
            bytes.extend(block[index].to_le_bytes());
        },
    );
}

/// The largest magnitude of at most [`OUTLIER_RATIO`] times the block's lower median; infinite or NaN
/// where half of the block is.
///
/// Finds no median: from the loudest downwards, a magnitude is the one sought where no more than the
/// lower half is less than its `OUTLIER_RATIO`th. In most blocks it is the first.
#[inline(always)]
fn loudest_inlier(block: &[f32]) -> f32 {
    // As bits, magnitudes have the order of numbers, then infinity, then NaN.
    let bits = |x: &f32| x.abs().to_bits().cast_signed();
    let mut end = i32::MAX;
    loop {
        let below_end = |x| if bits(x) < end { bits(x) } else { 0 };
        let loudest = block.iter().fold(0, |most, x| below_end(x).max(most));
        let loudest = loudest.cast_unsigned();
        let finite = f32::from_bits(loudest.min(f32::MAX.to_bits()));
        let far =
            |count: u32, x: &f32| count.wrapping_add(u32::from(OUTLIER_RATIO * x.abs() < finite));
        if block.iter().fold(0, far) as usize <= (block.len() - 1) / 2 {
            return f32::from_bits(loudest);
        }
        end = loudest.cast_signed();
    }
}

/// Appends no outliers, the scale, and the codes of `block`, 0 for what is no inlier; the largest of the
/// others is `absmax`.
#[inline(always)]
fn push_codes(block: &[f32], absmax: f32, inlier: impl Fn(f32) -> bool, bytes: &mut Vec<u8>) {
    let (scale, inverse) = block_scale(absmax);
    let mut codes = [0; BLOCK];
    for (code, &x) in codes.iter_mut().zip(block) {
        let scaled = if inlier(x) { x * inverse } else { 0.0 };
        *code = (scaled + ROUNDER).to_bits().to_le_bytes()[0];
    }
    bytes.push(0);
    bytes.extend_from_slice(&scale.to_le_bytes());
    bytes.extend_from_slice(&codes[..block.len()]);
}

/// Fills one row and returns the bytes behind it.
#[inline(always)]
pub(crate) fn decode_row<'a>(mut bytes: &'a [u8], row: &mut [f32]) -> Result<&'a [u8], RowFault> {
    let (blocks, rest) = row.as_chunks_mut::<BLOCK>();
    for block in blocks {
        bytes = decode_block(bytes, block)?;
    }
    if rest.is_empty() { Ok(bytes) } else { decode_block(bytes, rest) }
}

#[inline(always)]
fn decode_block<'a>(bytes: &'a [u8], block: &mut [f32]) -> Result<&'a [u8], RowFault> {
    let (&count, rest) = bytes.split_first().ok_or(RowFault::Short)?;
    if count == EXACT {
        return decode_f32(rest, block);
    }
    let count = usize::from(count);
    if count > block.len() / 2 {
        return Err(BlockFault::OutlierCount.into());
    }
    let (scale, rest) = rest.split_first_chunk().ok_or(RowFault::Short)?;
    let (codes, rest) = rest.split_at_checked(block.len()).ok_or(RowFault::Short)?;
    let outliers = rest.split_at_checked(OUTLIER_BYTES * count);
    let (outliers, rest) = outliers.ok_or(RowFault::Short)?;
    let scale = f32::from_le_bytes(*scale);
    if !(scale.is_finite() && scale >= 0.0) {
        return Err(BlockFault::Scale.into());
    }
    let mut wrong = false;
    for (x, code) in block.iter_mut().zip(codes) {
        let code = code.cast_signed();
        wrong |= code == i8::MIN;
        *x = f32::from(code) * scale;
    }
    if wrong {
        return Err(BlockFault::Code.into());
    }
    place_outliers(outliers, block)?;
    Ok(rest)
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
