//! Whether chances are to be trusted, and whether they tell good from bad.

use serde::Serialize;

/// Chances are looked at in tenths.
const BINS: usize = 10;

/// How far chances are from what comes of them.
#[derive(Debug, Serialize)]
pub(super) struct Reliability {
    /// The mean square of what a chance misses by (Brier 1950).
    pub(super) brier: f64,
    /// The expected calibration error: how far, in the mean over requests, the share of good ones in a bin
    /// is from the mean chance there (Naeini et al., AAAI 2015).
    pub(super) ece: f64,
    /// The same in nats: what is left to be told about each request.
    pub(super) loss: f64,
    pub(super) bins: Vec<Bin>,
}

/// Requests of about the same chance.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Bin {
    pub(super) requests: usize,
    /// The mean of their chances.
    pub(super) chance: f64,
    /// The share that is good.
    pub(super) good: f64,
}

impl Reliability {
    /// Of chances inside `0..1` and what came of them.
    pub(super) fn of(chances: &[f64], good: &[bool]) -> Self {
        let count = chances.len() as f64;
        let outcome = |is_good: bool| f64::from(u8::from(is_good));
        let pairs = || chances.iter().copied().zip(good.iter().copied().map(outcome));
        let mut bins = [Bin::default(); BINS];
        for (chance, good) in pairs() {
            let place = (1..BINS).take_while(|edge| chance >= *edge as f64 / BINS as f64).count();
            let bin = &mut bins[place];
            bin.requests += 1;
            bin.chance += chance;
            bin.good += good;
        }
        let ece = bins.iter().map(|bin| (bin.chance - bin.good).abs()).sum::<f64>() / count;
        let brier = pairs().map(|(chance, good)| (chance - good).powi(2)).sum::<f64>() / count;
        let nats =
            |(chance, good): (f64, f64)| -(if good > 0.5 { chance } else { 1.0 - chance }).ln();
        let loss = pairs().map(nats).sum::<f64>() / count;
        let of_sums = |bin: Bin| {
            let requests = bin.requests.max(1) as f64;
            Bin { chance: bin.chance / requests, good: bin.good / requests, ..bin }
        };
        Self { brier, ece, loss, bins: bins.map(of_sums).to_vec() }
    }
}

/// How likely one that is good has a higher score than one that is not, a tie counting half: the area under
/// the receiver's curve. 0.5 where there are none to compare.
pub(super) fn auroc(scores: &[f64], good: &[bool]) -> f64 {
    let mut ranked: Vec<(f64, bool)> = scores.iter().copied().zip(good.iter().copied()).collect();
    ranked.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let (mut worse, mut won) = (0.0, 0.0);
    for tied in ranked.chunk_by(|(a, _), (b, _)| a.total_cmp(b).is_eq()) {
        let better = tied.iter().filter(|(_, is_good)| *is_good).count() as f64;
        let others = tied.len() as f64 - better;
        won += better * (worse + others / 2.0);
        worse += others;
    }
    let pairs = worse * (scores.len() as f64 - worse);
    if pairs > 0.0 { won / pairs } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_counts_pairs_in_the_right_order() {
        let good = [true, true, false, false];
        assert_eq!(auroc(&[0.9, 0.8, 0.2, 0.1], &good), 1.0);
        assert_eq!(auroc(&[0.1, 0.2, 0.8, 0.9], &good), 0.0);
        assert_eq!(auroc(&[0.5, 0.5, 0.5, 0.5], &good), 0.5);
        // Of four pairs one is a tie and one is wrong.
        assert_eq!(auroc(&[0.9, 0.3, 0.3, 0.5], &good), 0.625);
        assert_eq!(auroc(&[0.9, 0.3], &[true, true]), 0.5);
    }

    /// Goal: the figures are those of a case done by hand.
    #[test]
    fn chances_are_compared_with_what_came_of_them() {
        let found = Reliability::of(&[0.25, 0.25, 0.95, 1.0 - 1e-12], &[true, false, true, true]);
        assert!((found.ece - (0.5 + 0.05) / 4.0).abs() < 1e-9, "{found:?}");
        let brier = (0.75_f64.powi(2) + 0.25_f64.powi(2) + 0.05_f64.powi(2)) / 4.0;
        assert!((found.brier - brier).abs() < 1e-9, "{found:?}");
        let loss = -(0.25_f64.ln() + 0.75_f64.ln() + 0.95_f64.ln()) / 4.0;
        assert!((found.loss - loss).abs() < 1e-9, "{found:?}");
        assert_eq!((found.bins[2].requests, found.bins[9].requests), (2, 2));
        assert_eq!(found.bins[2].good, 0.5);
    }
}
