//! When the link carries nothing at all.

use crate::dice::Dice;
use crate::profile::{Outage, OutagesProfile};
use std::time::Duration;

/// A time in seconds, as profiles say it.
pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// The outages of a link, scheduled and random.
#[derive(Debug, Clone)]
pub(crate) struct Outages {
    profile: OutagesProfile,
    dice: Dice,
    /// Random ones so far, in order; the last one begins after everything that was asked for.
    drawn: Vec<(Duration, Duration)>,
}

impl Outages {
    pub(crate) const fn new(profile: OutagesProfile, dice: Dice) -> Self {
        Self { profile, dice, drawn: Vec::new() }
    }

    /// Whether one is on at `time`.
    pub(crate) fn cover(&mut self, time: Duration) -> bool {
        self.scheduled(time) || self.random(time)
    }

    /// All that begin before `until`, in order, merged where they touch, and cut off there.
    pub(crate) fn before(mut self, until: Duration) -> Vec<(Duration, Duration)> {
        // Draws every random one that is asked for here.
        self.random(until);
        let scheduled = self.profile.scheduled.iter().flat_map(|outage| outage.before(until));
        let mut all: Vec<_> = scheduled.chain(self.drawn).collect();
        all.retain(|(from, to)| *from < until && from < to);
        all.sort_unstable();
        all.into_iter().fold(Vec::new(), |mut merged: Vec<(Duration, Duration)>, (from, to)| {
            let to = to.min(until);
            match merged.last_mut() {
                Some((_, end)) if from <= *end => *end = to.max(*end),
                Some(_) | None => merged.push((from, to)),
            }
            merged
        })
    }

    fn scheduled(&self, time: Duration) -> bool {
        self.profile.scheduled.iter().any(|outage| outage.covers(time))
    }

    fn random(&mut self, time: Duration) -> bool {
        let Some(random) = &self.profile.random else { return false };
        while self.drawn.last().is_none_or(|(from, _)| *from <= time) {
            let end = self.drawn.last().map_or(Duration::ZERO, |(_, to)| *to);
            // Times between outages of a Poisson process.
            let pause = -random.every_s * (1.0 - self.dice.roll()).ln();
            let from = end.saturating_add(seconds(pause));
            let to = from.saturating_add(seconds(random.for_s.quantile(self.dice.roll())));
            self.drawn.push((from, to));
        }
        let begun = self.drawn.partition_point(|(from, _)| *from <= time);
        begun.checked_sub(1).is_some_and(|last| time < self.drawn[last].1)
    }
}

impl Outage {
    fn covers(&self, time: Duration) -> bool {
        let Some(since) = time.checked_sub(seconds(self.at_s)) else { return false };
        // Whole nanoseconds, so that the times that `before` gives are these to the last one.
        let since = match self.every_s {
            Some(every) => since.as_nanos() % seconds(every).as_nanos(),
            None => since.as_nanos(),
        };
        since < seconds(self.for_s).as_nanos()
    }

    /// When it is on, each time that begins before `until`.
    fn before(&self, until: Duration) -> impl Iterator<Item = (Duration, Duration)> {
        let (length, every) = (seconds(self.for_s), self.every_s.map(seconds));
        let next = move |from: &Duration| from.checked_add(every?);
        let begins = std::iter::successors(Some(seconds(self.at_s)), next);
        let begins = begins.take_while(move |from| *from < until);
        begins.map(move |from| (from, from.saturating_add(length)))
    }
}
