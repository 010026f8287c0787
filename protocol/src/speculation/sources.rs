//! Where drafts should come from, found by trying.
//!
//! Which [`Source`] is best depends on the text (a look-up shines where it repeats itself), on the
//! device and on the link, and changes within a conversation. A bandit with three arms finds it: an
//! arm's reward is the tokens that its rounds emitted over the time that they took, and old rounds
//! fade (discounted UCB, Garivier and Moulines, arXiv 0805.3415).
//!
//! The *leader* is the source of the largest rate. The one that is used is the one of the largest
//! rate plus a width that grows the less a source was used, `leader's rate * WIDTH / sqrt(rounds)`.
//! UCB's logarithm of the horizon is that of the memory here, a constant, and part of `WIDTH`.
//!
//! **What trying costs.** A round of another than the leader loses what the leader would have emitted
//! in its time, less what it did emit. Losses are paid from an allowance, which grows by a fiftieth of
//! every emitted token: while it is overdrawn, the leader alone is used. So, by measured rates and over
//! any stretch, sources that are worse cost at most 2 % of the tokens, [`ALLOWANCE_MAX`] tokens and
//! one round each; ones that are nearly as good cost little and are tried often.
//!
//! # Invariants
//!
//! - **The first choice is [`Source::Both`]**, and each source has had a round before any has a second.
//! - **Between two observations the choice stays the same.**

#[cfg(test)]
mod tests;

use std::time::Duration;

/// Where drafts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The look-up where it has a long match, else the draft model.
    Both,
    /// The draft model alone.
    Model,
    /// The look-up alone: free, and often silent.
    Lookup,
}

impl Source {
    /// All of them. Earlier ones are preferred between equals.
    pub const ALL: [Self; 3] = [Self::Both, Self::Model, Self::Lookup];
}

/// What stays of the past with each round: it remembers about 100, a few replies.
const DECAY: f64 = 0.99;

/// A source with fewer rounds than this, faded, counts as never tried.
const ROUNDS_FORGOTTEN: f64 = 1e-6;

/// How far a source's true rate may lie above its measured one, in rates of the leader, after one
/// round: a round's tokens scatter by as much as their mean.
const WIDTH: f64 = 0.7;

/// The share of all emitted tokens that may be lost to trying.
const LOSS_SHARE: f64 = 0.02;

/// Tokens that may be lost at once. Also those of the start, so that no single lucky round decides.
const ALLOWANCE_MAX: f64 = 16.0;

/// A round counts as at most so many times as long as the mean one: longer ones are the link's doing.
const STALL: f64 = 4.0;

/// No round counts as shorter than this.
const ROUND_MS_MIN: f64 = 1e-3;

/// Chooses where drafts come from, by what came of earlier choices. It outlives requests.
#[derive(Debug, Clone)]
pub struct Sources {
    /// In the order of [`Source::ALL`].
    records: [Record; 3],
    /// Tokens that may still be lost to trying; negative while overdrawn.
    allowance: f64,
}

/// What came of the rounds of one source, faded.
#[derive(Debug, Clone, Copy, Default)]
struct Record {
    rounds: f64,
    tokens: f64,
    ms: f64,
}

impl Default for Sources {
    fn default() -> Self {
        Self { records: Default::default(), allowance: ALLOWANCE_MAX }
    }
}

impl Sources {
    /// Where the drafts of the next round should come from.
    pub fn choose(&self) -> Source {
        let Some(leader) = self.leader() else { return Source::Both };
        let untried = Source::ALL.into_iter().find(|source| !self.record(*source).is_tried());
        if let Some(untried) = untried {
            return untried;
        }
        if self.allowance < 0.0 {
            return leader;
        }
        let width = WIDTH * self.record(leader).rate();
        let hope = |record: &Record| record.rate() + width / record.rounds.sqrt();
        self.best_by(hope).unwrap_or(leader)
    }

    /// A round of this source emitted so many tokens (corrections and bonuses too) in so much time.
    pub fn observe(&mut self, source: Source, tokens: u32, elapsed: Duration) {
        let (tokens, ms) = (f64::from(tokens), self.plausible_ms(elapsed));
        if let Some(leader) = self.leader().filter(|leader| *leader != source) {
            self.allowance -= self.record(leader).rate() * ms - tokens;
        }
        self.allowance = (self.allowance + LOSS_SHARE * tokens).min(ALLOWANCE_MAX);
        self.records.iter_mut().for_each(Record::fade);
        self.records[source as usize].add(tokens, ms);
    }

    /// The source of the largest rate; `None` before the first round.
    fn leader(&self) -> Option<Source> {
        self.best_by(Record::rate)
    }

    /// The tried source that is largest by some measure, the earliest of equals.
    fn best_by(&self, measure: impl Fn(&Record) -> f64) -> Option<Source> {
        let tried = Source::ALL.into_iter().filter(|source| self.record(*source).is_tried());
        let measured = tried.map(|source| (source, measure(self.record(source))));
        let best = measured.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map(|(source, _)| source)
    }

    fn record(&self, source: Source) -> &Record {
        &self.records[source as usize]
    }

    fn plausible_ms(&self, elapsed: Duration) -> f64 {
        let ms = (elapsed.as_secs_f64() * 1e3).max(ROUND_MS_MIN);
        let rounds: f64 = self.records.iter().map(|record| record.rounds).sum();
        let total: f64 = self.records.iter().map(|record| record.ms).sum();
        if rounds > 0.0 { ms.min(STALL * total / rounds) } else { ms }
    }
}

impl Record {
    fn is_tried(&self) -> bool {
        self.rounds > 0.0
    }

    /// Tokens a millisecond of a source that was tried.
    fn rate(&self) -> f64 {
        self.tokens / self.ms
    }

    fn fade(&mut self) {
        self.rounds *= DECAY;
        self.tokens *= DECAY;
        self.ms *= DECAY;
        if self.rounds < ROUNDS_FORGOTTEN {
            *self = Self::default();
        }
    }

    fn add(&mut self, tokens: f64, ms: f64) {
        self.rounds += 1.0;
        self.tokens += tokens;
        self.ms += ms;
    }
}
