//! How fine the steps of the `Scaled` codec are.

use std::f32::consts::FRAC_1_SQRT_2;

/// One of ten steps, each `sqrt(2)` times the one before: from level to level half a bit a value less,
/// and 3 dB more noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

impl Level {
    /// Steps of `2^-4.5`, a twenty-third of what is usual for the channel.
    pub const FINEST: Self = Self(0);

    /// Steps of 1.
    pub const COARSEST: Self = Self(9);

    /// The level with this number, from 0, the finest, to 9.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        (number <= Self::COARSEST.0).then_some(Self(number))
    }

    /// All levels, finest first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> + Clone {
        (0..=Self::COARSEST.0).map(Self)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The step, in units of a channel's scale.
    #[must_use]
    pub fn step(self) -> f32 {
        let halvings = Self::COARSEST.0 - self.0;
        let whole = 1.0 / f32::from(1_u8 << (halvings / 2));
        if halvings.is_multiple_of(2) { whole } else { whole * FRAC_1_SQRT_2 }
    }
}
