//! What of a tally a search compares: one number for the objective, one for each limit, two peaks, and the
//! cycle that one of them is held against.
//!
//! All that a plan is judged by is a weighted sum of what adds up in its [`Tally`], and of the two things
//! of which the largest counts. So a label of the search is a few numbers, and a piece adds
//! to each what it is worth.

use crate::cost::chain::Tally;
use crate::cost::style::Style;
use crate::{CRITERIA, Costs, Objective};

/// The objective, and at most six limits.
pub(super) const MEASURES_MAX: usize = 7;

/// What the parts of a tally weigh in one measure; all of them 0 or more.
#[derive(Debug, Clone, Copy, Default)]
struct Weighing {
    ttft: f64,
    token: f64,
    money: f64,
    metered_bytes: f64,
    cloud_passes: f64,
    device_prompt: f64,
    device_round: f64,
}

/// The measures of one style: the objective first, then each limit.
#[derive(Debug)]
pub(super) struct Measures {
    weighings: Vec<Weighing>,
    /// Of each limit, in the order of the measures after the first.
    limits: Vec<f64>,
    style: Style,
}

/// What is known of a chain up to some place, as the search compares it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Score {
    /// By measure, what adds up.
    pub(super) sums: [f64; MEASURES_MAX],
    /// From the start of a chunk to its verdict, in seconds.
    pub(super) cycle_s: f64,
    /// The slowest stage or hop of a chunk, in seconds.
    pub(super) peak_s: f64,
    /// The longest rest of the prompt, in seconds.
    pub(super) tail_s: f64,
}

impl Measures {
    pub(super) fn new(costs: &Costs<'_>, objective: &Objective, style: Style) -> Self {
        let later = costs.later;
        let power = costs.power().map_or((0.0, 0.0), |power| {
            let (idle, busy) = (f64::from(power.idle_w), f64::from(power.busy_w));
            (idle, (busy - idle).max(0.0))
        });
        let mut weighings = vec![Weighing::new(objective.weights.values(), later, power, &style)];
        let mut limits = Vec::new();
        for (at, limit) in objective.limits.values().into_iter().enumerate() {
            let Some(limit) = limit else { continue };
            let mut one = [0.0; 6];
            one[at] = 1.0;
            // The objective counts a token's time once for each token, its limit once.
            let tokens = if CRITERIA[at] == "itl_ms" { 1.0 } else { later };
            weighings.push(Weighing::new(one, tokens, power, &style));
            limits.push(limit);
        }
        Self { weighings, limits, style }
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        self.weighings.len()
    }

    /// Of limit `at`, counted from 1 as its measure is.
    pub(super) fn limit(&self, at: usize) -> f64 {
        self.limits[at - 1]
    }

    /// What a tally is worth.
    pub(super) fn score(&self, tally: &Tally) -> Score {
        let mut sums = [0.0; MEASURES_MAX];
        for (sum, weighing) in sums.iter_mut().zip(&self.weighings) {
            *sum = weighing.ttft * tally.fill_s
                + weighing.token * self.style.cycle_share * tally.cycle_s
                + weighing.money * tally.money
                + weighing.metered_bytes * tally.metered_bytes
                + weighing.cloud_passes * tally.cloud_passes
                + weighing.device_prompt * tally.device_prompt_s
                + weighing.device_round * tally.device_round_s;
        }
        let Tally { cycle_s, peak_s, tail_s, .. } = *tally;
        Score { sums, cycle_s, peak_s, tail_s }
    }

    /// Measure `at` of a chain that has `left` behind `score`.
    pub(super) fn value(&self, score: &Score, left: &Score, at: usize) -> f64 {
        let Weighing { ttft, token, .. } = self.weighings[at];
        let (tail_s, peak_s) = (score.tail_s.max(left.tail_s), score.peak_s.max(left.peak_s));
        let peaks = if left.peak_s.is_finite() {
            let period_s = self.style.period_s(peak_s, score.cycle_s + left.cycle_s);
            ttft * tail_s + token * self.style.peak_share * period_s
        } else {
            f64::INFINITY
        };
        score.sums[at] + left.sums[at] + peaks
    }
}

impl Weighing {
    /// `weights` in the order of [`crate::CRITERIA`]; `power` while idle, and what computing adds.
    fn new(weights: [f64; 6], later: f64, (idle, extra): (f64, f64), style: &Style) -> Self {
        let [ttft_ms, itl_ms, money, energy, metered_bytes, cloud_passes] = weights;
        let busy = if style.streams() { extra } else { 0.0 };
        let rounds = if style.streams() { 0.0 } else { extra };
        Self {
            ttft: 1e3 * ttft_ms + energy * idle,
            token: later * (1e3 * itl_ms + energy * (idle + busy)),
            money,
            metered_bytes,
            cloud_passes,
            device_prompt: energy * extra,
            device_round: energy * rounds * later * style.sent_per_token,
        }
    }
}

impl Score {
    /// With another piece behind it.
    pub(super) fn and(&self, piece: &Self, measures: usize) -> Self {
        let mut sums = self.sums;
        for (sum, more) in sums[..measures].iter_mut().zip(&piece.sums) {
            *sum += more;
        }
        let (peak_s, tail_s) = (self.peak_s.max(piece.peak_s), self.tail_s.max(piece.tail_s));
        Self { sums, cycle_s: self.cycle_s + piece.cycle_s, peak_s, tail_s }
    }

    /// Number by number, the peaks as well.
    pub(super) fn plus(&self, other: &Self) -> Self {
        let (peak_s, tail_s) = (self.peak_s + other.peak_s, self.tail_s + other.tail_s);
        Self { peak_s, tail_s, ..self.and(other, MEASURES_MAX) }
    }

    /// Every number so many times.
    pub(super) fn times(&self, count: f64) -> Self {
        Self {
            sums: self.sums.map(|sum| sum * count),
            cycle_s: self.cycle_s * count,
            peak_s: self.peak_s * count,
            tail_s: self.tail_s * count,
        }
    }

    /// Whether no chain that begins with `other` is better than the same one that begins with this.
    pub(super) fn dominates(&self, other: &Self, measures: usize) -> bool {
        self.cycle_s <= other.cycle_s
            && self.peak_s <= other.peak_s
            && self.tail_s <= other.tail_s
            && self.sums[..measures].iter().zip(&other.sums).all(|(ours, theirs)| ours <= theirs)
    }
}
