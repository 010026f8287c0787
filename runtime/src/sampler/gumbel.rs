//! Standard Gumbel noise from random bits, with the same bits on every platform.
//!
//! `u = (2k + 1) / 2^53` with the 52 high bits as `k` lies strictly between 0 and 1 and is exact in
//! `f64`; `G = −ln(−ln u)`. Logarithm and exponential are series of our own in plain `+ - * /`,
//! accurate to a few units in the last place: a platform's `ln` may differ in the last bit from
//! another's, and one bit can turn one token into another.

use std::f64::consts::{LN_2, LOG2_E, SQRT_2};

/// No noise is larger: at most `53 ln 2`, rounded up.
pub(super) const MAX: f64 = 36.75;

/// Above what rounding adds to a score.
const SLACK: f64 = 1e-9;

/// `−ln(−ln u)` for the `u` that `bits` stand for.
pub(super) fn gumbel(bits: u64) -> f64 {
    -ln(-ln(uniform(bits)))
}

/// An upper bound of [`gumbel`] at the cost of counting zeros: `−ln u ≥ 1 − u ≥ 2^−n`, where `n` is
/// one more than the number of leading zeros of the 53-bit fraction `1 − u`.
pub(super) fn ceiling(bits: u64) -> f64 {
    let rest = (1u64 << 53) - (bits >> 12 << 1 | 1);
    let zeros = rest.leading_zeros() - (64 - 53);
    f64::from(zeros + 1) * LN_2 + SLACK
}

fn uniform(bits: u64) -> f64 {
    const STEP: f64 = 1.0 / (1u64 << 53) as f64;
    (bits >> 12 << 1 | 1) as f64 * STEP
}

/// The natural logarithm of a positive normal number.
fn ln(x: f64) -> f64 {
    const EXPONENT_ONE: u64 = 1023 << 52;
    const MANTISSA: u64 = (1 << 52) - 1;
    let bits = x.to_bits();
    let mut exponent = f64::from(u32::try_from(bits >> 52).unwrap_or(0)) - 1023.0;
    let mut mantissa = f64::from_bits(bits & MANTISSA | EXPONENT_ONE);
    if mantissa > SQRT_2 {
        mantissa *= 0.5;
        exponent += 1.0;
    }
    // ln m = 2 artanh s with s = (m − 1) / (m + 1), |s| < 0.172: the last term is below 2^-55.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    for odd in [21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = sum * square + 1.0 / odd;
    }
    exponent * LN_2 + 2.0 * s * sum
}

/// The exponential of a number that is not positive; zero below −40.
pub(super) fn exp(x: f64) -> f64 {
    if x < -40.0 {
        return 0.0;
    }
    let mut power = 0u64; // x = rest − power · ln 2
    let mut rest = x;
    if x < -0.5 {
        power = floor(-x * LOG2_E + 0.5);
        rest = x + power as f64 * LN_2;
    }
    // Taylor's series; |rest| <= 0.5, so that the last term is below 2^-54.
    let mut sum = 1.0;
    for n in [13.0, 12.0, 11.0, 10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0] {
        sum = 1.0 + sum * rest / n;
    }
    sum * f64::from_bits((1023 - power) << 52)
}

/// The whole part of a number in `0..2^53`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is asked for")]
pub(super) const fn floor(x: f64) -> u64 {
    x as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> impl Iterator<Item = u64> {
        let edges = [0, 1, 1 << 12, u64::MAX, u64::MAX - (1 << 12), 1 << 63, (1 << 63) - 1];
        let powers = (0..64).flat_map(|n| [1u64 << n, !(1u64 << n), !0 >> n]);
        let mixed = (1..2000u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        edges.into_iter().chain(powers).chain(mixed)
    }

    #[test]
    fn noise_agrees_with_the_platform_and_stays_below_its_ceiling() {
        for bits in samples() {
            let noise = gumbel(bits);
            let expected = -(-uniform(bits).ln()).ln();
            let scale = expected.abs().max(1.0);
            assert!((noise - expected).abs() < 1e-14 * scale, "{bits:x}: {noise} {expected}");
            assert!(noise <= ceiling(bits) && noise <= MAX, "{bits:x}");
            assert!(ceiling(bits) <= noise.max(0.0) + 1.5, "{bits:x}: a bound worth having");
        }
    }

    #[test]
    fn the_exponential_agrees_with_the_platform() {
        for n in 0..40_000 {
            let x = -f64::from(n) / 1000.0;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-14, "{x}");
        }
        assert_eq!((exp(0.0), exp(-41.0), exp(f64::NEG_INFINITY)), (1.0, 0.0, 0.0));
    }

    /// The same formulas in Python's doubles, term by term, gave these bits.
    #[test]
    fn golden_bits() {
        for (bits, golden) in [
            (0x0000_0000_0000_0000, 0xc00c_d48a_14a6_8f37),
            (0xffff_ffff_ffff_ffff, 0x4042_5e4f_7b27_37fa),
            (0x8000_0000_0000_0000, 0x3fd7_74f2_9bdd_6ba3),
            (0x0123_4567_89ab_cdef, 0xbffb_07af_34a6_048f),
            (0xfedc_ba98_7654_3210, 0x4015_a7ce_9996_0a13),
            (0x9e37_79b9_7f4a_7c15, 0x3fe7_6805_0d18_6fac),
            (0x0000_0000_dead_beef, 0xc008_d80b_3ff0_0cdb),
        ] {
            assert_eq!(gumbel(bits).to_bits(), golden, "{bits:#x}");
        }
    }
}
