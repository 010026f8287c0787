//! Features of made-up logits, learning on made-up requests, and the command on the demo pair.

mod command;
mod files;
mod learning;
mod reading;

use super::features::{Features, NAMES};
use super::fit::Fitted;
use super::learner::WEIGHTS;
use super::weights::{Column, Weights};
use base::ModelFingerprint;

/// Weights of a pair that does not exist, for features as [`features`] makes them.
fn weights(values: [f64; WEIGHTS]) -> Weights {
    let column = Column { mean: 0.0, scale: 1.0 };
    let fitted: Fitted = ([column; Features::COUNT], values);
    Weights::fitted((ModelFingerprint([1; 32]), ModelFingerprint([2; 32])), 100, fitted)
}

/// Features that are scaled already.
fn features(sureness: f64, margin_min: f64, prompt_sureness: f64) -> Features {
    Features { sureness, margin_min, prompt_sureness, is_complete: false, prompt_tokens: 1 }
}
