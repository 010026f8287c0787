//! How far the rows of a coded run are from those of the exact one.

use super::histogram::Histogram;
use crate::bench::perplexity::{Distribution, Likelihood};
use anyhow::ensure;
use base::TokenId;

/// Sums over the positions that are scored.
#[derive(Debug, Clone)]
pub(super) struct Divergence {
    same_top: usize,
    /// Of the Kullback-Leibler divergences of exact from coded rows, in nats.
    kl_sum: f64,
    kl: Histogram,
    /// Of the coded run.
    likelihood: Likelihood,
}

impl Divergence {
    /// Of no position so far.
    pub(super) fn new() -> Self {
        let (kl, likelihood) = (Histogram::new(), Likelihood::default());
        Self { same_top: 0, kl_sum: 0.0, kl, likelihood }
    }

    /// Counts a position: what the two runs predict there, and the token that follows.
    ///
    /// # Errors
    ///
    /// Where one of them predicts no numbers, or gives no probability to what the other one does.
    pub(super) fn add(
        &mut self,
        exact: &Distribution<'_>,
        coded: &Distribution<'_>,
        next: TokenId,
    ) -> anyhow::Result<()> {
        let kl = kl(exact, coded);
        ensure!(kl.is_finite(), "the divergence is no number: {kl}");
        self.likelihood.add(coded, next)?;
        self.same_top += usize::from(exact.likeliest() == coded.likeliest());
        self.kl_sum += kl;
        self.kl.add(kl);
        Ok(())
    }

    /// How many positions were counted.
    pub(super) fn positions(&self) -> usize {
        self.likelihood.tokens()
    }

    /// The share of positions where both runs think the same token the likeliest.
    pub(super) fn top1_agreement(&self) -> f64 {
        self.same_top as f64 / self.positions() as f64
    }

    /// The mean divergence, in nats.
    pub(super) fn kl_mean(&self) -> f64 {
        self.kl_sum / self.positions() as f64
    }

    /// The divergence that 99 of 100 positions do not exceed, in nats; up to a thirty-second more.
    pub(super) fn kl_p99(&self) -> f64 {
        self.kl.percentile(0.99)
    }

    /// The coded run's.
    pub(super) fn perplexity(&self) -> f64 {
        self.likelihood.perplexity()
    }
}

/// The Kullback-Leibler divergence of `exact` from `coded`, in nats: what it costs to expect one and
/// meet the other (Kullback and Leibler 1951). Rounding may take it below zero, where there is none.
fn kl(exact: &Distribution<'_>, coded: &Distribution<'_>) -> f64 {
    let terms = exact.all_nats().zip(coded.all_nats()).map(|(exact, coded)| {
        let share = (-exact).exp();
        // What never happens costs nothing, however unexpected it is.
        if share == 0.0 { 0.0 } else { share * (coded - exact) }
    });
    let sum: f64 = terms.sum();
    if sum <= 0.0 { 0.0 } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::LN_2;

    fn logits(weights: [f32; 4]) -> [f32; 4] {
        weights.map(f32::ln)
    }

    fn added(rows: &[([f32; 4], [f32; 4])]) -> Divergence {
        let mut divergence = Divergence::new();
        for (exact, coded) in rows {
            let (exact, coded) = (Distribution::of(exact), Distribution::of(coded));
            divergence.add(&exact, &coded, TokenId(0)).unwrap();
        }
        divergence
    }

    /// Quarters, of which one becomes five eighths and the others one, in one row of four. The other way
    /// round it would be another divergence.
    #[test]
    fn a_case_done_by_hand() {
        let even = logits([1.0, 1.0, 1.0, 1.0]);
        let uneven = logits([1.0, 5.0, 1.0, 1.0]);
        let kl = 0.25 * (3.0 * LN_2 + (2.0_f64 / 5.0).ln());
        let divergence = added(&[(even, uneven), (even, even), (uneven, uneven), (even, even)]);
        assert_eq!(divergence.positions(), 4);
        assert_eq!(divergence.top1_agreement(), 0.75);
        assert!((divergence.kl_mean() - kl / 4.0).abs() < 1e-7, "{}", divergence.kl_mean());
        let p99 = divergence.kl_p99();
        assert!(kl - 1e-7 <= p99 && p99 <= kl * (1.0 + 1.0 / 32.0) + 1e-7, "{p99} {kl}");
        // Two rows give token 0 an eighth, and two a quarter.
        let perplexity = 32.0_f64.sqrt();
        assert!((divergence.perplexity() - perplexity).abs() < 1e-6, "{}", divergence.perplexity());
    }

    #[test]
    fn the_same_rows_are_no_distance_apart() {
        let row = [0.3, -1.7, 2.9, 1e3];
        let divergence = added(&[(row, row); 3]);
        let figures = [divergence.top1_agreement(), divergence.kl_mean(), divergence.kl_p99()];
        assert_eq!(figures, [1.0, 0.0, 0.0]);
    }

    #[test]
    fn rows_that_are_no_numbers_are_refused() {
        let exact = [0.0, 1.0, f32::NEG_INFINITY, 0.0];
        for coded in [[0.0, f32::NAN, 0.0, 0.0], [0.0, f32::NEG_INFINITY, 0.0, 0.0]] {
            let mut divergence = Divergence::new();
            let (exact, coded) = (Distribution::of(&exact), Distribution::of(&coded));
            assert!(divergence.add(&exact, &coded, TokenId(0)).is_err(), "{coded:?}");
            assert_eq!(divergence.positions(), 0);
        }
    }
}
