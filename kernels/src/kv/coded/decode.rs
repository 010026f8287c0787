//! A code to a block of the pool.

use super::super::layout::{BLOCK_SLOTS, KvLayout};
use super::super::write::write_kv;
use super::context::{Means, Sizes, of_member};
use super::encode::step_of_pattern;
use super::{CODED, CodedKvError, EXACT, STEP_MAX, STEP_MIN, STEPS_BYTES, lanes, row_len};
use crate::family::{Family, OUTLIER};
use crate::rans::Decoder;

/// Writes the `block` of one layer whose code is at the front of `bytes`, and returns the bytes behind
/// it. What was coded is rounded to the layout's format once more.
///
/// # Errors
///
/// [`CodedKvError`]; the block is then unspecified.
///
/// # Panics
///
/// Where `block` has another length than the layout's.
pub fn decode_kv<'a>(
    layout: &KvLayout,
    bytes: &'a [u8],
    block: &mut [u8],
) -> Result<&'a [u8], CodedKvError> {
    assert_eq!(block.len(), layout.block_bytes(), "a block of one layer");
    let (form, rest) = bytes.split_first().ok_or(CodedKvError::Short)?;
    match *form {
        CODED if lanes(layout) == 4 => decode_coded::<4>(layout, rest, block),
        CODED => decode_coded::<2>(layout, rest, block),
        EXACT => {
            let (exact, rest) = rest.split_at_checked(block.len()).ok_or(CodedKvError::Short)?;
            block.copy_from_slice(exact);
            Ok(rest)
        }
        other => Err(CodedKvError::Form(other)),
    }
}

/// What stands before the stream.
struct Head<'a> {
    steps: [f32; 2],
    sizes: &'a [u8],
    escapes: &'a [[u8; 2]],
}

impl<'a> Head<'a> {
    /// Nothing is allocated by what the bytes say.
    fn read(layout: &KvLayout, bytes: &'a [u8]) -> Result<(Self, &'a [u8]), CodedKvError> {
        let (steps, rest) = bytes.split_first_chunk::<STEPS_BYTES>().ok_or(CodedKvError::Short)?;
        let steps = [[steps[0], steps[1]], [steps[2], steps[3]]];
        let steps = steps.map(|step| step_of_pattern(u16::from_le_bytes(step)));
        if !steps.iter().all(|step| (STEP_MIN..=STEP_MAX).contains(step)) {
            return Err(CodedKvError::Step);
        }
        let sizes = rest.split_at_checked(2 * layout.kv_heads).ok_or(CodedKvError::Short)?;
        let (sizes, rest) = sizes;
        let (count, rest) = rest.split_first_chunk().ok_or(CodedKvError::Short)?;
        let count = usize::try_from(u32::from_le_bytes(*count)).unwrap_or(usize::MAX);
        let escapes = rest.split_at_checked(count.saturating_mul(2)).ok_or(CodedKvError::Short)?;
        Ok((Self { steps, sizes, escapes: escapes.0.as_chunks().0 }, escapes.1))
    }
}

fn decode_coded<'a, const LANES: usize>(
    layout: &KvLayout,
    bytes: &'a [u8],
    block: &mut [u8],
) -> Result<&'a [u8], CodedKvError> {
    let (row, family) = (row_len(layout), Family::get());
    let (head, stream) = Head::read(layout, bytes)?;
    let mut escapes = head.escapes.iter();
    let mut decoder = Decoder::<LANES>::new(stream)?;
    let (mut sizes, mut means) = (Sizes::new(layout, head.sizes), Means::new(row));
    let (mut members, mut symbols) = (vec![0; row], vec![0; row]);
    let (mut codes, mut elements) = (vec![0; row], vec![0.0; row]);
    for slot in 0..BLOCK_SLOTS {
        sizes.members(&mut members);
        decoder.fill(&mut symbols, |i| of_member(family, members[i]).0)?;
        for (code, symbol) in codes.iter_mut().zip(&symbols) {
            *code = i16::from(symbol.cast_signed());
        }
        if symbols.contains(&OUTLIER) {
            let escaped = codes.iter_mut().zip(&symbols).filter(|(_, symbol)| **symbol == OUTLIER);
            for (code, _) in escaped {
                *code = i16::from_le_bytes(*escapes.next().ok_or(CodedKvError::Escapes)?);
            }
        }
        sizes.add(&codes);
        means.restore(head.steps, &codes, &mut elements);
        let (key, value) = elements.split_at(row / 2);
        write_kv(layout, block, slot, key, value);
    }
    if escapes.next().is_some() {
        return Err(CodedKvError::Escapes);
    }
    Ok(decoder.finish()?)
}
