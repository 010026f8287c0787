//! How often a peer says something, and from when on its next word is overdue.
//!
//! The mean gap and its mean deviation, smoothed as RFC 6298, section 2 smooths round trips (gains 1/8
//! and 1/4), and as there four deviations above the mean are late.

use std::time::Duration;

/// Words less late than this are not: a ping costs a packet.
const LATENESS_MIN: Duration = Duration::from_millis(50);

/// The gaps between a peer's words.
#[derive(Debug, Default)]
pub(super) struct Rhythm {
    /// Mean and mean deviation; none before the first gap.
    gaps: Option<(Duration, Duration)>,
}

impl Rhythm {
    /// So long after the word before, or after an answer was first owed, another came.
    pub(super) fn note(&mut self, gap: Duration) {
        self.gaps = Some(match self.gaps {
            None => (gap, gap / 2),
            Some((mean, deviation)) => {
                let off = mean.abs_diff(gap);
                ((mean * 7 + gap) / 8, (deviation * 3 + off) / 4)
            }
        });
    }

    /// The silence beyond which the next word is overdue: at most `most`, which holds also while
    /// nothing is known.
    pub(super) fn overdue(&self, most: Duration) -> Duration {
        let late = |(mean, deviation): (Duration, Duration)| mean + deviation * 4;
        self.gaps.map_or(most, |gaps| late(gaps).max(LATENESS_MIN).min(most))
    }
}
