//! Symbols to a stream.

use std::hint::select_unpredictable;

use super::{Frequencies, GROUP_BYTES, LANES_MAX, LOW, STATE_BYTES, WORD_BITS, WORD_BYTES};

/// Bytes that encoding needs room for: no symbol gives away more than a word, and words are written in
/// groups.
pub(crate) fn room<const LANES: usize>(symbols: usize) -> usize {
    STATE_BYTES * LANES + WORD_BYTES * symbols + GROUP_BYTES
}

/// Writes the stream of `symbols`, symbol `i` by `table(i)`, to the end of `out`, and returns where it
/// starts.
///
/// No symbol may have the frequency 0 in its table. Costs about a nanosecond a symbol with four lanes.
///
/// # Panics
///
/// Where `out` is shorter than [`room`].
#[inline(always)]
pub(crate) fn encode<'a, const LANES: usize>(
    symbols: &[u8],
    table: impl Fn(usize) -> &'a Frequencies,
    out: &mut [u8],
) -> usize {
    const { assert!(LANES <= LANES_MAX, "a group's words are written as one number") };
    let (groups, rest) = symbols.as_chunks::<LANES>();
    let whole = groups.len() * LANES;
    let mut states = [LOW; LANES];
    let mut start = push_group(&mut states, rest, |lane| table(whole + lane), out, out.len());
    for (index, group) in groups.iter().enumerate().rev() {
        let of_lane = |lane| table(index * LANES + lane);
        start = push_group(&mut states, group, of_lane, out, start);
    }
    let bytes = states.map(u32::to_le_bytes);
    start -= STATE_BYTES * LANES;
    out[start..][..STATE_BYTES * LANES].copy_from_slice(bytes.as_flattened());
    start
}

/// Takes one symbol into each of the first lanes, from the last to the first, writes the words that they
/// give away in front of `start`, and returns the new start.
#[inline(always)]
fn push_group<'a>(
    states: &mut [u32],
    group: &[u8],
    table: impl Fn(usize) -> &'a Frequencies,
    out: &mut [u8],
    start: usize,
) -> usize {
    let mut words = 0_u64;
    let mut count = 0;
    for lane in (0..group.len()).rev() {
        let encoding = table(lane).encoding(group[lane]);
        debug_assert!(encoding.frequency() > 0, "a symbol that the table does not know");
        // Without a branch, which would often be foreseen wrongly.
        let state = states[lane];
        let overflows = encoding.overflows(state);
        let more = words << WORD_BITS | u64::from(state % LOW);
        words = select_unpredictable(overflows, more, words);
        count += u32::from(overflows);
        states[lane] = encoding.push(select_unpredictable(overflows, state / LOW, state));
    }
    // The words to the upper end, where `start` is; what is below them is written over.
    let upper = words.wrapping_shl(u64::BITS - WORD_BITS * count);
    out[start - GROUP_BYTES..start].copy_from_slice(&upper.to_le_bytes());
    start - WORD_BYTES * count as usize
}
