//! How likely a draft is accepted, given how sure its source is of it.
//!
//! A draft model's probability of its own token is honest about the draft model alone: how often the
//! target agrees depends on the pair, the text and the temperature. So it is counted, in 16 buckets
//! of confidence whose old counts fade.
//!
//! **Which drafts count.** Those that the target has judged: the accepted ones, and the first that it
//! did not accept. A draft that stands after a wrong one continues a text that does not exist; the
//! target says nothing of it, and nothing is observed for it. What is estimated is therefore the
//! chance of a draft *all of whose predecessors in the chain were accepted*, which is the factor that
//! a product over the chain needs.
//!
//! **Where the edges are.** Below 1/2, eighths: there the question is whether a single draft pays,
//! and the answer turns at some 0.2. Above, each edge is nearer to 1 by a factor of √2, because a
//! chain of acceptance `a` is accepted for `1 / (1 - a)` drafts: buckets of equal ratio in `1 - a`
//! resolve the chain's length evenly. The last edge is at 0.989: from there on a chain is as long as
//! one pass may be ([`crate::limits::DRAFTS_MAX`]), and nothing is left to tell apart.
//!
//! **Isotonic.** What is said never falls where confidence rises: neighbours whose counts say
//! otherwise are pooled. A bucket sees few drafts, so that most such inversions are noise, and pooling
//! takes 15 to 25 % off the error after 100 drafts (simulated, for honest, timid and overconfident
//! sources). It also keeps a source that is confident beyond its worth from being
//! believed in buckets that were not yet seen. The price is a source that is right *less* often where
//! it is more confident: its buckets are pooled for ever. No source of ours is like that: a look-up
//! is more confident after longer matches, a model in easier places. Each needs a calibration of its
//! own.

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

/// Ranges of confidence that are counted apart.
const BUCKETS: usize = 16;

/// Where one bucket ends and the next begins: eighths up to 1/2, then `1 - 2^(-1 - k/2)`.
const EDGES: [f32; BUCKETS - 1] = [
    0.125,
    0.25,
    0.375,
    0.5,
    0.646_446_6,
    0.75,
    0.823_223_3,
    0.875,
    0.911_611_7,
    0.9375,
    0.955_805_8,
    0.968_75,
    0.977_902_9,
    0.984_375,
    0.988_951_45,
];

/// What stays of a bucket's counts with each draft that it sees: it remembers about 100.
const DECAY: f64 = 0.99;

/// How many observed drafts the prior is worth, which says that a source is as good as it believes.
/// It does not fade, so that no estimate reaches 0 or 1.
const PRIOR_DRAFTS: f64 = 2.0;

/// The chance that a draft is accepted, as a function of its source's confidence in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Calibration {
    buckets: [Bucket; BUCKETS],
}

/// Faded counts.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    judged: f64,
    accepted: f64,
}

/// Judged drafts before a share of them is believed.
const JUDGED_MIN: f64 = 16.0;

impl Calibration {
    /// The share of judged drafts that were accepted, whatever their confidence; `None` before there were
    /// enough.
    pub(super) fn accepted_share(&self) -> Option<f64> {
        let sum = |of: fn(&Bucket) -> f64| self.buckets.iter().map(of).sum::<f64>();
        let judged = sum(|bucket| bucket.judged);
        (judged >= JUDGED_MIN).then(|| sum(|bucket| bucket.accepted) / judged)
    }

    /// The chance, inside `0..1`, that a draft of this confidence (`0..=1`) is accepted if all drafts
    /// before it are. Never falls where confidence rises. A confidence outside counts as the nearest
    /// inside, one that is not a number as 0.
    pub(super) fn acceptance(&self, confidence: f32) -> f64 {
        // Pooling adjacent violators, as the largest of the smallest means around a bucket.
        let at = bucket(confidence);
        let smallest_from =
            |from| (at..BUCKETS).map(|to| self.mean(from..=to)).fold(f64::INFINITY, f64::min);
        (0..=at).map(smallest_from).fold(0.0, f64::max)
    }

    /// The target has judged a draft of this confidence. Not to be called for what stands after the
    /// first draft that was not accepted.
    pub(super) fn observe(&mut self, confidence: f32, accepted: bool) {
        let seen = &mut self.buckets[bucket(confidence)];
        seen.judged = seen.judged * DECAY + 1.0;
        seen.accepted = seen.accepted * DECAY + f64::from(u8::from(accepted));
    }

    /// Acceptance over some buckets together, each with its prior.
    fn mean(&self, buckets: RangeInclusive<usize>) -> f64 {
        let (mut judged, mut accepted) = (0.0, 0.0);
        for at in buckets {
            judged += self.buckets[at].judged + PRIOR_DRAFTS;
            accepted += self.buckets[at].accepted + PRIOR_DRAFTS * middle(at);
        }
        accepted / judged
    }
}

/// The bucket of a confidence. Not a number is below every edge.
fn bucket(confidence: f32) -> usize {
    EDGES.iter().take_while(|edge| confidence >= **edge).count()
}

/// The middle of a bucket.
fn middle(at: usize) -> f64 {
    let low = if at == 0 { 0.0 } else { EDGES[at - 1] };
    let high = EDGES.get(at).copied().unwrap_or(1.0);
    f64::from(low + high) / 2.0
}
