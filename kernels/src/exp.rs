//! The exponential function of softmax and SiLU.
//!
//! libm's differs between platforms in the last bit; this one is the same everywhere, because it is
//! made of correctly rounded steps only: `exp(x) = 2^n * e^r` with `n = round(x / ln 2)`,
//! `|r| <= ln 2 / 2`, and the Taylor polynomial of degree 7 for `e^r`, whose remainder of 5e-9 lies
//! below half a unit in the last place. Measured error: below 1.5 units in the last place.

/// Below, the result is zero; above, infinite.
pub(crate) const LOWEST: f32 = -104.0;
pub(crate) const HIGHEST: f32 = 89.0;

/// `ln 2` in two parts: the first has so few bits that `n * LN_2_HIGH` is exact.
pub(crate) const LN_2_HIGH: f32 = 0.693_359_4;
pub(crate) const LN_2_LOW: f32 = -2.121_944_4e-4;

/// `1 / k!` for `k` from 7 down to 0.
pub(crate) const TAYLOR: [f32; 8] =
    [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];

/// `e^x`; NaN stays NaN.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Not `clamp`: the comparisons are those of the vector instructions, and let NaN through.
    let x = if x < LOWEST { LOWEST } else { x };
    let x = if x > HIGHEST { HIGHEST } else { x };
    let n = (x * std::f32::consts::LOG2_E).round_ties_even();
    let r = n.mul_add(-LN_2_HIGH, x);
    let r = n.mul_add(-LN_2_LOW, r);
    let series = TAYLOR[1..].iter().fold(TAYLOR[0], |sum, &c| sum.mul_add(r, c));
    // Two steps, because 2^128 and 2^-150 have no f32 of their own.
    let (first, second) = power_halves(n);
    series * first * second
}

/// `(2^(n >> 1), 2^(n - (n >> 1)))` for integral `n` in `-152..=130`.
#[inline(always)]
fn power_halves(n: f32) -> (f32, f32) {
    #[expect(clippy::cast_possible_truncation, reason = "integral and small; NaN becomes 0")]
    let n = n as i32;
    let first = n >> 1;
    let power = |n: i32| f32::from_bits(((n + 127) << 23).cast_unsigned());
    (power(first), power(n - first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_one_and_a_half_units_in_the_last_place() {
        for step in -1_030_000_i32..=887_000 {
            let x = step as f32 * 1e-4;
            let exact = f64::from(x).exp();
            let got = exp(x);
            #[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is the point")]
            let rounded = exact as f32;
            let unit = f64::from(rounded.next_up()) - f64::from(rounded);
            let error = (f64::from(got) - exact).abs() / unit;
            assert!(error <= 1.5, "exp({x}) = {got}, exact {exact}, {error} units");
        }
    }

    #[test]
    fn has_the_limits_of_the_real_function() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(88.8), f32::INFINITY);
        assert!(exp(f32::NAN).is_nan());
    }
}
