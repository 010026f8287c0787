//! How likely a text is: the sum of what each of its tokens is worth, and how far that is to be
//! trusted.

use super::distribution::Distribution;
use anyhow::ensure;
use base::TokenId;

/// Sums over the tokens that count, in nats.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Likelihood {
    tokens: usize,
    /// Of negative log likelihoods.
    sum: f64,
    /// Of their squares.
    squares: f64,
}

impl Likelihood {
    /// Counts `token`, which the row before it predicts.
    ///
    /// # Errors
    ///
    /// Where that is no number, or the token has no probability at all.
    ///
    /// # Panics
    ///
    /// Where there is no logit of `token`.
    pub(crate) fn add(&mut self, row: &Distribution<'_>, token: TokenId) -> anyhow::Result<()> {
        let nats = row.nats(token);
        ensure!(nats.is_finite(), "the model gives token {} no likelihood: {nats}", token.0);
        self.tokens += 1;
        self.sum += nats;
        self.squares += nats * nats;
        Ok(())
    }

    /// How many tokens were counted.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Between how many equally likely tokens the model was left to guess, on the geometric mean.
    pub(crate) fn perplexity(&self) -> f64 {
        self.mean().exp()
    }

    /// Of [`Self::perplexity`], by what the tokens differ in: the standard error of their mean, which
    /// the exponential function multiplies by its slope.
    pub(crate) fn standard_error(&self) -> f64 {
        let variance = self.squares / self.tokens as f64 - self.mean() * self.mean();
        // What all tokens share has no variance, and rounding may take it below zero.
        let of_mean = (variance.max(0.0) / (self.tokens as f64 - 1.0)).sqrt();
        self.perplexity() * of_mean
    }

    fn mean(&self) -> f64 {
        self.sum / self.tokens as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::LN_2;

    fn assert_near(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-12 * expected.abs().max(1.0), "{actual} {expected}");
    }

    #[test]
    fn a_model_that_knows_nothing_guesses_among_all_tokens() {
        let mut likelihood = Likelihood::default();
        for token in 0..5 {
            likelihood.add(&Distribution::of(&[1e30; 5]), TokenId(token)).unwrap();
        }
        assert_eq!(likelihood.tokens(), 5);
        assert_near(likelihood.perplexity(), 5.0);
        assert_near(likelihood.standard_error(), 0.0);
    }

    /// Tokens of 1/2, 1/8 and 1/8: 1, 3 and 3 times ln 2, so that the mean is 7/3 of it, the variance
    /// 8/9 of its square, and the mean's a half of that.
    #[test]
    fn perplexity_and_its_error_are_those_of_a_case_done_by_hand() {
        let logits: [f32; 5] = [1.0, 0.25, 0.25, 0.25, 0.25].map(f32::ln);
        let mut likelihood = Likelihood::default();
        for token in [0, 1, 4] {
            likelihood.add(&Distribution::of(&logits), TokenId(token)).unwrap();
        }
        let perplexity = 2_f64.powf(7.0 / 3.0);
        let tolerance = 1e-6;
        assert!((likelihood.perplexity() - perplexity).abs() < tolerance);
        let error = perplexity * (4.0_f64 / 9.0).sqrt() * LN_2;
        assert!((likelihood.standard_error() - error).abs() < tolerance);
    }

    #[test]
    fn logits_that_are_no_numbers_are_refused() {
        for (logits, token) in [
            ([0.0, f32::NAN], 0),
            ([0.0, f32::NAN], 1),
            ([0.0, f32::INFINITY], 0),
            ([0.0, f32::NEG_INFINITY], 1),
            ([f32::NEG_INFINITY; 2], 0),
        ] {
            let mut likelihood = Likelihood::default();
            assert!(
                likelihood.add(&Distribution::of(&logits), TokenId(token)).is_err(),
                "{logits:?}"
            );
            assert_eq!(likelihood.tokens(), 0);
        }
        let mut likelihood = Likelihood::default();
        likelihood.add(&Distribution::of(&[0.0, f32::NEG_INFINITY]), TokenId(0)).unwrap();
        assert_near(likelihood.perplexity(), 1.0);
    }
}
