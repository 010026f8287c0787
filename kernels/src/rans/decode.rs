//! A stream to symbols.

use super::{Frequencies, LANES_MAX, LOW, STATE_BYTES, WORD_BITS, WORD_BYTES};

/// The bytes are no stream of the symbols asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Corrupt {
    /// They end too early.
    Short,
    /// A lane does not end where encoding began.
    End,
}

/// Fills `symbols` from the stream at the front of `bytes`, symbol `i` by `table(i)`, and returns the
/// bytes behind it.
///
/// # Errors
///
/// [`Corrupt`]; the symbols are then unspecified.
#[inline(always)]
pub(crate) fn decode<'a, 'b, const LANES: usize>(
    bytes: &'b [u8],
    symbols: &mut [u8],
    table: impl Fn(usize) -> &'a Frequencies,
) -> Result<&'b [u8], Corrupt> {
    const { assert!(LANES <= LANES_MAX, "a group's words are read as one number") };
    let heads = bytes.as_chunks::<STATE_BYTES>().0.first_chunk::<LANES>().ok_or(Corrupt::Short)?;
    let mut states = heads.map(u32::from_le_bytes);
    let mut bytes = &bytes[STATE_BYTES * LANES..];
    let (groups, rest) = symbols.as_chunks_mut::<LANES>();
    let whole = groups.len() * LANES;
    for (index, group) in groups.iter_mut().enumerate() {
        let first = index * LANES;
        // While there is a word for every lane, none has to be asked for.
        if let Some(words) = bytes.first_chunk() {
            let mut words = u64::from_le_bytes(*words);
            let mut taken = 0;
            for lane in 0..LANES {
                let slot = table(first + lane).decoding(states[lane]);
                group[lane] = slot.symbol();
                // Without a branch, which would often be foreseen wrongly.
                let state = slot.pop(states[lane]);
                let hungry = u32::from(state < LOW);
                #[expect(clippy::cast_possible_truncation, reason = "the lowest word is taken")]
                let word = words as u32 & ((LOW - 1) * hungry);
                states[lane] = state << (WORD_BITS * hungry) | word;
                words >>= WORD_BITS * hungry;
                taken += WORD_BYTES * hungry as usize;
            }
            bytes = &bytes[taken..];
        } else {
            for lane in 0..LANES {
                group[lane] = pop(&mut states[lane], table(first + lane), &mut bytes)?;
            }
        }
    }
    for (lane, symbol) in rest.iter_mut().enumerate() {
        *symbol = pop(&mut states[lane], table(whole + lane), &mut bytes)?;
    }
    if states == [LOW; LANES] { Ok(bytes) } else { Err(Corrupt::End) }
}

/// The next symbol of a lane.
#[inline(always)]
fn pop(state: &mut u32, table: &Frequencies, bytes: &mut &[u8]) -> Result<u8, Corrupt> {
    let slot = table.decoding(*state);
    *state = slot.pop(*state);
    if *state < LOW {
        let (word, rest) = bytes.split_first_chunk().ok_or(Corrupt::Short)?;
        *state = *state << WORD_BITS | u32::from(u16::from_le_bytes(*word));
        *bytes = rest;
    }
    Ok(slot.symbol())
}
