//! A stream to symbols.

use std::hint::select_unpredictable;

use super::{Frequencies, LANES_MAX, LOW as LOW_STATE, STATE_BYTES, WORD_BITS, WORD_BYTES};

/// As states are here, wider than they need be: what compilers make of products of narrow ones is four
/// at a time, and slower.
const LOW: u64 = LOW_STATE as u64;

/// The bytes are no stream of the symbols asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Corrupt {
    /// They end too early.
    Short,
    /// A lane does not end where encoding began.
    End,
}

/// A stream that is read in parts, for tables that depend on symbols that came before.
#[derive(Debug)]
pub(crate) struct Decoder<'b, const LANES: usize> {
    states: [u64; LANES],
    bytes: &'b [u8],
}

impl<'b, const LANES: usize> Decoder<'b, LANES> {
    /// Of the stream at the front of `bytes`.
    ///
    /// # Errors
    ///
    /// [`Corrupt::Short`] where the states are cut.
    #[inline(always)]
    pub(crate) fn new(bytes: &'b [u8]) -> Result<Self, Corrupt> {
        const { assert!(LANES <= LANES_MAX, "a group's words are read as one number") };
        let heads = bytes.as_chunks::<STATE_BYTES>().0.first_chunk::<LANES>();
        let states = heads.ok_or(Corrupt::Short)?.map(|state| u64::from(u32::from_le_bytes(state)));
        Ok(Self { states, bytes: &bytes[STATE_BYTES * LANES..] })
    }

    /// Fills `symbols` with the next ones, symbol `i` of them by `table(i)`. Their number is a multiple
    /// of the lanes, unless they are the last.
    ///
    /// # Errors
    ///
    /// [`Corrupt::Short`]; the symbols are then unspecified.
    #[inline(always)]
    pub(crate) fn fill<'a>(
        &mut self,
        symbols: &mut [u8],
        table: impl Fn(usize) -> &'a Frequencies,
    ) -> Result<(), Corrupt> {
        let (mut states, mut bytes) = (self.states, self.bytes);
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
                    let hungry = state < LOW;
                    let full = (state << WORD_BITS) | (words % LOW);
                    states[lane] = select_unpredictable(hungry, full, state);
                    words = select_unpredictable(hungry, words >> WORD_BITS, words);
                    taken += WORD_BYTES * usize::from(hungry);
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
        (self.states, self.bytes) = (states, bytes);
        Ok(())
    }

    /// The bytes behind the stream, of which every symbol was read.
    ///
    /// # Errors
    ///
    /// [`Corrupt::End`].
    #[inline(always)]
    pub(crate) fn finish(self) -> Result<&'b [u8], Corrupt> {
        if self.states == [LOW; LANES] { Ok(self.bytes) } else { Err(Corrupt::End) }
    }
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
    let mut decoder = Decoder::<LANES>::new(bytes)?;
    decoder.fill(symbols, table)?;
    decoder.finish()
}

/// The next symbol of a lane.
#[inline(always)]
fn pop(state: &mut u64, table: &Frequencies, bytes: &mut &[u8]) -> Result<u8, Corrupt> {
    let slot = table.decoding(*state);
    *state = slot.pop(*state);
    if *state < LOW {
        let (word, rest) = bytes.split_first_chunk().ok_or(Corrupt::Short)?;
        *state = *state << WORD_BITS | u64::from(u16::from_le_bytes(*word));
        *bytes = rest;
    }
    Ok(slot.symbol())
}
