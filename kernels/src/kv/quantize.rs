//! Codes of one group of up to 32 elements, with scales in half precision.
//!
//! Codes are made for the scale as it is stored, rounded. A group with a NaN or an infinity, or whose
//! scale or minimum has no finite `f16`, has codes 0 and a NaN for its scale: it reads as NaN rather
//! than as something plausible.

use super::layout::GROUP_MAX;

/// Values in a step of `f16` conversion.
pub(super) const STEP: usize = 8;

/// Largest magnitude of a `q8` code, and largest `q4` code.
const Q8_MAX: f32 = 127.0;
const Q4_MAX: f32 = 15.0;

/// Lanes of the reductions: both have the same result in any order.
const LANES: usize = 8;

/// Codes (`i8` as bytes) and the `f16` scale: `absmax / 127`.
#[inline(always)]
pub(super) fn quantize_q8(
    x: &[f32; GROUP_MAX],
    narrow: impl Fn(&[f32; STEP]) -> [u16; STEP],
) -> ([u8; GROUP_MAX], u16) {
    let absmax = maximum(&x.map(f32::abs));
    let scale = halved(absmax / Q8_MAX, narrow);
    let step = widened(scale);
    if !(step.is_finite() && all_finite(x)) {
        return ([0; GROUP_MAX], half::f16::NAN.to_bits());
    }
    let inverse = if step == 0.0 { 0.0 } else { 1.0 / step };
    (x.map(|x| rounded(within(-Q8_MAX, x * inverse, Q8_MAX))), scale)
}

/// Codes, and the `f16` scale and minimum: `(maximum - minimum) / 15` with the minimum as rounded.
#[inline(always)]
pub(super) fn quantize_q4(
    x: &[f32; GROUP_MAX],
    narrow: impl Fn(&[f32; STEP]) -> [u16; STEP],
) -> ([u8; GROUP_MAX], u16, u16) {
    let minimum = halved(-maximum(&x.map(|x| -x)), &narrow);
    let lowest = widened(minimum);
    // Negative where rounding lifted the minimum over the whole group: codes then count down from it.
    let scale = halved((maximum(x) - lowest) / Q4_MAX, narrow);
    let step = widened(scale);
    if !(step.is_finite() && lowest.is_finite() && all_finite(x)) {
        return ([0; GROUP_MAX], half::f16::NAN.to_bits(), half::f16::NAN.to_bits());
    }
    let inverse = if step == 0.0 { 0.0 } else { 1.0 / step };
    (x.map(|x| rounded(within(0.0, (x - lowest) * inverse, Q4_MAX))), scale, minimum)
}

/// The largest element, NaN not counted.
#[inline(always)]
fn maximum(x: &[f32; GROUP_MAX]) -> f32 {
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for x in x.as_chunks::<LANES>().0 {
        for (lane, x) in lanes.iter_mut().zip(x) {
            *lane = larger(*x, *lane);
        }
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, larger)
}

#[inline(always)]
fn all_finite(x: &[f32; GROUP_MAX]) -> bool {
    x.iter().fold(true, |all, x| all & x.is_finite())
}

/// The integer nearest to `x`, ties to even, as an `i8`; `x` is at most 127 in magnitude.
#[inline(always)]
fn rounded(x: f32) -> u8 {
    // So far up that the lowest bit of a number is worth one.
    (x + 12_582_912.0).to_bits().to_le_bytes()[0]
}

/// `x` limited to `low..=high`.
#[inline(always)]
fn within(low: f32, x: f32, high: f32) -> f32 {
    let x = if x > high { high } else { x };
    if x < low { low } else { x }
}

#[inline(always)]
fn halved(x: f32, narrow: impl Fn(&[f32; STEP]) -> [u16; STEP]) -> u16 {
    let mut step = [0.0; STEP];
    step[0] = x;
    narrow(&step)[0]
}

#[inline(always)]
fn widened(bits: u16) -> f32 {
    half::f16::from_bits(bits).to_f32()
}
