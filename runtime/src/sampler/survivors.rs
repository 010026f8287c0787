//! Top-k and top-p: which tokens of a distribution may be chosen at all.
//!
//! The order and the weights are defined at [`choose`](super::choose). Weights are whole numbers,
//! so that their sums do not depend on the order of addition.

use super::{Scale, gumbel};
use base::{Sampling, TokenId};
use std::cmp::Ordering;

/// The tokens that top-k and top-p leave in; `None` where they leave all.
pub(super) fn survivors(scale: &Scale<'_>, sampling: &Sampling) -> Option<Vec<TokenId>> {
    let top_k = match usize::try_from(sampling.top_k()) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(k) => k,
    };
    let cuts_k = top_k < scale.logits.len();
    let cuts_p = sampling.top_p() < 1.0;
    if !cuts_k && !cuts_p {
        return None;
    }
    let mut tokens: Vec<TokenId> = scale.tokens().collect();
    if cuts_k {
        tokens.select_nth_unstable_by(top_k - 1, |&a, &b| order(scale, a, b));
        tokens.truncate(top_k);
    }
    if cuts_p {
        keep_top_p(scale, f64::from(sampling.top_p()), &mut tokens);
    }
    Some(tokens)
}

fn keep_top_p(scale: &Scale<'_>, top_p: f64, tokens: &mut Vec<TokenId>) {
    // What weighs nothing adds nothing to the share, and sorting is what costs.
    tokens.retain(|&token| weight(scale, token) > 0);
    tokens.sort_unstable_by(|&a, &b| order(scale, a, b));
    let total: u64 = tokens.iter().map(|&token| weight(scale, token)).sum();
    let wanted = top_p * total as f64;
    let mut sum = 0;
    let kept = tokens.iter().position(|&token| {
        sum += weight(scale, token);
        sum as f64 >= wanted
    });
    tokens.truncate(kept.map_or(tokens.len(), |last| last + 1));
}

/// Likelier first; among equals the lower id.
fn order(scale: &Scale<'_>, a: TokenId, b: TokenId) -> Ordering {
    let logit = |token: TokenId| scale.logits[token.0 as usize];
    // There is no NaN by now; unlike `total_cmp` this takes 0.0 and −0.0 for equal.
    logit(b).partial_cmp(&logit(a)).unwrap_or(Ordering::Equal).then(a.cmp(&b))
}

/// `⌊2^32 · exp(scaled logit)⌋`.
fn weight(scale: &Scale<'_>, token: TokenId) -> u64 {
    const ONE: f64 = (1u64 << 32) as f64;
    gumbel::floor(gumbel::exp(scale.of(token)) * ONE)
}
