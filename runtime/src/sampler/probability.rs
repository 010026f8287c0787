//! How likely a model takes a token to be.

use super::masked;
use base::{Allowed, Likelihoods, TokenId};

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

/// The natural logarithms of `softmax(logits)`, `[V]`, over the tokens that are `allowed`: of `token`, and of the `top`
/// likeliest; the lowest number that there is for what cannot be. Costs O(V). Of the platform's
/// mathematics, as [`probability`].
pub fn likelihoods(logits: &[f32], allowed: &Allowed, token: TokenId, top: usize) -> Likelihoods {
    let logits = masked(logits, allowed);
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total = logits.iter().map(|logit| f64::from(logit - most).exp()).sum::<f64>().ln();
    #[expect(clippy::cast_possible_truncation, reason = "a logarithm needs no more digits")]
    let log = |logit: f32| ((f64::from(logit - most) - total) as f32).max(f32::MIN);
    let own = logits.get(token.0 as usize).copied().unwrap_or(f32::NEG_INFINITY);
    let mut best = Vec::new();
    if top > 0 {
        let all = (0..).map(TokenId).zip(logits.iter().copied());
        best = all.filter(|(_, logit)| *logit > f32::NEG_INFINITY).collect();
        let likelier =
            |(a, x): &(TokenId, f32), (b, y): &(TokenId, f32)| y.total_cmp(x).then(a.cmp(b));
        if top < best.len() {
            best.select_nth_unstable_by(top, likelier);
            best.truncate(top);
        }
        best.sort_unstable_by(likelier);
    }
    let top = best.into_iter().map(|(token, logit)| (token, log(logit))).collect();
    Likelihoods { chosen: (token, log(own)), top }
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
    fn likelihoods_are_logarithms_of_shares_and_the_likeliest_come_first() {
        let logits = [1.0, 3.0, f32::NEG_INFINITY, 3.0];
        let found = likelihoods(&logits, &Allowed::Any, TokenId(0), 3);
        let share = |token| probability(&logits, &Allowed::Any, TokenId(token)).ln();
        assert!((found.chosen.1 - share(0)).abs() < 1e-5, "{found:?}");
        assert_eq!(found.top.iter().map(|(token, _)| token.0).collect::<Vec<_>>(), [1, 3, 0]);
        assert!((found.top[0].1 - share(1)).abs() < 1e-5, "{found:?}");
        assert_eq!(likelihoods(&logits, &Allowed::Any, TokenId(0), 0).top, []);
        let never = likelihoods(&logits, &Allowed::Any, TokenId(2), 9);
        assert_eq!((never.chosen.1, never.top.len()), (f32::MIN, 3));
        let certain = likelihoods(&[f32::INFINITY, 1.0], &Allowed::Any, TokenId(0), 2);
        assert!(certain.chosen.1.is_finite() && certain.top[1].1.is_finite(), "{certain:?}");
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
