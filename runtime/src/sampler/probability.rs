//! How likely a model takes a token to be.

use super::masked;
use base::{Allowed, TokenId};

/// The share of `token` in `softmax(logits)`, `[V]`, over the tokens that are `allowed`; 0 where it is none of
/// these, or outside of the vocabulary, or no logit is finite. Costs O(V).
///
/// A measure of confidence, which decides speed alone: it is of the platform's mathematics, unlike
/// what [`super::choose`] does.
pub fn probability(logits: &[f32], allowed: &Allowed, token: TokenId) -> f32 {
    let logits = masked(logits, allowed);
    let Some(own) = logits.get(token.0 as usize) else { return 0.0 };
    let total: f32 = logits.iter().map(|logit| (logit - own).exp()).sum();
    if total.is_nan() { 0.0 } else { 1.0 / total }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_one_and_follow_the_logits() {
        let logits = [1.0, 3.0, -2.0, 3.0];
        let shares: Vec<_> =
            (0..4).map(|token| probability(&logits, &Allowed::Any, TokenId(token))).collect();
        assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert_eq!(shares[1], shares[3]);
        assert!((shares[1] / shares[0] - 2f32.exp()).abs() < 1e-4);
    }

    #[test]
    fn what_is_not_allowed_has_no_share_and_the_rest_shares_all() {
        let allowed = Allowed::Only([0, 2].into_iter().map(TokenId).collect());
        let share = |token| probability(&[1.0, 30.0, 1.0], &allowed, TokenId(token));
        assert_eq!([share(0), share(1), share(2)], [0.5, 0.0, 0.5]);
    }

    #[test]
    fn what_cannot_be_is_never_likely_and_large_logits_do_no_harm() {
        let logits = [f32::NEG_INFINITY, 900.0, 0.0];
        assert_eq!(probability(&logits, &Allowed::Any, TokenId(0)), 0.0);
        assert_eq!(probability(&logits, &Allowed::Any, TokenId(1)), 1.0);
        assert_eq!(probability(&logits, &Allowed::Any, TokenId(2)), 0.0);
        assert_eq!(probability(&logits, &Allowed::Any, TokenId(3)), 0.0, "no such token");
    }
}
