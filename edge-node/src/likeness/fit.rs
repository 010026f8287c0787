//! Weights from requests whose answers were judged: the logistic regression's most likely ones.

use super::features::Features;
use super::learner::{WEIGHTS, logistic};
use super::matrix::{Matrix, diagonal, dot, solve};
use super::weights::{Column, SCALED_MAX};

/// How much a weight is held towards 0: as by so many requests that say nothing.
const RIDGE: f64 = 1.0;

/// Newton's method doubles the digits each time; from 0 a dozen is more than it needs.
const STEPS_MAX: usize = 50;

/// What is left to move where the weights are found.
const TOLERANCE: f64 = 1e-10;

/// How features are scaled, and the weights of the scaled ones, first the one for none.
pub(super) type Fitted = ([Column; Features::COUNT], [f64; WEIGHTS]);

/// The weights under which `requests` came out as they did, good or not, most likely. `None` where they are
/// none, or all or none of them are good.
pub(super) fn fit(requests: &[(Features, bool)]) -> Option<Fitted> {
    let good = requests.iter().filter(|(_, is_good)| *is_good).count();
    if good == 0 || good == requests.len() {
        return None;
    }
    let columns = std::array::from_fn(|at| column(requests, at));
    let rows: Vec<_> = requests
        .iter()
        .map(|(features, is_good)| (scaled(&columns, features), f64::from(u8::from(*is_good))))
        .collect();
    let mut weights = [0.0; WEIGHTS];
    for _ in 0..STEPS_MAX {
        let (gradient, curvature) = slopes(&rows, &weights);
        let step = solve(&curvature, &gradient)?;
        weights.iter_mut().zip(step).for_each(|(weight, step)| *weight += step);
        if step.iter().all(|step| step.abs() < TOLERANCE) {
            break;
        }
    }
    Some((columns, weights))
}

/// What a model sees of `features`: 1 for none of them, and each as far from the usual as is usual, within
/// bounds.
pub(super) fn scaled(columns: &[Column; Features::COUNT], features: &Features) -> [f64; WEIGHTS] {
    let values = features.columns();
    let of = |at: usize| (values[at] - columns[at].mean) / columns[at].scale;
    std::array::from_fn(|at| match at {
        0 => 1.0,
        at => of(at - 1).clamp(-SCALED_MAX, SCALED_MAX),
    })
}

/// What is usual for a feature, and how far it usually is from that.
fn column(requests: &[(Features, bool)], at: usize) -> Column {
    let count = requests.len() as f64;
    let values = || requests.iter().map(|(features, _)| features.columns()[at]);
    let mean = values().sum::<f64>() / count;
    let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    // What never differs says nothing, at any scale.
    let scale = if variance > 0.0 { variance.sqrt() } else { 1.0 };
    Column { mean, scale }
}

/// Of the logarithm of the likelihood: which way it rises, and how fast that ends.
fn slopes(
    rows: &[([f64; WEIGHTS], f64)],
    weights: &[f64; WEIGHTS],
) -> ([f64; WEIGHTS], Matrix<WEIGHTS>) {
    let mut curvature = diagonal(RIDGE);
    let mut gradient = weights.map(|weight| -RIDGE * weight);
    // How many are good is not a guess about features.
    (gradient[0], curvature[0][0]) = (0.0, 0.0);
    for (x, is_good) in rows {
        let chance = logistic(dot(weights, x));
        for row in 0..WEIGHTS {
            gradient[row] += (is_good - chance) * x[row];
            for at in 0..WEIGHTS {
                curvature[row][at] += chance * (1.0 - chance) * x[row] * x[at];
            }
        }
    }
    (gradient, curvature)
}
