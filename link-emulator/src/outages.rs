//! When the link carries nothing at all.

use crate::dice::Dice;
use crate::profile::OutagesProfile;
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

    fn scheduled(&self, time: Duration) -> bool {
        self.profile.scheduled.iter().any(|outage| {
            let Some(since) = time.checked_sub(seconds(outage.at_s)) else { return false };
            let since = match outage.every_s {
                Some(every) => since.as_secs_f64() % every,
                None => since.as_secs_f64(),
            };
            since < outage.for_s
        })
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
