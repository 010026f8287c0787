//! What was learned, to be kept until the next start: some 700 bytes of JSON, or 300 of a binary format.
//! Nothing of any text is in it.

use super::learner::{DEVIATION, Likeness, WEIGHTS};
use super::matrix::cholesky;
use super::weights::{WEIGHT_MAX, Weights, is_bounded};
use serde::{Deserialize, Serialize};

/// The lower triangle of a covariance.
const TRIANGLE: usize = WEIGHTS * (WEIGHTS + 1) / 2;

/// What was learned, as data. [`Likeness::resume`] checks it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LikenessState {
    /// Of the weights that it started with.
    started: [u8; 16],
    replies: u64,
    mean: [f64; WEIGHTS],
    /// By rows.
    covariance: [f64; TRIANGLE],
}

/// A state that cannot be gone on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StateFlaw {
    /// Learned from other weights, or for another pair of models.
    #[error("it was learned from other weights than this device starts with; begin anew")]
    OtherWeights,
    /// Weights.
    #[error("it has a weight that is not within {WEIGHT_MAX} of 0; begin anew")]
    Weight,
    /// Uncertainty.
    #[error("its covariance is none that can be learned; begin anew")]
    Covariance,
}

impl Likeness {
    /// What was learned.
    pub fn state(&self) -> LikenessState {
        let mut covariance = [0.0; TRIANGLE];
        let rows = self.covariance.iter().enumerate();
        let lower = rows.flat_map(|(row, values)| &values[..=row]);
        covariance.iter_mut().zip(lower).for_each(|(kept, value)| *kept = *value);
        let (started, replies, mean) = (self.prior.digest(), self.replies, self.mean);
        LikenessState { started, replies, mean, covariance }
    }

    /// Goes on from what was learned, with the `weights` that it started with.
    ///
    /// # Errors
    ///
    /// [`StateFlaw`] where it cannot have been learned from these.
    pub fn resume(weights: Weights, state: &LikenessState) -> Result<Self, StateFlaw> {
        if state.started != weights.digest() {
            return Err(StateFlaw::OtherWeights);
        }
        if !state.mean.iter().all(|weight| is_bounded(*weight)) {
            return Err(StateFlaw::Weight);
        }
        let place = |row: usize, at: usize| row.max(at) * (row.max(at) + 1) / 2 + row.min(at);
        let covariance =
            std::array::from_fn(|row| std::array::from_fn(|at| state.covariance[place(row, at)]));
        // Learning takes off, and forgetting gives back no more than that; but for the last digits.
        let most = DEVIATION.powi(2) * (1.0 + 1e-9);
        let is_within = (0..WEIGHTS).all(|at| covariance[at][at] <= most);
        if !is_within || cholesky(&covariance).is_none() {
            return Err(StateFlaw::Covariance);
        }
        let (replies, mean) = (state.replies, state.mean);
        Ok(Self { prior: weights, replies, mean, covariance })
    }
}
