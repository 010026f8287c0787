//! A row's logits, read as probabilities of the next token.

use base::TokenId;

/// What a row predicts. In double precision: the sum has as many terms as the vocabulary, and single
/// precision would show in the digits that formats differ in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Distribution<'a> {
    /// `[V]`, unnormalized.
    logits: &'a [f32],
    max: f32,
    /// The logarithm of all exponentials' sum, relative to `max`.
    log_sum: f64,
}

impl<'a> Distribution<'a> {
    /// Of `logits`, `[V]`. Costs an exponential for each.
    pub(crate) fn of(logits: &'a [f32]) -> Self {
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let relative = |logit: &f32| (f64::from(*logit) - f64::from(max)).exp();
        let log_sum = logits.iter().map(relative).sum::<f64>().ln();
        Self { logits, max, log_sum }
    }

    /// The negative logarithm of the probability of `token`, in nats. No finite number where that is
    /// zero, or where some logit is none.
    ///
    /// # Panics
    ///
    /// Where there is no logit of `token`.
    pub(crate) fn nats(&self, token: TokenId) -> f64 {
        self.log_sum - self.relative(self.logits[token.0 as usize])
    }

    /// The same of every token, in order: `[V]`.
    pub(crate) fn all_nats(&self) -> impl Iterator<Item = f64> {
        self.logits.iter().map(|logit| self.log_sum - self.relative(*logit))
    }

    /// The likeliest token; of several, the lowest.
    pub(crate) fn likeliest(&self) -> TokenId {
        let found = (0..).map(TokenId).zip(self.logits).find(|(_, logit)| **logit == self.max);
        found.map_or(TokenId(0), |(token, _)| token)
    }

    fn relative(&self, logit: f32) -> f64 {
        f64::from(logit) - f64::from(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_their_logits_and_add_up_to_one() {
        let logits = [1.0, 4.0, 2.0, 1.0].map(|weight: f32| weight.ln() + 1e3);
        let distribution = Distribution::of(&logits);
        let shares: Vec<f64> = distribution.all_nats().map(|nats| (-nats).exp()).collect();
        for (share, expected) in shares.iter().zip([0.125, 0.5, 0.25, 0.125]) {
            assert!((share - expected).abs() < 1e-4, "{shares:?}");
        }
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{shares:?}");
        assert_eq!(distribution.nats(TokenId(2)), distribution.all_nats().nth(2).unwrap());
    }

    #[test]
    fn of_equally_likely_tokens_the_lowest_is_the_likeliest() {
        assert_eq!(Distribution::of(&[0.0, 2.0, -1.0, 2.0]).likeliest(), TokenId(1));
        assert_eq!(Distribution::of(&[-3.0]).likeliest(), TokenId(0));
    }
}
