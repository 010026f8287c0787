//! How often each symbol is expected, in the forms that coding needs.

use super::{TOTAL, TOTAL_BITS, WORD_BITS};

/// A symbol is a byte.
pub(crate) const SYMBOLS: usize = 256;

/// A state below `f << STATE_SHIFT` takes a symbol of frequency `f` without leaving its range.
const STATE_SHIFT: u32 = 2 * WORD_BITS - TOTAL_BITS;

/// Bits of the product of a state and a reciprocal that lie behind the quotient.
const QUOTIENT_SHIFT: u32 = STATE_SHIFT + 2 * TOTAL_BITS;

/// Frequencies of the symbols, whole numbers that add up to [`TOTAL`]. A symbol of frequency 0 cannot be
/// coded.
#[derive(Debug)]
pub(crate) struct Frequencies {
    /// By symbol.
    encoding: Box<[Encoding; SYMBOLS]>,
    /// By slot: a symbol has as many as its frequency, one after the other.
    decoding: Box<[Decoding; TOTAL as usize]>,
}

/// What encoding one symbol multiplies and adds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Encoding {
    /// `(2^44 - 1) / f`, rounded down.
    reciprocal: u64,
    /// `c`.
    start: u16,
    /// `f`.
    frequency: u16,
    /// `TOTAL - f`.
    complement: u16,
}

/// The symbol of a slot, its frequency less one, and the slot's place among its own: 8, 12 and 12 bits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Decoding(u32);

impl Frequencies {
    /// Frequencies in proportion to `weights`, rounded, where every weight above 0 has a frequency above 0.
    ///
    /// # Panics
    ///
    /// Where all weights are 0, or their sum is `2^52` or more.
    pub(crate) fn new(weights: &[u64; SYMBOLS]) -> Self {
        let mut encoding = Box::new([Encoding::default(); SYMBOLS]);
        let mut decoding = Box::new([Decoding::default(); TOTAL as usize]);
        let mut start = 0;
        for ((symbol, frequency), encoding) in
            (0..).zip(proportional(weights)).zip(encoding.iter_mut())
        {
            *encoding = Encoding::new(start, frequency);
            for (place, slot) in
                (0..frequency).zip(&mut decoding[start as usize..][..frequency as usize])
            {
                *slot = Decoding(symbol | (frequency - 1) << 8 | place << (8 + TOTAL_BITS));
            }
            start += frequency;
        }
        Self { encoding, decoding }
    }

    #[inline(always)]
    pub(super) fn encoding(&self, symbol: u8) -> &Encoding {
        &self.encoding[usize::from(symbol)]
    }

    /// The slot that the lower bits of `state` name.
    #[inline(always)]
    pub(super) fn decoding(&self, state: u64) -> Decoding {
        #[expect(clippy::cast_possible_truncation, reason = "the lower bits are what is asked for")]
        let state = state as usize;
        self.decoding[state % TOTAL as usize]
    }
}

/// Whole numbers that add up to [`TOTAL`]: 1 for each weight above 0, and the rest in proportion to what
/// a weight is above that. Rounding the running sum rounds no sum of neighbours by more than one.
fn proportional(weights: &[u64; SYMBOLS]) -> [u32; SYMBOLS] {
    let total: u64 = weights.iter().sum();
    assert!(0 < total && total >> (64 - TOTAL_BITS) == 0, "weights add up to 1..2^52");
    let above_one = |weight: u64| (weight << TOTAL_BITS).saturating_sub(total);
    let present = weights.iter().filter(|&&weight| weight > 0).count() as u64;
    let to_give = u128::from(u64::from(TOTAL) - present);
    let above: u128 = weights.iter().map(|&weight| u128::from(above_one(weight))).sum();
    let mut running = 0;
    let mut given = 0;
    weights.map(|weight| {
        running += u128::from(above_one(weight));
        // Some weight is a 256th of the total at least, and so above one.
        let until = running * to_give / above;
        let share = u32::try_from(until - given).expect("at most `TOTAL`");
        given = until;
        share + u32::from(weight > 0)
    })
}

impl Encoding {
    fn new(start: u32, frequency: u32) -> Self {
        if frequency == 0 {
            return Self::default();
        }
        let narrow = |x| u16::try_from(x).expect("at most `TOTAL`");
        Self {
            reciprocal: ((1 << QUOTIENT_SHIFT) - 1) / u64::from(frequency),
            start: narrow(start),
            frequency: narrow(frequency),
            complement: narrow(TOTAL - frequency),
        }
    }

    /// `f`; 0 where the symbol cannot be coded.
    #[inline(always)]
    pub(super) fn frequency(&self) -> u16 {
        self.frequency
    }

    /// Whether `state` has to give a word away before it takes this symbol.
    #[inline(always)]
    pub(super) fn overflows(&self, state: u32) -> bool {
        state >> STATE_SHIFT >= u32::from(self.frequency)
    }

    /// `(x / f) * TOTAL + c + x mod f`, of a state that does not overflow.
    ///
    /// With `e = 2^44 - f * reciprocal`, which is in `1..=f`, the quotient is exact where
    /// `(x + 1) e <= 2^44`: `x + 1` is at most `f * 2^20`, and `f` at most `2^12`. For the same reason
    /// the product stays below `2^64`.
    #[inline(always)]
    pub(super) fn push(&self, state: u32) -> u32 {
        let quotient = ((u64::from(state) + 1) * self.reciprocal) >> QUOTIENT_SHIFT;
        let quotient = quotient as u32;
        state + u32::from(self.start) + quotient * u32::from(self.complement)
    }
}

impl Decoding {
    #[inline(always)]
    pub(super) fn symbol(self) -> u8 {
        self.0.to_le_bytes()[0]
    }

    /// The state before `state` took the symbol. Any state gives one: `f (x / TOTAL) + place` is at most
    /// `x`.
    #[inline(always)]
    pub(super) fn pop(self, state: u64) -> u64 {
        let frequency = (self.0 >> 8) % TOTAL + 1;
        u64::from(frequency) * (state >> TOTAL_BITS) + u64::from(self.0 >> (8 + TOTAL_BITS))
    }
}
