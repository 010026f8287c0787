//! The frequencies that codes of one byte are expected with: one distribution, in sizes half an octave
//! apart. Codecs of hidden states and of KV choose a size and leave the rest to [`crate::rans`].
//!
//! Tables do not travel; both sides compute them, from basic operations alone, each correctly rounded,
//! so that they are the same on every machine. The distribution is Student's with seven degrees of
//! freedom, whose density is a rational function, `(1 + t^2 / 7)^-4`: bell-shaped, with tails as heavy
//! as hidden states have after division by their channels' scales.

use std::f64::consts::SQRT_2;
use std::sync::LazyLock;

use crate::rans::{Frequencies, SYMBOLS};

/// The code of what no other code can say.
pub(crate) const OUTLIER: u8 = i8::MIN.cast_unsigned();

/// How many there are, 31 at most: the last place of the five bits that name one on the wire belongs to
/// exact parts.
const MEMBERS: usize = 18;

/// The size of the first member: 0.4% of its codes are not zero.
const SMALLEST: f64 = 0.125;

/// Points of a code's interval at which the density is taken.
const POINTS: u32 = 16;

/// The sum of the weights, about: far above the sum of frequencies, and within what they can be.
const UNIT: f64 = 1_099_511_627_776.0;

/// Codes beyond a member's range are as many as this part of all, at most, where a code can say so.
const BEYOND: f64 = 1.0 / 32_768.0;

/// All members, smallest first.
#[derive(Debug)]
pub(crate) struct Family {
    members: Vec<Member>,
    /// Mean magnitudes of codes up to which a member is the nearest; one fewer than members.
    ends: Vec<f64>,
}

/// How often codes of one size are expected.
#[derive(Debug)]
pub(crate) struct Member {
    /// Of the codes as bytes, and of [`OUTLIER`].
    pub(crate) frequencies: Frequencies,
    /// The largest code that has a frequency.
    pub(crate) range: u8,
}

impl Family {
    /// The one family that there is.
    pub(crate) fn get() -> &'static Self {
        static FAMILY: LazyLock<Family> = LazyLock::new(Family::new);
        &FAMILY
    }

    fn new() -> Self {
        let mut size = SMALLEST;
        let mut means = Vec::new();
        let mut members = Vec::new();
        for member in 0..MEMBERS {
            let density = Density::new(size);
            means.push(density.mean());
            members.push(density.member());
            // Every second size is a power of two, exactly.
            size *= if member % 2 == 0 { SQRT_2 } else { 1.0 };
            if member % 2 == 1 {
                size = SMALLEST * f64::from(1_u32 << member.div_ceil(2));
            }
        }
        let ends = means.windows(2).map(|pair| (pair[0] * pair[1]).sqrt()).collect();
        Self { members, ends }
    }

    /// Index and member for `len` codes whose magnitudes add up to `sum`.
    pub(crate) fn nearest(&self, sum: u32, len: usize) -> (u8, &Member) {
        #[expect(clippy::cast_precision_loss, reason = "a part has 2048 codes at most")]
        let index = self.of_mean(f64::from(sum) / len as f64);
        (index, &self.members[usize::from(index)])
    }

    /// Index of the member for codes whose magnitudes are `mean` on average.
    pub(crate) fn of_mean(&self, mean: f64) -> u8 {
        let index = self.ends.partition_point(|&end| end < mean);
        u8::try_from(index).expect("there are few members")
    }

    /// The member with this index.
    pub(crate) fn member(&self, index: u8) -> Option<&Member> {
        self.members.get(usize::from(index))
    }
}

/// The chance of each code's magnitude, both signs together.
struct Density([f64; 128]);

impl Density {
    fn new(size: f64) -> Self {
        let at = |x: f64| {
            let t = x / size;
            let base = 1.0 + t * t / 7.0;
            1.0 / (base * base * base * base)
        };
        let middle = f64::from(POINTS - 1) / 2.0;
        let around = |code: u32| {
            let point = |p| at(f64::from(code) + (f64::from(p) - middle) / f64::from(POINTS));
            (0..POINTS).map(point).sum::<f64>() * if code == 0 { 1.0 } else { 2.0 }
        };
        let mut chances: [f64; 128] =
            std::array::from_fn(|code| around(u32::try_from(code).expect("small")));
        let total: f64 = chances.iter().sum();
        for chance in &mut chances {
            *chance /= total;
        }
        Self(chances)
    }

    fn mean(&self) -> f64 {
        (0_u32..).zip(self.0).map(|(code, chance)| f64::from(code) * chance).sum()
    }

    /// The shortest range that leaves out [`BEYOND`] at most.
    fn member(&self) -> Member {
        let mut beyond = 0.0;
        let mut range = 127_u8;
        while range > 1 && beyond + self.0[usize::from(range)] <= BEYOND {
            beyond += self.0[usize::from(range)];
            range -= 1;
        }
        let mut weights = [0; SYMBOLS];
        for code in 0..=range {
            let both = self.0[usize::from(code)];
            let one = weight(if code == 0 { both } else { both / 2.0 });
            weights[usize::from(code)] = one;
            weights[usize::from(code.wrapping_neg())] = one;
        }
        weights[usize::from(OUTLIER)] = weight(beyond.max(BEYOND / 2.0));
        Member { frequencies: Frequencies::new(&weights), range }
    }
}

/// A chance as a whole number above zero.
fn weight(chance: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=2^40")]
    let weight = (chance * UNIT) as u64;
    weight.max(1)
}
