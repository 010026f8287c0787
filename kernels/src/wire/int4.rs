//! The `Int4` codec: parts of 2048 values, the last of a row possibly shorter, rotated, in blocks of 32
//! codes, the last one filled up with codes that say nothing.
//!
//! ```text
//! part      = count:u16 outliers:[index:u16 value:f32; count] blocks
//!           | 65535:u16 values:[f32; n]                         an exact part
//! block     = scale:bf16 codes:[u8; 16]
//! ```
//!
//! All numbers little-endian. Byte `j` holds code `j` in its lower four bits and code `j + 16` in
//! its upper four, each a two's complement of -8 to 7. What a code times its scale gives is rotated
//! back: in pieces of [`PIECE`] values, then the largest powers of two that are left, each multiplied by
//! the Hadamard matrix of its size. Then the outliers take their places, indices ascending.
//!
//! Outliers are what lies far above the part's median, as in [`int8`](super::int8): the massive
//! activations, and the few channels that are tens of times the others. They are zeros before the
//! rotation, which spreads what is left so evenly that a block's largest value is about twice its
//! root mean square; without them gone, it would spread them too.
//!
//! Error bound: a block's largest value in magnitude becomes the code -8, so that a value within is off
//! by half a scale, and one on the other side of zero by one scale at most: by `absmax / 8`. The
//! rotation is orthonormal, so the root mean square of the errors of a piece is that before it: at most
//! an eighth of the largest magnitude in the rotated piece, and about a fourteenth of its root mean
//! square as measured.

use super::PART;
use super::error::{BlockFault, RowFault};
use super::float::{decode_f32, encode_f32};
use super::rare::for_each_rare;
use crate::hadamard::rotate_piece;
use crate::quantize::SMALLEST;

pub(crate) const BLOCK: usize = 32;

/// The codes of a block.
pub(crate) type Packed = [u8; BLOCK / 2];

/// Values that are rotated together, at most; a power of two.
const PIECE: usize = 256;

/// A value this many times the median magnitude is an outlier; the sender's choice.
pub(super) const OUTLIER_RATIO: f32 = 16.0;

/// Marks a part whose values are all exact.
const EXACT: u16 = u16::MAX;

const COUNT_BYTES: usize = 2;
const SCALE_BYTES: usize = 2;
const OUTLIER_BYTES: usize = 6;

/// Bytes of a row at least: no outliers.
pub(super) fn row_len_min(width: usize) -> usize {
    // A part is a whole number of blocks, but for the last one.
    let blocks = width.div_ceil(BLOCK).saturating_mul(SCALE_BYTES + BLOCK / 2);
    blocks.saturating_add(width.div_ceil(PART).saturating_mul(COUNT_BYTES))
}

/// Bytes of a row at most. An exact part has `4 n + 2` bytes, and one whose outliers are half of it has
/// `3 n` more than the least: both within `3.5 n` more than that.
pub(super) fn row_len_max(width: usize) -> usize {
    row_len_min(width).saturating_add(width.saturating_mul(7).div_ceil(2))
}

/// Appends one row.
#[inline(always)]
pub(crate) fn encode_row(
    row: &[f32],
    bytes: &mut Vec<u8>,
    pack: impl Fn(&[f32; BLOCK], f32) -> Packed,
) {
    for part in row.chunks(PART) {
        encode_part(part, bytes, &pack);
    }
}

#[inline(always)]
fn encode_part(part: &[f32], bytes: &mut Vec<u8>, pack: impl Fn(&[f32; BLOCK], f32) -> Packed) {
    let limit = OUTLIER_RATIO * median_magnitude(part);
    // NaN compares false, so it is an outlier too.
    let inlier = |x: f32| x.abs() <= limit;
    let mut rotated = [0.0; PART];
    let rotated = &mut rotated[..part.len()];
    let mut count: u16 = 0;
    for (rotated, &x) in rotated.iter_mut().zip(part) {
        *rotated = if inlier(x) { x } else { 0.0 };
        count = count.wrapping_add(u16::from(!inlier(x)));
    }
    // Sums of a piece and the scales of its blocks stay finite by a wide margin.
    let holds = (limit * 1e4).is_finite() && usize::from(count) <= part.len() / 2;
    if !holds {
        bytes.extend_from_slice(&EXACT.to_le_bytes());
        return encode_f32(part, bytes);
    }
    bytes.extend_from_slice(&count.to_le_bytes());
    for_each_rare(
        part,
        |x| !inlier(x),
        |index| {
            let place = u16::try_from(index).expect("a part is shorter");
            bytes.extend_from_slice(&place.to_le_bytes());
            bytes.extend_from_slice(&part[index].to_le_bytes());
        },
    );
    for_each_piece(rotated, rotate_piece);
    let (blocks, rest) = rotated.as_chunks();
    for block in blocks {
        encode_block(block, &pack, bytes);
    }
    if !rest.is_empty() {
        let mut last = [0.0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        encode_block(&last, &pack, bytes);
    }
}

/// The lower median, rounded down to the precision of a bf16; infinite or NaN where half of the part is.
#[inline(always)]
fn median_magnitude(part: &[f32]) -> f32 {
    let mut upper = [0; PART];
    let upper = &mut upper[..part.len()];
    for (upper, x) in upper.iter_mut().zip(part) {
        let [.., a, b] = x.abs().to_le_bytes();
        *upper = i16::from_le_bytes([a, b]);
    }
    // The largest number that at most the lower half lies below, bit by bit.
    let middle = (part.len() - 1) / 2;
    let mut median = 0;
    for bit in (0..15).rev() {
        let candidate = median | 1 << bit;
        let below = |count: u16, upper: &i16| count.wrapping_add(u16::from(*upper < candidate));
        if usize::from(upper.iter().fold(0, below)) <= middle {
            median = candidate;
        }
    }
    widened(median.cast_unsigned())
}

/// The `f32` of a `bf16`.
#[inline(always)]
fn widened(upper: u16) -> f32 {
    f32::from_bits(u32::from(upper) << 16)
}

/// Calls `rotate` for the pieces of a part.
#[inline(always)]
fn for_each_piece(part: &mut [f32], rotate: impl Fn(&mut [f32])) {
    let (pieces, mut rest) = part.as_chunks_mut::<PIECE>();
    for piece in pieces {
        rotate(piece);
    }
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at_mut(1 << rest.len().ilog2());
        rotate(piece);
        rest = behind;
    }
}

