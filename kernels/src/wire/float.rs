//! The codecs that are one number after the other.

use super::error::RowFault;

/// Values converted at a time.
const STEP: usize = 8;

/// Appends one row.
pub(super) fn encode_f32(row: &[f32], bytes: &mut Vec<u8>) {
    let from = bytes.len();
    bytes.resize(from + 4 * row.len(), 0);
    for (bytes, x) in bytes[from..].as_chunks_mut().0.iter_mut().zip(row) {
        *bytes = x.to_le_bytes();
    }
}

/// Fills one row and returns the bytes behind it.
pub(super) fn decode_f32<'a>(bytes: &'a [u8], row: &mut [f32]) -> Result<&'a [u8], RowFault> {
    let (values, rest) = bytes.split_at_checked(4 * row.len()).ok_or(RowFault::Short)?;
    for (x, bytes) in row.iter_mut().zip(values.as_chunks().0) {
        *x = f32::from_le_bytes(*bytes);
    }
    Ok(rest)
}

/// Appends one row; finite values stay finite.
#[inline(always)]
pub(crate) fn encode_f16(
    row: &[f32],
    bytes: &mut Vec<u8>,
    narrow: impl Fn(&[f32; STEP]) -> [u16; STEP],
) {
    let from = bytes.len();
    bytes.resize(from + 2 * row.len(), 0);
    let (groups, rest) = bytes[from..].as_chunks_mut::<2>().0.as_chunks_mut::<STEP>();
    let (x_groups, x_rest) = row.as_chunks();
    let halves = |x: &[f32; STEP]| narrow(&x.map(within_half)).map(u16::to_le_bytes);
    for (group, x) in groups.iter_mut().zip(x_groups) {
        *group = halves(x);
    }
    let mut last = [0.0; STEP];
    last[..x_rest.len()].copy_from_slice(x_rest);
    rest.copy_from_slice(&halves(&last)[..rest.len()]);
}

/// Fills one row and returns the bytes behind it.
#[inline(always)]
pub(crate) fn decode_f16<'a>(
    bytes: &'a [u8],
    row: &mut [f32],
    widen: impl Fn(&[u8; 2 * STEP]) -> [f32; STEP],
) -> Result<&'a [u8], RowFault> {
    let (halves, behind) = bytes.split_at_checked(2 * row.len()).ok_or(RowFault::Short)?;
    let (groups, rest) = halves.as_chunks();
    let (x_groups, x_rest) = row.as_chunks_mut();
    for (x, group) in x_groups.iter_mut().zip(groups) {
        *x = widen(group);
    }
    let mut last = [0; 2 * STEP];
    last[..rest.len()].copy_from_slice(rest);
    x_rest.copy_from_slice(&widen(&last)[..x_rest.len()]);
    Ok(behind)
}

/// `x`, or the largest number of half precision where it is finite and beyond.
#[inline(always)]
fn within_half(x: f32) -> f32 {
    const LIMIT: f32 = 65504.0;
    // Comparisons that vector instructions have, and that let NaN through.
    let beyond = x.abs() > LIMIT && x.abs() < f32::INFINITY;
    if beyond { LIMIT.copysign(x) } else { x }
}
