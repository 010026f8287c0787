//! What scores are worth, told by phrases that were not learnt from.

use super::linear::softmax;

/// What a phrase's best class says of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scored {
    /// The class.
    pub(crate) class: usize,
    /// How much the phrase is one of the known: larger is surer.
    pub(crate) known: f32,
    /// How far the class is ahead of the next.
    pub(crate) margin: f32,
}

/// How much of the margin counts. On CLINC150's validation part the lead over the mean tells best what
/// is out of scope, and this much of the margin keeps more of what is right among what is in scope.
const MARGIN_SHARE: f32 = 0.3;

/// The best of the `classes` first classes that `may` be meant; `None` where none may. A score behind
/// them is that of no class.
///
/// A phrase of no class makes all of them about equally unlikely, so what counts is how far the best is
/// above the mean, or above no class where that is likelier, and above the next.
#[expect(clippy::cast_precision_loss, reason = "few classes")]
pub(crate) fn score(scores: &[f32], classes: usize, may: impl Fn(usize) -> bool) -> Option<Scored> {
    let (scores, none) = scores.split_at(classes);
    let mean = scores.iter().sum::<f32>() / scores.len() as f32;
    let floor = none.iter().copied().fold(mean, f32::max);
    let mut best: Option<(usize, f32)> = None;
    let mut next = floor;
    for (class, score) in scores.iter().copied().enumerate().filter(|(class, _)| may(*class)) {
        match best {
            Some((_, most)) if score <= most => next = next.max(score),
            Some((_, most)) => (best, next) = (Some((class, score)), next.max(most)),
            None => best = Some((class, score)),
        }
    }
    let (class, most) = best?;
    let margin = most - next;
    Some(Scored { class, known: most - floor + MARGIN_SHARE * margin, margin })
}

/// The smallest [`Scored::known`] that is in scope, so that at most the share `rejected` of `held_out`,
/// which are in scope and in order, is below it.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank within a slice's length"
)]
pub(crate) fn threshold(held_out: &[f32], rejected: f64) -> f32 {
    let below = (rejected * held_out.len() as f64).floor() as usize;
    held_out.get(below).copied().unwrap_or(f32::NEG_INFINITY)
}

/// A held-out phrase's scores and class.
pub(crate) type HeldOut = (Vec<f32>, usize);

/// The temperature that makes probabilities true: the one of least logarithmic loss on held-out
/// phrases (Guo et al. 2017), found by golden section between a tenth and ten.
pub(crate) fn temperature(held_out: &[HeldOut]) -> f32 {
    const GOLDEN: f32 = 0.618_034;
    let (mut low, mut high) = (0.1_f32.ln(), 10.0_f32.ln());
    for _ in 0..20 {
        let width = GOLDEN * (high - low);
        let (left, right) = (high - width, low + width);
        if loss(held_out, left.exp()) < loss(held_out, right.exp()) {
            high = right;
        } else {
            low = left;
        }
    }
    f32::midpoint(low, high).exp()
}

fn loss(held_out: &[HeldOut], temperature: f32) -> f32 {
    held_out.iter().map(|(scores, class)| -probability(scores, *class, temperature).ln()).sum()
}

/// The probability of `class`.
pub(crate) fn probability(scores: &[f32], class: usize, temperature: f32) -> f32 {
    let mut scaled: Vec<f32> = scores.iter().map(|score| score / temperature).collect();
    softmax(&mut scaled);
    scaled[class].max(f32::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_measured_against_the_mean_and_the_next() {
        let scored = |scores: &[f32], may: fn(usize) -> bool| score(scores, 4, may).unwrap();
        let best = scored(&[1.0, 4.0, 3.0, 0.0], |_| true);
        assert_eq!((best.class, best.margin), (1, 1.0));
        assert!((best.known - (2.0 + MARGIN_SHARE)).abs() < 1e-6);
        assert_eq!(scored(&[1.0, 4.0, 3.0, 0.0], |class| class != 1).class, 2);
        assert_eq!(scored(&[1.0, 4.0, 3.0, 0.0], |class| class == 0).margin, -1.0);
        assert!(score(&[1.0], 1, |_| false).is_none());
    }

    #[test]
    fn what_is_likelier_of_no_class_is_little_known() {
        let known = |none: f32| score(&[1.0, 4.0, 3.0, 0.0, none], 4, |_| true).unwrap().known;
        assert_eq!(known(-1.0), known(1.0));
        assert!(known(3.5) < known(1.0) && known(5.0) < 0.0);
    }

    #[test]
    fn at_most_the_share_is_rejected() {
        let known: Vec<f32> = (0..100_u8).map(f32::from).collect();
        for (rejected, expected) in [(0.0, 0), (0.05, 5), (0.059, 5), (0.5, 50)] {
            let threshold = threshold(&known, rejected);
            assert_eq!(known.iter().filter(|known| **known < threshold).count(), expected);
        }
        assert_eq!(threshold(&[], 0.05), f32::NEG_INFINITY);
    }

    #[test]
    fn what_is_too_sure_is_cooled_and_what_is_too_unsure_is_heated() {
        // Three of four are right, so that three quarters is the true probability.
        let held_out = |lead: f32| -> Vec<HeldOut> {
            (0..40).map(|at| (vec![lead, 0.0], usize::from(at % 4 == 0))).collect()
        };
        for lead in [0.4_f32, 1.0, 5.0] {
            let temperature = temperature(&held_out(lead));
            let told = probability(&[lead, 0.0], 0, temperature);
            assert!((told - 0.75).abs() < 0.01, "{lead}: {told}");
        }
    }
}
