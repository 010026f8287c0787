//! A running mean of durations with its mean deviation, as RFC 6298 keeps a round trip's.

use std::time::Duration;

/// Gain 1/8 for the mean and 1/4 for the deviation; the first sample is the mean.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mean {
    mean: Option<Duration>,
    deviation: Duration,
}

impl Mean {
    /// The mean, once anything was observed.
    pub(crate) const fn mean(&self) -> Option<Duration> {
        self.mean
    }

    /// How far samples lie from the mean.
    pub(crate) const fn deviation(&self) -> Duration {
        self.deviation
    }

    /// Takes a sample in.
    pub(crate) fn observe(&mut self, sample: Duration) {
        let Some(mean) = self.mean else {
            (self.mean, self.deviation) = (Some(sample), sample / 2);
            return;
        };
        self.deviation = (self.deviation * 3 + mean.abs_diff(sample)) / 4;
        self.mean = Some((mean * 7 + sample) / 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_its_samples_and_knows_how_they_scatter() {
        let ms = Duration::from_millis;
        let mut mean = Mean::default();
        assert_eq!((mean.mean(), mean.deviation()), (None, ms(0)));
        mean.observe(ms(80));
        assert_eq!((mean.mean(), mean.deviation()), (Some(ms(80)), ms(40)));
        mean.observe(ms(160));
        assert_eq!((mean.mean(), mean.deviation()), (Some(ms(90)), ms(50)));
        for _ in 0..100 {
            mean.observe(ms(160));
        }
        assert!(mean.mean().unwrap() > ms(159) && mean.deviation() < ms(1));
    }
}
