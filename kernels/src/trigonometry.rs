//! Sine and cosine for rotary positions, the same bits on every platform.
//!
//! The platform's `sin` and `cos` are not correctly rounded and differ between C libraries. Here the
//! angle is kept exactly, in two numbers, and reduced by multiples of pi/2 in parts whose products are
//! exact; a Taylor polynomial does the rest. Absolute error below 1e-12 at any position, four orders
//! finer than the f32 it is rounded to. Only basic operations, each correctly rounded, and no fused
//! ones.

/// Angles up to here are reduced exactly enough: every position, at one radian each.
pub(crate) const ANGLE_MAX: f64 = 4_294_967_296.0;

/// pi/2 in four parts; the first three have 21 significant bits, so that up to 2^32 times them is
/// exact.
const QUARTER_TURN: [f64; 4] = [
    f64::from_bits(0x3ff9_21fb_0000_0000),
    f64::from_bits(0x3e95_110b_0000_0000),
    f64::from_bits(0x3d31_8469_0000_0000),
    f64::from_bits(0x3be1_3198_a2e0_3707),
];

/// Terms of a series: the ninth is below 1e-17 for angles up to pi/4.
const TERMS: usize = 8;

/// The factors from one term of `sin(r) / r` and of `cos(r)` to the next, but for `-r^2`.
const SIN: [f64; TERMS] = reciprocals(2.0);
const COS: [f64; TERMS] = reciprocals(1.0);

/// `1 / (m (m + 1))`, `1 / ((m + 2) (m + 3))` and so on.
const fn reciprocals(mut m: f64) -> [f64; TERMS] {
    let mut factors = [0.0; TERMS];
    let mut term = 0;
    while term < TERMS {
        factors[term] = 1.0 / (m * (m + 1.0));
        m += 2.0;
        term += 1;
    }
    factors
}

/// `(sin, cos)` of `position * frequency`, which is in `0..=ANGLE_MAX`.
pub(crate) fn sin_cos(position: u32, frequency: f32) -> (f64, f64) {
    // Both products are exact, and so is what their sum leaves over: it is the smaller one's.
    let (low, frequency) = (position & 0xffff, f64::from(frequency));
    let (high, low) = (f64::from(position - low) * frequency, f64::from(low) * frequency);
    let angle = high + low;
    let left_over = low - (angle - high);
    debug_assert!((0.0..=ANGLE_MAX).contains(&angle));
    let turns = (angle * std::f64::consts::FRAC_2_PI).round_ties_even();
    let rest = QUARTER_TURN.iter().fold(angle, |rest, part| rest - turns * part) + left_over;
    let square = rest * rest;
    let (sin, cos) = (rest * alternating_series(square, &SIN), alternating_series(square, &COS));
    match turns.rem_euclid(4.0) {
        0.0 => (sin, cos),
        1.0 => (cos, -sin),
        2.0 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// `1 - z f[0] (1 - z f[1] (1 - ...))`.
fn alternating_series(z: f64, factors: &[f64; TERMS]) -> f64 {
    factors.iter().rev().fold(1.0, |sum, factor| 1.0 - z * factor * sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frequencies of at most 20 bits, so that every angle is exact in the platform's argument too.
    #[test]
    fn agrees_with_the_platform_to_1e_12_at_any_position() {
        for frequency in [1.0, 0.75, 0.1, 6e-5, 3e-8_f32] {
            let frequency = f32::from_bits(frequency.to_bits() & !0xf);
            for step in 0..20_000_u32 {
                let position = step.wrapping_mul(214_748) | step;
                let angle = f64::from(position) * f64::from(frequency);
                let (sin, cos) = sin_cos(position, frequency);
                assert!((sin - angle.sin()).abs() < 1e-12, "sin({angle})");
                assert!((cos - angle.cos()).abs() < 1e-12, "cos({angle})");
            }
        }
        assert_eq!(sin_cos(0, 1.0), (0.0, 1.0));
    }

    /// The angle of the last position has 56 bits: one f64 cannot hold it.
    #[test]
    fn loses_nothing_of_an_angle_that_a_number_cannot_hold() {
        let frequency = 1.0_f32.next_down();
        let (sin, cos) = sin_cos(u32::MAX, frequency);
        // 2^32 - 1 - 2^8 + 2^-24, from its two exact parts by the sum of angles.
        let (a, b) = (f64::from(u32::MAX - 256), 2.0_f64.powi(-24));
        assert!((sin - (a.sin() * b.cos() + a.cos() * b.sin())).abs() < 1e-12);
        assert!((cos - (a.cos() * b.cos() - a.sin() * b.sin())).abs() < 1e-12);
    }
}
