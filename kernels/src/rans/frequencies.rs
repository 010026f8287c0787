//! How often each symbol is expected, in the forms that coding needs.

use super::{TOTAL, TOTAL_BITS, WORD_BITS};

/// A symbol is a byte.
pub(crate) const SYMBOLS: usize = 256;

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
///
/// `x / f` is the upper half of `x * reciprocal`, a product of 128 bits: with the reciprocal rounded up
/// it is too large by less than `x * f / 2^64 < 1 / f`. For `f = 1` the reciprocal would have 65 bits;
/// that of one less gives `x - 1`, which `bias` makes good.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Encoding {
    reciprocal: u64,
    /// `c`, and `TOTAL - 1` more where `f` is 1.
    bias: u32,
    /// `TOTAL - f`.
    complement: u16,
    /// `f`.
    frequency: u16,
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
    pub(super) fn decoding(&self, state: u32) -> Decoding {
        self.decoding[(state % TOTAL) as usize]
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
        // Where no weight is above one, all are the same and `TOTAL` of them would be needed.
        let until = running * to_give / above;
        let share = u32::try_from(until - given).expect("at most `TOTAL`");
        given = until;
        share + u32::from(weight > 0)
    })
}

impl Encoding {
    fn new(start: u32, frequency: u32) -> Self {
        let narrow = |x| u16::try_from(x).expect("at most `TOTAL`");
        let (reciprocal, bias) = match u64::from(frequency) {
            0 => return Self::default(),
            1 => (u64::MAX, start + TOTAL - 1),
            f => (u64::MAX / f + 1, start),
        };
        let complement = narrow(TOTAL - frequency);
        Self { reciprocal, bias, complement, frequency: narrow(frequency) }
    }

    /// `f`; 0 where the symbol cannot be coded.
    #[inline(always)]
    pub(super) fn frequency(&self) -> u16 {
        self.frequency
    }

    /// Whether `state` has to give a word away before it takes this symbol.
    #[inline(always)]
    pub(super) fn overflows(&self, state: u32) -> bool {
        state >> (2 * WORD_BITS - TOTAL_BITS) >= u32::from(self.frequency)
    }

    /// `(x / f) * TOTAL + c + x mod f`.
    #[inline(always)]
    pub(super) fn push(&self, state: u32) -> u32 {
        let quotient = (u128::from(state) * u128::from(self.reciprocal)) >> 64;
        #[expect(clippy::cast_possible_truncation, reason = "no more than `state`")]
        let quotient = quotient as u32;
        state + self.bias + quotient * u32::from(self.complement)
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
    pub(super) fn pop(self, state: u32) -> u32 {
        let frequency = (self.0 >> 8) % TOTAL + 1;
        frequency * (state / TOTAL) + (self.0 >> (8 + TOTAL_BITS))
    }
}
