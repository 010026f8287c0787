//! The `Scaled` codec: parts of 2048 values, the last of a row possibly shorter, as multiples of a step
//! that each channel has of its own.
//!
//! ```text
//! part      = class:u8 codes outliers:[f32]
//!           | 255:u8 values:[f32; n]                an exact part
//! class     = shift << 5 | frequencies              below 255
//! ```
//!
//! All numbers little-endian. `codes` is a [stream](crate::rans) of `n` bytes, by the frequencies that
//! the class names ([`crate::family`]), of four lanes where the part has 1024 values or more, two where
//! it has 512 or more, and else one. A code from -127 to 127 stands for `code * (step * scale)`: the
//! channel's scale, and the level's step times `2^shift`. A code of -128 says that the value is an
//! outlier: these stand behind the stream, in order, as they are.
//!
//! The steps are fixed, and what few bits they take is up to the entropy code (rate-distortion theory
//! puts this at a quarter of a bit from any quantizer's best). Parts that are louder than codes can say
//! take a larger step, so that precision is relative to what a part has at large, and massive
//! activations (Sun et al. 2024, arXiv:2402.17762) are outliers.
//!
//! Error bound: a value that is no outlier is off by at most half its step, `step * 2^shift * scale / 2`,
//! but for rounding; `shift` is 0 unless one in 64 values lies beyond 127 steps.

mod calibration;
mod level;

pub use calibration::Calibration;
pub use level::Level;

use super::PART;
use super::error::{BlockFault, RowFault};
use super::float::{decode_f32, encode_f32};
use super::rare::for_each_rare;
use crate::family::{Family, OUTLIER};
use crate::rans::{self, Corrupt, Frequencies};

/// Marks a part whose values are all exact.
const EXACT: u8 = 255;

/// Bits of a class that name the frequencies.
const FREQUENCY_BITS: u32 = 5;

/// Steps are multiplied by two this often at most.
const SHIFT_MAX: u8 = 7;

/// The largest code.
const CODE_MAX: f32 = 127.0;

/// A part takes a larger step where more than one value in this many would be an outlier.
const OUTLIERS_ONE_IN: usize = 64;

/// Steps below are of use: no code times one of them overflows.
const STEP_END: f32 = 1e36;

/// As in [`int8`](super::int8).
const ROUNDER: f32 = 12_582_912.0;

const CLASS_BYTES: usize = 1;
const STATE_BYTES: usize = 4;

/// Bytes of a row at least: whole parts and the last one with a class and the states.
pub(super) fn row_len_min(width: usize) -> usize {
    let part_min = |len: usize| CLASS_BYTES + STATE_BYTES * lanes(len);
    let last = width % PART;
    let last = if last == 0 { 0 } else { part_min(last) };
    (width / PART).saturating_mul(part_min(PART)).saturating_add(last)
}

/// Bytes of a row at most: exact parts.
pub(super) fn row_len_max(width: usize) -> usize {
    width.saturating_mul(4).saturating_add(width.div_ceil(PART))
}

/// Lanes of a part's stream. Each costs about three bytes that say nothing.
const fn lanes(len: usize) -> usize {
    match len {
        ..512 => 1,
        512..1024 => 2,
        _ => 4,
    }
}

/// Appends one row; `scales` are as many.
#[inline(always)]
pub(crate) fn encode_row(row: &[f32], level: Level, scales: &[f32], bytes: &mut Vec<u8>) {
    for (part, scales) in row.chunks(PART).zip(scales.chunks(PART)) {
        encode_part(part, level.step(), scales, bytes);
    }
}

#[inline(always)]
fn encode_part(part: &[f32], step: f32, scales: &[f32], bytes: &mut Vec<u8>) {
    let mut codes = [0; PART];
    let codes = &mut codes[..part.len()];
    let from = bytes.len();
    let shift = (0..=SHIFT_MAX).find(|&shift| {
        quantize(part, shifted(step, shift), scales, codes) <= part.len() / OUTLIERS_ONE_IN
    });
    if let Some(shift) = shift {
        let (index, member) = Family::get().nearest(magnitude_sum(codes), codes.len());
        clip(codes, member.range);
        bytes.push(shift << FREQUENCY_BITS | index);
        append_stream(codes, &member.frequencies, bytes);
        for_each_rare(codes, |code| code == OUTLIER, |at| bytes.extend(part[at].to_le_bytes()));
    }
    if shift.is_none() || bytes.len() - from > CLASS_BYTES + 4 * part.len() {
        bytes.truncate(from);
        bytes.push(EXACT);
        encode_f32(part, bytes);
    }
}

