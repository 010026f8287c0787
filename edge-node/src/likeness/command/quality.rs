//! What becomes of the text where some requests are answered locally: cost against quality.
//!
//! A request that the target leads or verifies has the target's text. Of one that is answered locally, the
//! tokens agree that the target would have chosen itself.

use super::exchange::Exchange;
use serde::Serialize;

/// Shares of requests that are answered locally, in tenths.
const TENTHS: usize = 10;

/// Of what a router loses against the target, how much less it is to lose than the device alone.
const RECOVERED: f64 = 0.8;

/// Cost and quality of following somebody's judgement.
#[derive(Debug, Serialize)]
pub(super) struct Quality {
    /// Of all tokens, those that agree where 0, 10, ... 100 in a hundred requests are answered locally.
    pub(super) agreeing: [f64; TENTHS + 1],
    /// CPT(80 %): the least share of requests that the target has to take part in, so that four fifths of
    /// what the device alone would lose are not lost. (RouteLLM, arXiv 2406.18665, section 3.)
    pub(super) target_share: f64,
}

impl Quality {
    /// Where requests of the highest score are answered locally.
    pub(super) fn by(scores: &[f64], held: &[&Exchange]) -> Self {
        let mut order: Vec<usize> = (0..held.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        let misses = order.into_iter().map(|at| misses(held[at]));
        Self::of(&misses.collect::<Vec<f64>>(), tokens(held))
    }

    /// Where it is drawn, in the mean.
    pub(super) fn random(held: &[&Exchange]) -> Self {
        let all: f64 = held.iter().copied().map(misses).sum();
        let each = vec![all / held.len() as f64; held.len()];
        Self::of(&each, tokens(held))
    }

    /// Of the misses of each request, in the order in which they become local.
    fn of(misses: &[f64], tokens: f64) -> Self {
        let lost: Vec<f64> = std::iter::once(0.0)
            .chain(misses.iter().scan(0.0, |sum, misses| {
                *sum += misses;
                Some(*sum)
            }))
            .collect();
        let all = lost[misses.len()];
        // Sums of equal parts miss their whole by the last digits.
        let bearable = (1.0 - RECOVERED) * all * (1.0 + 1e-9);
        let local = lost.iter().rposition(|lost| *lost <= bearable).unwrap_or(0);
        Self {
            agreeing: std::array::from_fn(|tenth| {
                1.0 - lost[tenth * misses.len() / TENTHS] / tokens
            }),
            target_share: 1.0 - local as f64 / misses.len() as f64,
        }
    }
}

fn misses(exchange: &Exchange) -> f64 {
    f64::from(exchange.own.judged() - exchange.own.agreed())
}

fn tokens(held: &[&Exchange]) -> f64 {
    held.iter().map(|exchange| f64::from(exchange.own.judged())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the figures are those of a case done by hand. Method: ten requests of ten tokens; two lose
    /// four of them, two lose one.
    #[test]
    fn a_router_that_knows_loses_last_what_loses_most() {
        let known = Quality::of(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 4.0, 4.0], 100.0);
        let agreeing = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.99, 0.98, 0.94, 0.9];
        for (found, expected) in known.agreeing.iter().zip(agreeing) {
            assert!((found - expected).abs() < 1e-12, "{known:?}");
        }
        assert!((known.target_share - 0.2).abs() < 1e-12, "{known:?}");
        let guessed = Quality::of(&[1.0; 10], 100.0);
        assert!((guessed.target_share - 0.8).abs() < 1e-12, "{guessed:?}");
        assert!((guessed.agreeing[5] - 0.95).abs() < 1e-12, "{guessed:?}");
        let backwards = Quality::of(&[4.0, 4.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 100.0);
        assert!((backwards.target_share - 1.0).abs() < 1e-12, "{backwards:?}");
        assert_eq!(Quality::of(&[0.0; 3], 9.0).target_share, 0.0);
    }
}
