//! A linear classifier: multinomial logistic regression by stochastic gradient descent.
//!
//! For an example `x` of class `y` of `C`, with `p = softmax(W x + b)`, a step is
//!
//! ```text
//!   g = p - (1 - e) onehot(y) - e / C        label smoothing: Szegedy et al. 2016, section 7
//!   W -= rate g xᵀ,  b -= rate g / 10
//! ```
//!
//! Smoothing keeps the classifier from being sure of what it merely has not seen otherwise, which is
//! what tells a phrase of none of the classes. No figure here depends on time or chance: the order of
//! examples is a hash's.

use super::features::{Hash, Vector};

/// Times that each example is seen.
const EPOCHS: u32 = 3;
/// Steps shrink evenly from the first to the last. Chosen on CLINC150's validation part.
const RATE_FIRST: f32 = 1.5;
const RATE_LAST: f32 = 0.05;
const BIAS_RATE: f32 = 0.1;
/// The share of probability that an example gives to all classes alike.
const SMOOTHING: f32 = 0.15;

/// One example to learn from.
#[derive(Debug)]
pub(crate) struct Sample<'a> {
    pub(crate) vector: &'a Vector,
    pub(crate) class: usize,
}

/// Classes are worked on so many at a time, so that sums stay in registers.
const LANES: usize = 8;

/// Weights while they are learnt: `[row, class]`, row by row, classes filled up to whole lanes.
#[derive(Debug)]
struct Weights {
    rows: Vec<[f32; LANES]>,
    bias: Vec<[f32; LANES]>,
    classes: usize,
}

/// Learnt weights in eight bits: an eighth of the memory traffic, and no class changes for it.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    classes: usize,
    /// `[row, class]`
    weights: Vec<i8>,
    /// What a step of each row is worth.
    scales: Vec<f32>,
    bias: Vec<f32>,
}

