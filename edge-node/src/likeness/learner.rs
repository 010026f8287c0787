//! The chance that an answer is good, as a function of features, which learns from replies.
//!
//! A logistic regression whose weights are known to be uncertain: a Gaussian over them, with the weights
//! it started with in the middle. A reply moves it as the extended Kalman filter says, which is one step of
//! Newton's method (Bishop, Pattern Recognition and Machine Learning, 4.5; and for the order in time, Penny and
//! Roberts, "Dynamic logistic regression", 1999). Between replies a little of the uncertainty comes back, so
//! that it follows a user whose talk changes.

use super::agreement::Agreement;
use super::features::Features;
use super::matrix::{Matrix, diagonal, dot, times};
use super::weights::Weights;

/// Weights: one for each feature, and first the one for no feature at all.
pub(super) const WEIGHTS: usize = Features::COUNT + 1;

/// How far a weight may be from the one it starts with, as a standard deviation in log odds: enough that
/// a pair that the weights were not fitted for is learned within some hundred replies, and little enough
/// that they cost a pair that they were fitted for next to nothing (measured on the demo pair with 0.2, 0.3 and
/// 0.5).
pub(super) const DEVIATION: f64 = 0.3;

/// What comes back of the uncertainty with each reply: some thousand replies are remembered.
const FORGETTING: f64 = 0.001;

/// How likely the draft model's answer is as good as the target's.
#[derive(Debug, Clone, PartialEq)]
pub struct Likeness {
    /// What it started with, and how features are scaled.
    pub(super) prior: Weights,
    /// Replies that it learned from.
    pub(super) replies: u64,
    pub(super) mean: [f64; WEIGHTS],
    /// Never more than where it started, in any direction.
    pub(super) covariance: Matrix<WEIGHTS>,
}

impl Likeness {
    /// The most that one reply moves the log odds of a request just like it: 6 points in a hundred where they
    /// are even.
    pub const STEP_MAX: f64 = 0.25;

    /// Knows what `weights` say.
    pub fn new(weights: Weights) -> Self {
        let mean = weights.values();
        Self { prior: weights, replies: 0, mean, covariance: diagonal(DEVIATION.powi(2)) }
    }

    /// The chance, inside `0..1`, that the draft model's own answer is as good as the target's.
    pub fn chance(&self, features: &Features) -> f64 {
        logistic(dot(&self.mean, &self.prior.scaled(features)))
    }

    /// Learns what came of a request with these features. What says nothing changes nothing.
    pub fn observe(&mut self, features: &Features, agreement: Agreement) {
        if agreement.judged() == 0 {
            return;
        }
        let (x, weight) = (self.prior.scaled(features), agreement.weight());
        let chance = logistic(dot(&self.mean, &x));
        let missed = f64::from(u8::from(agreement.is_good())) - chance;
        self.loosen();
        let direction = times(&self.covariance, &x);
        let (information, spread) = (weight * chance * (1.0 - chance), dot(&direction, &x));
        let shrink = 1.0 / (1.0 + information * spread);
        let step = weight * missed * shrink;
        let step = step.clamp(-Self::STEP_MAX / spread, Self::STEP_MAX / spread);
        for row in 0..WEIGHTS {
            self.mean[row] += step * direction[row];
            for at in 0..WEIGHTS {
                self.covariance[row][at] -= information * shrink * (direction[row] * direction[at]);
            }
        }
        self.replies += 1;
    }

    /// Forgets a little: the covariance goes towards where it started.
    fn loosen(&mut self) {
        let start = diagonal::<WEIGHTS>(DEVIATION.powi(2));
        for (row, start) in self.covariance.iter_mut().zip(start) {
            for (value, start) in row.iter_mut().zip(start) {
                *value += FORGETTING * (start - *value);
            }
        }
    }
}

/// The chance that has these log odds; inside `0..1` for any number.
pub(super) fn logistic(odds: f64) -> f64 {
    // Beyond, the difference from 1 is rounded away.
    1.0 / (1.0 + (-odds.clamp(-30.0, 30.0)).exp())
}
