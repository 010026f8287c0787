//! What the device knows of a request before it is answered.

use super::glance::Glance;

/// The least that a token is thought to be worth, in nats below certainty: what is rarer is a name or a slip
/// of the finger, and says no more than this.
const NATS_MAX: f64 = 8.0;

/// What they are called, in the order of [`Features::columns`].
pub(super) const NAMES: [&str; Features::COUNT] =
    ["sureness", "margin_min", "prompt_sureness", "is_complete", "prompt_length"];

/// Cheap signs of how hard a request is for the draft model.
///
/// What each takes off the loss on dialogues that were not fitted to, in thousandths of a nat a request, by
/// leaving it out (the demo pair, 3,167 requests; all together take off 176): sureness 41, whether the
/// answer is complete 15, the prompt's sureness 7, its length 6, the least margin 4. What was tried
/// beside them and took off less than 3: the mean probability of the first tokens, their mean margin and
/// entropy, the first token's probability, how many new tokens the prompt has, the target's agreement
/// lately in the conversation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Features {
    /// The mean logarithm of the probability of its own first tokens, greedily chosen.
    pub(super) sureness: f64,
    /// The least margin of one of them over the second likeliest: one weak place is enough to part.
    pub(super) margin_min: f64,
    /// The mean logarithm of the probability of the prompt's new tokens: what surprises it, it does not
    /// know well. 0 where there are none.
    pub(super) prompt_sureness: f64,
    /// Whether the first tokens are the whole answer: a short answer has to agree in every token.
    pub(super) is_complete: bool,
    /// Tokens of the prompt.
    pub(super) prompt_tokens: usize,
}

impl Features {
    /// How many they are.
    pub(super) const COUNT: usize = 5;

    /// Of a prompt of `prompt_tokens`, whose new ones have these `probabilities` under the draft model,
    /// and of its own first tokens.
    ///
    /// # Panics
    ///
    /// Where it said nothing.
    pub(super) fn new(
        probabilities: &[f32],
        said: &[Glance],
        is_complete: bool,
        prompt_tokens: usize,
    ) -> Self {
        assert!(!said.is_empty(), "it says one token at least");
        let nats = |probability: f64| probability.ln().max(-NATS_MAX);
        Self {
            sureness: mean(said.iter().map(|glance| nats(glance.probability))),
            margin_min: said.iter().map(|glance| glance.margin).fold(1.0, f64::min),
            prompt_sureness: mean(probabilities.iter().map(|share| nats(f64::from(*share)))),
            is_complete,
            prompt_tokens,
        }
    }

    /// As numbers for a model, in the order of [`NAMES`].
    pub(super) fn columns(&self) -> [f64; Self::COUNT] {
        [
            self.sureness,
            self.margin_min,
            self.prompt_sureness,
            f64::from(u8::from(self.is_complete)),
            (self.prompt_tokens.max(1) as f64).ln(),
        ]
    }
}

/// 0 of nothing.
pub(super) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1);
    values.sum::<f64>() / count as f64
}