impl Linear {
    /// Learns `classes` from `samples` whose vectors name rows below `rows`.
    pub(crate) fn learn(samples: &[Sample<'_>], rows: usize, classes: usize) -> Self {
        let lanes = classes.div_ceil(LANES);
        let zeros = |count| vec![[0.0; LANES]; count];
        let mut weights = Weights { rows: zeros(rows * lanes), bias: zeros(lanes), classes };
        let steps = samples.len() * EPOCHS as usize;
        let mut step = 0;
        for epoch in 0..EPOCHS {
            for index in shuffled(samples.len(), epoch) {
                weights.step(&samples[index], rate(step, steps));
                step += 1;
            }
        }
        weights.quantize()
    }

    /// A score of each class: its logarithmic probability, up to a constant of the phrase.
    pub(crate) fn scores(&self, vector: &Vector) -> Vec<f32> {
        let mut scores = self.bias.clone();
        for (row, value) in vector {
            let row = *row as usize;
            let value = value * self.scales[row];
            let weights = &self.weights[row * self.classes..][..self.classes];
            for (score, weight) in scores.iter_mut().zip(weights) {
                *score += value * f32::from(*weight);
            }
        }
        scores
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of far fewer than 2^24 steps")]
fn rate(step: usize, steps: usize) -> f32 {
    let share = step as f32 / steps as f32;
    RATE_FIRST + (RATE_LAST - RATE_FIRST) * share
}

/// Places below `count` in an order of their own for each epoch.
fn shuffled(count: usize, epoch: u32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|index| {
        Hash::of(b's').bytes(&epoch.to_le_bytes()).bytes(&index.to_le_bytes()).mixed()
    });
    order
}

impl Weights {
    fn step(&mut self, sample: &Sample<'_>, rate: f32) {
        let slopes = self.slopes(sample);
        #[expect(clippy::cast_precision_loss, reason = "few classes")]
        let small = SMOOTHING / self.classes as f32;
        let lanes = self.bias.len();
        for (lane, slopes) in slopes.chunks_exact(LANES).enumerate() {
            // Most classes are far from an example, and not worth a step.
            if slopes.iter().all(|slope| slope.abs() <= small) {
                continue;
            }
            for (row, value) in sample.vector {
                let step = rate * value;
                let weights = &mut self.rows[*row as usize * lanes + lane];
                weights.iter_mut().zip(slopes).for_each(|(weight, slope)| *weight -= step * slope);
            }
            let step = rate * BIAS_RATE;
            let bias = &mut self.bias[lane];
            bias.iter_mut().zip(slopes).for_each(|(bias, slope)| *bias -= step * slope);
        }
    }

    /// The loss's slope by each class's score; 0 where lanes are filled up.
    fn slopes(&self, sample: &Sample<'_>) -> Vec<f32> {
        let lanes = self.bias.len();
        let mut sums = self.bias.clone();
        for (row, value) in sample.vector {
            let weights = &self.rows[*row as usize * lanes..][..lanes];
            for (sums, weights) in sums.iter_mut().zip(weights) {
                sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * weight);
            }
        }
        let mut slopes = sums.into_flattened();
        let (classes, filled) = slopes.split_at_mut(self.classes);
        filled.fill(0.0);
        softmax(classes);
        let even = SMOOTHING / classes.len() as f32;
        classes.iter_mut().for_each(|slope| *slope -= even);
        classes[sample.class] -= 1.0 - SMOOTHING;
        slopes
    }

    fn quantize(self) -> Linear {
        let Self { rows, bias, classes } = self;
        let lanes = bias.len();
        let (mut weights, mut scales) = (Vec::new(), Vec::new());
        for row in rows.as_flattened().chunks_exact(lanes * LANES) {
            let row = &row[..classes];
            let scale = row.iter().fold(0.0_f32, |max, weight| max.max(weight.abs())) / 127.0;
            let per = if scale > 0.0 { scale.recip() } else { 0.0 };
            weights.extend(row.iter().map(|weight| eight_bits(weight * per)));
            scales.push(scale);
        }
        Linear { classes, weights, scales, bias: bias.as_flattened()[..classes].to_vec() }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "at most 127 by the scale")]
fn eight_bits(weight: f32) -> i8 {
    weight.round() as i8
}

/// Scores into probabilities.
pub(crate) fn softmax(scores: &mut [f32]) {
    let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - max).exp();
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_told_apart_is_learnt_and_the_same_every_time() {
        let vectors: Vec<Vector> = vec![
            vec![(0, 1.0), (1, 0.5)],
            vec![(1, 0.5), (2, 1.0)],
            vec![(3, 1.0), (1, 0.2)],
            vec![(3, 0.9), (0, 0.1)],
        ];
        let classes = [0, 1, 2, 2];
        let samples: Vec<_> =
            vectors.iter().zip(classes).map(|(vector, class)| Sample { vector, class }).collect();
        let linear = Linear::learn(&samples, 4, 3);
        for sample in &samples {
            let scores = linear.scores(sample.vector);
            let best = (0..3).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap();
            assert_eq!(best, sample.class, "{scores:?}");
        }
        let again = Linear::learn(&samples, 4, 3);
        assert_eq!((linear.weights, linear.bias), (again.weights, again.bias));
    }

    #[test]
    fn nothing_learnt_is_all_classes_alike() {
        let scores = Linear::learn(&[], 2, 3).scores(&vec![(1, 1.0)]);
        assert_eq!(scores, [0.0; 3]);
    }

    #[test]
    fn an_order_has_every_place_once_and_is_another_each_epoch() {
        let (first, second) = (shuffled(100, 0), shuffled(100, 1));
        assert_ne!(first, second);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(first, shuffled(100, 0));
    }

    #[test]
    fn probabilities_sum_to_one_however_large_scores_are() {
        let mut scores = [1000.0, 999.0, -1000.0];
        softmax(&mut scores);
        assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((scores[0] - 0.731).abs() < 1e-3);
    }
}
