//! The `Int4` codec: parts of 2048 values, the last of a row possibly shorter, in blocks of 32 codes, the
//! last one filled up with zeros.
//!
//! ```text
//! part      = count:u16 outliers:[index:u16 value:f32; count] blocks
//!           | 65535:u16 values:[f32; n]                         an exact part
//! block     = scale:bf16 codes:[u8; 16]
//! ```
//!
//! All numbers little-endian. Byte `j` holds code `j` in its lower four bits and code `j + 16` in its
//! upper four, each a two's complement of -8 to 7. The values of a block are its codes times its scale,
//! multiplied by the [Hadamard matrix](crate::hadamard) of size 32. Then the outliers take their places,
//! indices ascending.
//!
//! Outliers are what lies far above the part's median, as in [`int8`](super::int8): the massive
//! activations, and the few channels that are tens of times the others. They are zeros in the blocks.
//! The rotation spreads what is left evenly within its block. Larger rotations do worse, in the noise of
//! a value and more so in that of a quiet channel, because they bring the noise of loud blocks into
//! quiet ones: by 0.4 dB with 256 values (measured on synthetic rows, 2026-11).
//!
//! Error bound: a block's largest value in magnitude becomes the code -8, so that a value within is off
//! by half a scale, and one on the other side of zero by one scale at most: by `absmax / 8`, and a
//! little for the scale's rounding, with `absmax` the largest magnitude of the rotated block. The
//! rotation keeps sums of squares, so this bounds the root mean square of the errors in the block's
//! values too. As measured it is a twelfth of the values'.

use super::PART;
use super::error::{BlockFault, RowFault};
use super::float::{decode_f32, encode_f32};
use super::rare::for_each_rare;
use crate::hadamard::rotate_piece;
use crate::quantize::SMALLEST;

pub(crate) const BLOCK: usize = 32;

/// The scale and the codes of a block.
pub(crate) type Packed = [u8; SCALE_BYTES + BLOCK / 2];

/// A value this many times the part's median magnitude is an outlier; the sender's choice. Half of it
/// gains 1 dB and costs half a bit.
const OUTLIER_RATIO: f32 = 16.0;

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

/// Appends one row; `pack` is [`pack`] or gives the same.
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
    let from = bytes.len();
    let limit = OUTLIER_RATIO * median_magnitude(part);
    // NaN compares false, so it is an outlier too.
    let inlier = |x: f32| x.abs() <= limit;
    let mut count: u16 = 0;
    bytes.extend_from_slice(&count.to_le_bytes());
    for_each_rare(
        part,
        |x| !inlier(x),
        |index| {
            count += 1;
            bytes
                .extend_from_slice(&u16::try_from(index).expect("a part is shorter").to_le_bytes());
            bytes.extend_from_slice(&part[index].to_le_bytes());
        },
    );
    // Sums of a block stay finite by a wide margin.
    if !(limit * 1e3).is_finite() || usize::from(count) > part.len() / 2 {
        bytes.truncate(from);
        bytes.extend_from_slice(&EXACT.to_le_bytes());
        return encode_f32(part, bytes);
    }
    bytes[from..from + COUNT_BYTES].copy_from_slice(&count.to_le_bytes());
    let (blocks, rest) = part.as_chunks();
    for block in blocks {
        bytes.extend_from_slice(&pack(block, limit));
    }
    if !rest.is_empty() {
        let mut last = [0.0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        bytes.extend_from_slice(&pack(&last, limit));
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
    widened(median.to_le_bytes())
}

/// The `f32` of a `bf16`.
#[inline(always)]
pub(crate) fn widened([a, b]: [u8; 2]) -> f32 {
    f32::from_le_bytes([0, 0, a, b])
}

/// One block, with zeros for what is beyond `limit`.
pub(crate) fn pack(block: &[f32; BLOCK], limit: f32) -> Packed {
    let mut block = block.map(|x| if x.abs() <= limit { x } else { 0.0 });
    rotate_piece(&mut block);
    let loudest = block.iter().fold(0.0, |most, x| x.abs().max(most));
    let ([a, b], inverse) = scale(loudest, block.contains(&loudest));
    let code = |x: f32| (x * inverse).min(7.0).round_ties_even();
    #[expect(clippy::cast_possible_truncation, reason = "-8 to 7")]
    let code = |x: f32| (code(x) as i8).cast_unsigned() & 0xf;
    let code = |j| code(block[j]) | code(block[j + BLOCK / 2]) << 4;
    std::array::from_fn(|i| match i {
        0 => a,
        1 => b,
        _ => code(i - SCALE_BYTES),
    })
}

/// The scale as it is sent and its reciprocal, which makes -8 of the largest magnitude, but for the
/// scale's rounding; `positive` says that a value above zero has it.
#[inline(always)]
pub(crate) fn scale(loudest: f32, positive: bool) -> ([u8; SCALE_BYTES], f32) {
    if loudest < SMALLEST {
        return ([0; SCALE_BYTES], 0.0);
    }
    let scale = if positive { loudest / -8.0 } else { loudest / 8.0 };
    // Rounded to the nearest, ties away from zero.
    let [.., a, b] = (scale.to_bits() + 0x8000).to_le_bytes();
    ([a, b], 1.0 / widened([a, b]))
}

/// Fills one row and returns the bytes behind it; `unpack` is [`unpack`] or gives the same.
#[inline(always)]
pub(crate) fn decode_row<'a>(
    mut bytes: &'a [u8],
    row: &mut [f32],
    unpack: impl Fn(&Packed) -> Option<[f32; BLOCK]>,
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
    unpack: impl Fn(&Packed) -> Option<[f32; BLOCK]>,
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
    place_outliers(outliers, part)?;
    Ok(rest)
}

#[inline(always)]
fn decode_block(
    bytes: &[u8],
    unpack: impl Fn(&Packed) -> Option<[f32; BLOCK]>,
) -> Result<([f32; BLOCK], &[u8]), RowFault> {
    let (packed, rest) = bytes.split_first_chunk().ok_or(RowFault::Short)?;
    Ok((unpack(packed).ok_or(BlockFault::Scale)?, rest))
}

/// The values of one block; none where the scale is not finite.
pub(crate) fn unpack(&[a, b, ref codes @ ..]: &Packed) -> Option<[f32; BLOCK]> {
    let scale = widened([a, b]);
    let value = |i: usize| {
        let code = codes[i % (BLOCK / 2)] >> (i / (BLOCK / 2) * 4);
        f32::from((code << 4).cast_signed() >> 4) * scale
    };
    let mut block = std::array::from_fn(value);
    rotate_piece(&mut block);
    scale.is_finite().then_some(block)
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
