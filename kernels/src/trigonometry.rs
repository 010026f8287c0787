//! Sine and cosine for rotary tables, the same bits on every platform.
//!
//! The platform's `sin` and `cos` are not correctly rounded and differ between C libraries. Here the
//! angle is reduced by multiples of pi/2, which are subtracted in two exact parts, and a Taylor
//! polynomial does the rest: absolute error below 1e-12, four orders finer than the f32 it is
//! rounded to. Only basic operations, each correctly rounded, and no fused ones.

/// Angles up to here are reduced exactly enough: 2^20 quarter turns.
pub(crate) const ANGLE_MAX: f64 = 1_048_576.0;

/// pi/2 in three parts; the first two have 33 significant bits, so that up to 2^20 times them is
/// exact.
const QUARTER_TURN: [f64; 3] =
    [f64::from_bits(0x3ff9_21fb_5440_0000), 6.077_100_506_303_966e-11, 2.022_266_248_795_950_6e-21];

/// `(sin(angle), cos(angle))` for `0 <= angle <= ANGLE_MAX`.
pub(crate) fn sin_cos(angle: f64) -> (f64, f64) {
    debug_assert!((0.0..=ANGLE_MAX).contains(&angle));
    let turns = (angle * std::f64::consts::FRAC_2_PI).round_ties_even();
    let rest = QUARTER_TURN.iter().fold(angle, |rest, part| rest - turns * part);
    let square = rest * rest;
    let sin = rest * alternating_series(square, 3.0);
    let cos = alternating_series(square, 2.0);
    match turns.rem_euclid(4.0) {
        0.0 => (sin, cos),
        1.0 => (cos, -sin),
        2.0 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// `1 - z/((m-1)m) + z^2/((m-1)m(m+1)(m+2)) - ...`: cosine for `m = 2`, `sin(r)/r` for `m = 3`.
///
/// Eight terms: the ninth is below 1e-17 for `z <= (pi/4)^2`.
fn alternating_series(z: f64, m: f64) -> f64 {
    (0..8_u8).rev().fold(1.0, |sum, term| {
        let m = m + 2.0 * f64::from(term);
        1.0 - z / ((m - 1.0) * m) * sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_platform_to_1e_12() {
        for step in 0..200_000_u32 {
            let angle = f64::from(step) * 0.731 + f64::from(step % 97) * 1e-3;
            let (sin, cos) = sin_cos(angle);
            assert!((sin - angle.sin()).abs() < 1e-12, "sin({angle})");
            assert!((cos - angle.cos()).abs() < 1e-12, "cos({angle})");
        }
        assert_eq!(sin_cos(0.0), (0.0, 1.0));
    }
}
