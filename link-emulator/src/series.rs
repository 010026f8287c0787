//! A value that changes from time to time: delay, rate, or loss of a direction.

use crate::Distribution;
use crate::dice::Dice;
use std::sync::Arc;
use std::time::Duration;

/// A value that holds for a while and is then another. A function of time alone.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    source: Source,
    hold: Duration,
    /// The last value that was asked for, and its index: most questions are for the same again.
    last: Option<(u64, f64)>,
}

#[derive(Debug, Clone)]
enum Source {
    Drawn {
        from: Distribution,
        dice: Box<Dice>,
    },
    /// Repeats after the last.
    Rows(Arc<[f64]>),
}

impl Series {
    /// A new value every `hold`.
    pub(crate) fn drawn(from: Distribution, hold: Duration, dice: Dice) -> Self {
        Self { source: Source::Drawn { from, dice: Box::new(dice) }, hold, last: None }
    }

    /// One row after another, each for `hold`; at least one.
    pub(crate) const fn rows(rows: Arc<[f64]>, hold: Duration) -> Self {
        Self { source: Source::Rows(rows), hold, last: None }
    }

    /// The value at `time`.
    pub(crate) fn at(&mut self, time: Duration) -> f64 {
        let index = self.index(time);
        match self.last {
            Some((last, value)) if last == index => value,
            Some(_) | None => {
                let value = self.step(index);
                self.last = Some((index, value));
                value
            }
        }
    }

    /// Until when the value at `time` holds.
    pub(crate) fn holds_until(&self, time: Duration) -> Duration {
        let nanos = self.hold.as_nanos().saturating_mul(u128::from(self.index(time) + 1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn step(&self, index: u64) -> f64 {
        match &self.source {
            Source::Drawn { from, dice } => from.quantile(dice.at(index)),
            Source::Rows(rows) => rows[usize::try_from(index).unwrap_or(usize::MAX) % rows.len()],
        }
    }

    fn index(&self, time: Duration) -> u64 {
        u64::try_from(time.as_nanos() / self.hold.as_nanos()).unwrap_or(u64::MAX - 1)
    }
}
