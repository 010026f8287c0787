//! What one row of logits says of how sure its model is.

/// The likeliest token of a row, as far as it is compared with the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Glance {
    /// Its probability.
    pub(super) probability: f64,
    /// By how much it is likelier than the second.
    pub(super) margin: f64,
    /// Of the whole row, in nats.
    pub(super) entropy: f64,
}

impl Glance {
    /// Of `logits`, `[V]`: finite ones, with a token at least. Costs an exponential for each.
    pub(super) fn of(logits: &[f32]) -> Self {
        let (mut first, mut second) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
        for logit in logits {
            second = second.max(first.min(*logit));
            first = first.max(*logit);
        }
        let (mut sum, mut weighted) = (0.0, 0.0);
        for logit in logits {
            let below = f64::from(*logit) - f64::from(first);
            let share = below.exp();
            sum += share;
            // Where the share is nothing, so is its product with however little.
            weighted += if share > 0.0 { share * below } else { 0.0 };
        }
        let runner_up = (f64::from(second) - f64::from(first)).exp();
        let margin = (1.0 - runner_up) / sum;
        Self { probability: 1.0 / sum, margin, entropy: sum.ln() - weighted / sum }
    }
}
