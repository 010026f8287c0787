//! How likely a model takes a token to be.

use base::TokenId;

/// The share of `token` in `softmax(logits)`, `[V]`; 0 where the token is outside of the vocabulary or
/// no logit is finite. Costs O(V).
///
/// A measure of confidence, which decides speed alone: it is of the platform's mathematics, unlike
/// what [`super::choose`] does.
pub fn probability(logits: &[f32], token: TokenId) -> f32 {
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
        let shares: Vec<_> = (0..4).map(|token| probability(&logits, TokenId(token))).collect();
        assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert_eq!(shares[1], shares[3]);
        assert!((shares[1] / shares[0] - 2f32.exp()).abs() < 1e-4);
    }

    #[test]
    fn what_cannot_be_is_never_likely_and_large_logits_do_no_harm() {
        let logits = [f32::NEG_INFINITY, 900.0, 0.0];
        assert_eq!(probability(&logits, TokenId(0)), 0.0);
        assert_eq!(probability(&logits, TokenId(1)), 1.0);
        assert_eq!(probability(&logits, TokenId(2)), 0.0);
        assert_eq!(probability(&logits, TokenId(3)), 0.0, "no such token");
    }
}
