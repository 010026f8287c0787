//! How long the target takes for a pass: `fixed + per_row * rows`, from passes that it has done.
//!
//! A pass reads all weights once, whatever its rows, and then works for each row. Both parts are
//! fitted by least squares over (rows, time), where old passes fade. A line is enough over the
//! widths of one kind of pass: observe those that verify drafts, not the prefill's thousand rows.
//!
//! **Where the data do not say.** One pass, or many of equal rows, fix one point of the line and not
//! its slope. Then a row is taken to cost a sixteenth of the fixed part, which weighs as much as a
//! few passes of differing rows: passes of 4 rows took 1.16 times as long as those of one on a
//! processor (llama.cpp, pull request 13886), which is a nineteenth a row.
//!
//! **What is not believed.** A pass may be slow by accident, for it waits for others, but it is never
//! fast by accident.
//! - Far slower than expected: left out, if the last such pass is some passes ago. Otherwise it is
//!   news.
//! - Far faster than expected: news; what was believed rests on an accident, such as a first pass
//!   that had to load the weights.
//!
//! News makes half of the past forgotten.
//!
//! # Source
//!
//! Sums with forgetting: West, "Updating mean and variance estimates", CACM 22 (1979).

#[cfg(test)]
mod tests;

use std::time::Duration;

/// What stays of the past with each pass: it remembers about 50.
const DECAY: f64 = 0.98;

/// What stays of the past when it turns out to be wrong.
const DECAY_NEWS: f64 = 0.5;

/// How many times slower or faster than expected is far. Legitimate misjudgements, of rows beyond
/// those seen and of contexts that grow, stay below.
const FAR: f64 = 4.0;

/// Passes between two that are slow by accident. Closer ones are news.
const PASSES_BETWEEN_ACCIDENTS: u32 = 8;

/// Rows that are assumed to cost as much as the fixed part, as far as the data do not say.
const ROWS_LIKE_FIXED: f64 = 16.0;

/// How much spread of the rows (squared rows, summed over passes) that assumption is worth.
const SPREAD_ASSUMED: f64 = 2.0;

/// No pass is expected to be shorter than this, so that every time can be told from it by a factor.
const EXPECTED_US_MIN: f64 = 1.0;

/// An estimate of the time of a pass, which follows what is measured.
#[derive(Debug, Clone, Default)]
pub(super) struct PassCost {
    /// Passes, faded.
    passes: f64,
    /// Mean rows of a pass.
    rows: f64,
    /// Mean microseconds of a pass.
    us: f64,
    /// Squared distances of the rows from their mean, summed and faded.
    spread: f64,
    /// Products of the distances of rows and times from their means, summed and faded.
    joint_spread: f64,
    /// Passes since the last far slow one.
    since_slow: u32,
}

/// The cost of passes, in microseconds.
struct Line {
    fixed: f64,
    per_row: f64,
}

impl PassCost {
    /// A pass of so many rows took so long, from its start to its end, on the target.
    pub(super) fn observe(&mut self, rows: u32, took: Duration) {
        let (rows, us) = (f64::from(rows), took.as_secs_f64() * 1e6);
        let Some(line) = self.line() else { return self.learn(rows, us, DECAY) };
        let expected = line.at(rows).max(EXPECTED_US_MIN);
        if us > FAR * expected {
            let is_accident = self.since_slow >= PASSES_BETWEEN_ACCIDENTS;
            self.since_slow = 0;
            if !is_accident {
                self.learn(rows, FAR * expected, DECAY_NEWS);
            }
            return;
        }
        self.since_slow = self.since_slow.saturating_add(1);
        let is_news = us < expected / FAR;
        self.learn(rows, us, if is_news { DECAY_NEWS } else { DECAY });
    }

    /// How long a pass of so many rows will take; `None` before the first was observed.
    pub(super) fn estimate(&self, rows: u32) -> Option<Duration> {
        self.line().map(|line| duration(line.at(f64::from(rows))))
    }

    /// How much longer one row makes a pass; nothing before the first was observed.
    pub(super) fn per_row(&self) -> Duration {
        self.line().map_or(Duration::ZERO, |line| duration(line.per_row))
    }

    /// The line through the mean whose slope the data want, or the assumption. No part is negative:
    /// the slope is at most that of the line through the mean and zero.
    fn line(&self) -> Option<Line> {
        let assumed = self.us / (ROWS_LIKE_FIXED + self.rows);
        let fitted =
            (self.joint_spread + SPREAD_ASSUMED * assumed) / (self.spread + SPREAD_ASSUMED);
        let steepest = if self.rows > 0.0 { self.us / self.rows } else { f64::INFINITY };
        let per_row = fitted.clamp(0.0, steepest);
        let fixed = (self.us - per_row * self.rows).max(0.0);
        (self.passes > 0.0).then_some(Line { fixed, per_row })
    }

    fn learn(&mut self, rows: f64, us: f64, decay: f64) {
        self.passes = self.passes * decay + 1.0;
        let (rows_off, us_off) = (rows - self.rows, us - self.us);
        self.rows += rows_off / self.passes;
        self.us += us_off / self.passes;
        self.spread = self.spread * decay + rows_off * (rows - self.rows);
        self.joint_spread = self.joint_spread * decay + rows_off * (us - self.us);
    }
}

impl Line {
    fn at(&self, rows: f64) -> f64 {
        self.fixed + self.per_row * rows
    }
}

/// Microseconds as a duration, the longest one where they are more.
fn duration(us: f64) -> Duration {
    Duration::try_from_secs_f64(us / 1e6).unwrap_or(Duration::MAX)
}
