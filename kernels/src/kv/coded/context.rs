//! What both sides know of a channel before its next code: what it was in the slots before.

use std::sync::LazyLock;

use super::super::layout::KvLayout;
use super::row_len;
use crate::family::Family;
use crate::rans::Frequencies;

/// A prediction is drawn to zero as if so many slots before the first had been zero. Measured: 1 to 4
/// differ by half a percent of the bytes.
const SLOTS_OF_ZERO: f32 = 2.0;

/// The size of a head counts as much as so many slots of the channel itself. Measured: 6 is 1 % better
/// than 1.
const SLOTS_OF_HEAD: f32 = 6.0;

/// Codes are drawn to zero by this part of a step, because in each interval the small ones are more
/// frequent. Measured: as good as steps that are 2 % smaller.
const DRAWN: f32 = 1.0 / 16.0;

/// What is learned from a code is learned from one of this magnitude at most: massive activations (Sun
/// et al. 2024, arXiv:2402.17762) say little of the slots that follow.
const LEARNED_MAX: i16 = 127;

/// Mean magnitudes are told apart from `2^-8` to `2^8`, four to an octave.
const LEAST: u32 = (127 - 8) << 2;
const MEANS: usize = 64;
const MEAN_SHIFT: u32 = 21;

/// A head's size on its way has eight values to an octave, from the same least one on.
const SIZE_SHIFT: u32 = MEAN_SHIFT - 1;
const SIZE_LEAST: u32 = LEAST << 1;

/// What each channel was so far, as the receiver has it.
pub(super) struct Means {
    /// Of the slots so far, without what is beyond [`LEARNED_MAX`] of a code: `[2 G E]`.
    sums: Vec<f32>,
    /// How many there are.
    slots: f32,
}

impl Means {
    pub(super) fn new(row: usize) -> Self {
        Self { sums: vec![0.0; row], slots: 0.0 }
    }

    /// The next slot's elements by its codes, of keys and values, `[2 G E]` each.
    pub(super) fn restore(&mut self, steps: [f32; 2], codes: &[i16], elements: &mut [f32]) {
        let weight = 1.0 / (self.slots + SLOTS_OF_ZERO);
        let half = elements.len() / 2;
        for (at, step) in [0..half, half..2 * half].into_iter().zip(steps) {
            let channels = self.sums[at.clone()].iter_mut().zip(&codes[at.clone()]);
            for (x, (sum, code)) in elements[at].iter_mut().zip(channels) {
                let prediction = *sum * weight;
                let learned = (*code).clamp(-LEARNED_MAX, LEARNED_MAX);
                *x = prediction + drawn(f32::from(*code)) * step;
                *sum += prediction + drawn(f32::from(learned)) * step;
            }
        }
        self.slots += 1.0;
    }

    /// What the next slot's elements are off their predictions, in steps.
    pub(super) fn residuals(&self, steps: [f32; 2], elements: &[f32], residuals: &mut [f32]) {
        let weight = 1.0 / (self.slots + SLOTS_OF_ZERO);
        let half = elements.len() / 2;
        for (at, step) in [0..half, half..2 * half].into_iter().zip(steps) {
            let inverse = 1.0 / step;
            let channels = self.sums[at.clone()].iter().zip(&elements[at.clone()]);
            for (residual, (sum, x)) in residuals[at].iter_mut().zip(channels) {
                *residual = (x - sum * weight) * inverse;
            }
        }
    }
}

/// What a code stands for, in steps.
#[inline(always)]
fn drawn(code: f32) -> f32 {
    let up = if code < 0.0 { DRAWN } else { 0.0 };
    let down = if code > 0.0 { DRAWN } else { 0.0 };
    code + up - down
}

/// How large each channel's codes were so far.
pub(super) struct Sizes {
    /// Sums of magnitudes, whole numbers, from what the head's size counts for on: `[2 G E]`.
    sums: Vec<f32>,
    /// How many slots these are worth.
    slots: f32,
}

impl Sizes {
    /// At first what is `said` of each head of the keys, then of the values: `[2 G]`.
    pub(super) fn new(layout: &KvLayout, said: &[u8]) -> Self {
        let mut sums = vec![0.0; row_len(layout)];
        for (sums, said) in sums.chunks_exact_mut(layout.head_width).zip(said) {
            sums.fill(SLOTS_OF_HEAD * said_size(*said));
        }
        Self { sums, slots: SLOTS_OF_HEAD }
    }

    /// The member of the family that each code of the next slot is expected from, `[2 G E]`.
    pub(super) fn members(&self, members: &mut [u8]) {
        let table = by_mean();
        let weight = 1.0 / self.slots;
        for (member, sum) in members.iter_mut().zip(&self.sums) {
            let pattern = ((sum * weight).to_bits() >> MEAN_SHIFT).saturating_sub(LEAST);
            *member = table[(pattern as usize).min(MEANS - 1)];
        }
    }

    /// Takes the next slot's codes into account.
    pub(super) fn add(&mut self, codes: &[i16]) {
        for (sum, code) in self.sums.iter_mut().zip(codes) {
            *sum += f32::from(code.unsigned_abs().min(LEARNED_MAX.unsigned_abs()));
        }
        self.slots += 1.0;
    }
}

/// The mean magnitude of a head's codes as a byte.
#[expect(clippy::cast_precision_loss, reason = "rounded, and then rounded much more")]
pub(super) fn size_of_head(magnitudes: u64, codes: usize) -> u8 {
    let mean = magnitudes as f32 / codes as f32;
    let pattern = (mean.to_bits() >> SIZE_SHIFT).saturating_sub(SIZE_LEAST);
    u8::try_from(pattern).unwrap_or(u8::MAX)
}

/// The mean magnitude that a byte says.
fn said_size(said: u8) -> f32 {
    f32::from_bits((SIZE_LEAST + u32::from(said)) << SIZE_SHIFT)
}

/// Frequencies of a `member`'s codes, and the largest code that has one.
#[inline(always)]
pub(super) fn of_member(family: &Family, member: u8) -> (&Frequencies, u8) {
    let member = family.member(member).expect("members come from the table of means");
    (&member.frequencies, member.range)
}

/// Members of the family by their codes' mean magnitude.
fn by_mean() -> &'static [u8; MEANS] {
    static BY_MEAN: LazyLock<[u8; MEANS]> = LazyLock::new(|| {
        std::array::from_fn(|at| {
            let pattern = LEAST + u32::try_from(at).expect("one of few");
            let middle = f32::from_bits(pattern << MEAN_SHIFT | 1 << (MEAN_SHIFT - 1));
            Family::get().of_mean(f64::from(middle))
        })
    });
    &BY_MEAN
}
