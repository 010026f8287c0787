//! Symbols to a stream.

use super::{Frequencies, LOW, STATE_BYTES, WORD_BITS, WORD_BYTES};

/// Bytes that a stream of `symbols` symbols has at most: none gives away more than a word.
pub(crate) fn encoded_len_max<const LANES: usize>(symbols: usize) -> usize {
    STATE_BYTES * LANES + WORD_BYTES * symbols
}

/// Writes the stream of `symbols`, symbol `i` by `table(i)`, to the end of `out`, and returns where it
/// starts.
///
/// Costs about a nanosecond a symbol with four lanes.
///
/// # Panics
///
/// Where `out` is shorter than [`encoded_len_max`]. No symbol may have the frequency 0 in its table.
#[inline(always)]
pub(crate) fn encode<'a, const LANES: usize>(
    symbols: &[u8],
    table: impl Fn(usize) -> &'a Frequencies,
    out: &mut [u8],
) -> usize {
    let (groups, rest) = symbols.as_chunks::<LANES>();
    let mut states = [LOW; LANES];
    let mut writer = BackWriter { start: out.len(), out };
    let whole = groups.len() * LANES;
    for (lane, &symbol) in rest.iter().enumerate().rev() {
        push(&mut states[lane], symbol, table(whole + lane), &mut writer);
    }
    for (index, group) in groups.iter().enumerate().rev() {
        for lane in (0..LANES).rev() {
            push(&mut states[lane], group[lane], table(index * LANES + lane), &mut writer);
        }
    }
    for state in states.iter().rev() {
        writer.put(state.to_le_bytes());
    }
    writer.start
}

#[inline(always)]
fn push(state: &mut u32, symbol: u8, table: &Frequencies, writer: &mut BackWriter<'_>) {
    let encoding = table.encoding(symbol);
    debug_assert!(encoding.frequency() > 0, "a symbol that the table does not know");
    // Without a branch, which would often be foreseen wrongly: the word is written in any case, and
    // stays where it counts.
    let overflows = encoding.overflows(*state);
    let [first, second, ..] = state.to_le_bytes();
    writer.put_if(overflows, [first, second]);
    *state = encoding.push(*state >> (WORD_BITS * u32::from(overflows)));
}

/// Fills a slice from its end.
struct BackWriter<'a> {
    out: &'a mut [u8],
    /// What lies from here on is written.
    start: usize,
}

impl BackWriter<'_> {
    #[inline(always)]
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.put_if(true, bytes);
    }

    /// Puts bytes that the next ones overwrite where `stays` is false.
    #[inline(always)]
    fn put_if<const N: usize>(&mut self, stays: bool, bytes: [u8; N]) {
        self.out[self.start - N..self.start].copy_from_slice(&bytes);
        self.start -= N * usize::from(stays);
    }
}
