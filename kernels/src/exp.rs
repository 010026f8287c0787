//! The exponential function of softmax and SiLU.
//!
//! libm's differs between platforms in the last bit; this one is the same everywhere, because it is
//! made of correctly rounded steps only: `exp(x) = 2^n * e^r` with `n = round(x / ln 2)` and
//! `|r| <= ln 2 / 2`. For `e^r` a polynomial of degree 6, `1 + r + r^2 g(r)`, where `g` interpolates
//! `(e^r - 1 - r) / r^2` at the five Chebyshev points of the interval: within 1e-8 of it, a sixth of
//! half a unit in the last place. Measured error: below 1.5 units in the last place.
//!
//! Results below the normal numbers are zero, and those from 2^127.5 on infinite: neither a weight of
//! a softmax nor a SiLU can tell, and the power of two is then one factor that a shift makes.

/// Below, the result is zero: `2^-126`, the smallest normal number.
const LOWEST: f32 = -87.336_54;

/// Above, the result is infinite, and already a little below.
const HIGHEST: f32 = 89.0;

/// `ln 2` in two parts: the first has so few bits that `n * LN_2_HIGH` is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// Added to a number of magnitude below 2^21, it rounds it to an integer, and leaves that plus 127,
/// the bias of an exponent, in the lowest bits of the sum.
const ROUNDER: f32 = 12_582_912.0 + 127.0;

/// `g`, from its highest power down, then the two powers that are exact.
const SERIES: [f32; 7] =
    [1.392_637_8e-3, 8.363_334e-3, 4.166_655_2e-2, 1.666_657_6e-1, 0.5, 1.0, 1.0];

/// `e^x`; NaN stays NaN.
///
/// Without a branch, so that a loop over it becomes vectors wherever the processor has them.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Not `min`: the comparisons are those of the vector instructions, and let NaN through.
    let limited = if x > HIGHEST { HIGHEST } else { x };
    let biased = limited.mul_add(std::f32::consts::LOG2_E, ROUNDER);
    let n = biased - ROUNDER;
    let r = n.mul_add(-LN_2_HIGH, limited);
    let r = n.mul_add(-LN_2_LOW, r);
    let mut series = SERIES[0];
    for coefficient in &SERIES[1..] {
        series = series.mul_add(r, *coefficient);
    }
    let power = f32::from_bits(biased.to_bits() << 23);
    if x < LOWEST { 0.0 } else { series * power }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_one_and_a_half_units_in_the_last_place() {
        for step in -873_365_i32..=883_700 {
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
        for x in [-87.34, -104.0, -1e9, -1e30, f32::MIN, f32::NEG_INFINITY] {
            assert_eq!(exp(x).to_bits(), 0, "exp({x})");
        }
        for x in [88.8, 89.0, 1e9, f32::MAX, f32::INFINITY] {
            assert_eq!(exp(x), f32::INFINITY, "exp({x})");
        }
        assert!(exp(f32::NAN).is_nan());
        assert!(exp(f32::from_bits(0x7fc0_01ff)).is_nan());
    }
}