/// `step` after `shift` doublings.
fn shifted(step: f32, shift: u8) -> f32 {
    step * f32::from(1_u16 << shift)
}

/// Fills the codes and returns how many values are outliers.
#[inline(always)]
fn quantize(part: &[f32], step: f32, scales: &[f32], codes: &mut [u8]) -> usize {
    let mut outliers: u16 = 0;
    for ((code, x), scale) in codes.iter_mut().zip(part).zip(scales) {
        let step = step * scale;
        let steps = x / step;
        // False for NaN, so that such values, and those of channels without a scale, are outliers.
        let fits = (steps.abs() <= CODE_MAX) & (step > 0.0) & (step < STEP_END);
        let rounded = (steps + ROUNDER).to_bits().to_le_bytes()[0];
        *code = if fits { rounded } else { OUTLIER };
        outliers = outliers.wrapping_add(u16::from(!fits));
    }
    usize::from(outliers)
}

/// The sum of the codes' magnitudes, outliers not counted.
#[inline(always)]
fn magnitude_sum(codes: &[u8]) -> u32 {
    let magnitude =
        |&code: &u8| if code == OUTLIER { 0 } else { code.cast_signed().unsigned_abs() };
    codes.iter().fold(0, |sum: u32, code| sum.wrapping_add(u32::from(magnitude(code))))
}

/// Makes outliers of the codes beyond `range`.
#[inline(always)]
fn clip(codes: &mut [u8], range: u8) {
    for code in codes {
        *code = if code.cast_signed().unsigned_abs() > range { OUTLIER } else { *code };
    }
}

#[inline(always)]
fn append_stream(codes: &[u8], frequencies: &Frequencies, bytes: &mut Vec<u8>) {
    match lanes(codes.len()) {
        1 => append_lanes::<1>(codes, frequencies, bytes),
        2 => append_lanes::<2>(codes, frequencies, bytes),
        _ => append_lanes::<4>(codes, frequencies, bytes),
    }
}

/// Streams are written from their end: to the end of the room there is, then moved.
#[inline(always)]
fn append_lanes<const LANES: usize>(codes: &[u8], frequencies: &Frequencies, bytes: &mut Vec<u8>) {
    let from = bytes.len();
    bytes.resize(from + rans::room::<LANES>(codes.len()), 0);
    let start = rans::encode::<LANES>(codes, |_| frequencies, &mut bytes[from..]);
    bytes.copy_within(from + start.., from);
    bytes.truncate(bytes.len() - start);
}

/// Fills one row and returns the bytes behind it; `scales` are as many.
#[inline(always)]
pub(crate) fn decode_row<'a>(
    mut bytes: &'a [u8],
    level: Level,
    scales: &[f32],
    row: &mut [f32],
) -> Result<&'a [u8], RowFault> {
    for (part, scales) in row.chunks_mut(PART).zip(scales.chunks(PART)) {
        bytes = decode_part(bytes, level.step(), scales, part)?;
    }
    Ok(bytes)
}

#[inline(always)]
fn decode_part<'a>(
    bytes: &'a [u8],
    step: f32,
    scales: &[f32],
    part: &mut [f32],
) -> Result<&'a [u8], RowFault> {
    let (&class, rest) = bytes.split_first().ok_or(RowFault::Short)?;
    if class == EXACT {
        return decode_f32(rest, part);
    }
    let member = Family::get().member(class % (1 << FREQUENCY_BITS));
    let frequencies = &member.ok_or(BlockFault::Frequencies)?.frequencies;
    let mut codes = [0; PART];
    let codes = &mut codes[..part.len()];
    let rest = match lanes(part.len()) {
        1 => rans::decode::<1>(rest, codes, |_| frequencies),
        2 => rans::decode::<2>(rest, codes, |_| frequencies),
        _ => rans::decode::<4>(rest, codes, |_| frequencies),
    };
    let mut rest = rest.map_err(|corrupt| match corrupt {
        Corrupt::Short => RowFault::Short,
        Corrupt::End => BlockFault::Entropy.into(),
    })?;
    let step = shifted(step, class >> FREQUENCY_BITS);
    for ((x, code), scale) in part.iter_mut().zip(&*codes).zip(scales) {
        *x = f32::from(code.cast_signed()) * (step * scale);
    }
    let mut short = false;
    for_each_rare(
        codes,
        |code| code == OUTLIER,
        |at| match rest.split_first_chunk() {
            Some((value, behind)) => (part[at], rest) = (f32::from_le_bytes(*value), behind),
            None => short = true,
        },
    );
    if short { Err(RowFault::Short) } else { Ok(rest) }
}
