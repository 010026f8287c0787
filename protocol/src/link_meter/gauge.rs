//! A smoothed value that lets go of its past where that is over.

use profile::Estimate;

/// What a sample replaces of mean and deviation, once there are many.
const GAIN: f64 = 1.0 / 16.0;

/// Deviations that all samples together may lie to one side before the past is over.
const CHANGE_AT: f64 = 6.0;

/// Deviations of slack that each sample has.
const SLACK: f64 = 0.5;

/// Deviations that one sample counts for at most: a single late packet is no change.
const OFF_MAX: f64 = 3.0;

/// Deviations are no smaller than this share of the mean: a value that never moved tells little of how it
/// may.
const DEVIATION_SHARE_MIN: f64 = 0.02;

#[derive(Debug, Default)]
pub(super) struct Gauge {
    samples: u32,
    mean: f64,
    /// Smoothed square of what samples are off by.
    variance: f64,
    /// How far samples lie above and below, summed, in deviations.
    above: f64,
    below: f64,
}

impl Gauge {
    pub(super) fn observe(&mut self, sample: f64) {
        if self.samples > 0 && self.has_changed(sample) {
            *self = Self::default();
        }
        let most = OFF_MAX * self.deviation();
        self.samples = self.samples.saturating_add(1);
        let gain = |samples: u32| GAIN.max(1.0 / f64::from(samples));
        if self.samples == 1 {
            self.mean = sample;
            return;
        }
        let off = (sample - self.mean).clamp(-most, most);
        self.mean += off * gain(self.samples);
        self.variance += (off * off - self.variance) * gain(self.samples - 1);
    }

    /// `None` before the first sample.
    pub(super) fn estimate(&self) -> Option<Estimate> {
        (self.samples > 0).then(|| Estimate { mean: self.mean, deviation: self.deviation() })
    }

    /// After one sample alone, as large as the mean.
    fn deviation(&self) -> f64 {
        match self.samples {
            0 | 1 => self.mean,
            _ => self.variance.sqrt().max(self.mean * DEVIATION_SHARE_MIN),
        }
    }

    /// Whether `sample` is one too many on its side of the mean.
    fn has_changed(&mut self, sample: f64) -> bool {
        let deviation = self.deviation();
        if deviation <= 0.0 {
            return false;
        }
        let off = ((sample - self.mean) / deviation).clamp(-OFF_MAX, OFF_MAX);
        self.above = (self.above + off - SLACK).max(0.0);
        self.below = (self.below - off - SLACK).max(0.0);
        self.above > CHANGE_AT || self.below > CHANGE_AT
    }
}