#[inline(always)]
fn encode_block(
    block: &[f32; BLOCK],
    pack: impl Fn(&[f32; BLOCK], f32) -> Packed,
    bytes: &mut Vec<u8>,
) {
    let loudest = block.iter().fold(0, |most, x| x.abs().to_bits().max(most));
    let positive = block.iter().fold(false, |any, x| any | (x.to_bits() == loudest));
    let loudest = f32::from_bits(loudest);
    let scale = if loudest < SMALLEST { 0.0 } else { loudest / if positive { -8.0 } else { 8.0 } };
    // Rounded to the nearest, ties away from zero.
    let [.., a, b] = (scale.to_bits() + 0x8000).to_le_bytes();
    let scale = widened(u16::from_le_bytes([a, b]));
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    bytes.extend_from_slice(&[a, b]);
    bytes.extend_from_slice(&pack(block, inverse));
}

/// The codes of `block` times `inverse`, which is -8.1 at least: rounded, ties to even, and 7 at most.
pub(crate) fn pack(block: &[f32; BLOCK], inverse: f32) -> Packed {
    let code = |x: f32| (x * inverse).min(7.0).round_ties_even();
    #[expect(clippy::cast_possible_truncation, reason = "-8 to 7")]
    let code = |x: f32| (code(x) as i8).cast_unsigned() & 0xf;
    std::array::from_fn(|j| code(block[j]) | code(block[j + BLOCK / 2]) << 4)
}

/// Each code times `scale`.
pub(crate) fn unpack(codes: &Packed, scale: f32) -> [f32; BLOCK] {
    std::array::from_fn(|i| {
        let code = codes[i % (BLOCK / 2)] >> (i / (BLOCK / 2) * 4);
        f32::from((code << 4).cast_signed() >> 4) * scale
    })
}

/// Fills one row and returns the bytes behind it.
#[inline(always)]
pub(crate) fn decode_row<'a>(
    mut bytes: &'a [u8],
    row: &mut [f32],
    unpack: impl Fn(&Packed, f32) -> [f32; BLOCK],
) -> Result<&'a [u8], RowFault> {
    for part in row.chunks_mut(PART) {
        bytes = decode_part(bytes, part, &unpack)?;
    }
    Ok(bytes)
}

#[inline(always)]
fn decode_part<'a>(
    bytes: &'a [u8],
    part: &mut [f32],
    unpack: impl Fn(&Packed, f32) -> [f32; BLOCK],
) -> Result<&'a [u8], RowFault> {
    let (count, rest) = bytes.split_first_chunk().ok_or(RowFault::Short)?;
    let count = u16::from_le_bytes(*count);
    if count == EXACT {
        return decode_f32(rest, part);
    }
    let count = usize::from(count);
    if count > part.len() / 2 {
        return Err(BlockFault::OutlierCount.into());
    }
    let outliers = rest.split_at_checked(OUTLIER_BYTES * count);
    let (outliers, mut rest) = outliers.ok_or(RowFault::Short)?;
    let (blocks, last) = part.as_chunks_mut();
    for block in blocks {
        (*block, rest) = decode_block(rest, &unpack)?;
    }
    if !last.is_empty() {
        let (block, behind) = decode_block(rest, &unpack)?;
        last.copy_from_slice(&block[..last.len()]);
        rest = behind;
    }
    for_each_piece(part, rotate_piece);
    place_outliers(outliers, part)?;
    Ok(rest)
}

#[inline(always)]
fn decode_block(
    bytes: &[u8],
    unpack: impl Fn(&Packed, f32) -> [f32; BLOCK],
) -> Result<([f32; BLOCK], &[u8]), RowFault> {
    let (scale, rest) = bytes.split_first_chunk().ok_or(RowFault::Short)?;
    let (codes, rest) = rest.split_first_chunk().ok_or(RowFault::Short)?;
    let scale = widened(u16::from_le_bytes(*scale));
    if !scale.is_finite() {
        return Err(BlockFault::Scale.into());
    }
    Ok((unpack(codes, scale), rest))
}

fn place_outliers(outliers: &[u8], part: &mut [f32]) -> Result<(), BlockFault> {
    let mut next = 0;
    for &[a, b, ref value @ ..] in outliers.as_chunks::<OUTLIER_BYTES>().0 {
        let index = usize::from(u16::from_le_bytes([a, b]));
        let slot = part.get_mut(index).filter(|_| index >= next);
        *slot.ok_or(BlockFault::OutlierIndex)? = f32::from_le_bytes(*value);
        next = index + 1;
    }
    Ok(())
}
