//! Randomness from a seed: ChaCha with eight rounds, whose numbers are the same everywhere.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Words of the generator that one number takes.
const WORDS: u128 = 2;

/// Numbers from 0 up to 1, by turns or by index.
#[derive(Debug, Clone)]
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// The numbers of `seed` that belong to `purpose`: other purposes' numbers do not depend on how
    /// many of these are drawn.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(purpose);
        Self(generator)
    }

    /// The next number.
    pub(crate) fn roll(&mut self) -> f64 {
        self.0.random()
    }

    /// Whether something of this chance happens.
    pub(crate) fn chance(&mut self, chance: f64) -> bool {
        // No number is drawn for what never happens, so that a profile without it costs nothing.
        chance > 0.0 && self.roll() < chance
    }

    /// The number at `index`, whatever was drawn before.
    pub(crate) fn at(&self, index: u64) -> f64 {
        let mut generator = self.0.clone();
        generator.set_word_pos(u128::from(index) * WORDS);
        generator.random()
    }
}
