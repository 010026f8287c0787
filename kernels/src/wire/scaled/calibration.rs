//! What is usual for each channel of a residual stream.
//!
//! The geometric mean of a channel's magnitudes: a position whose value is a thousand times the others,
//! one in hundreds, changes it by a percent or two, where it would double or triple a mean and change a
//! mean square beyond use. It is taken from the numbers' bit patterns, which read as integers are
//! logarithms to within 0.09 (Mitchell 1962): their sums are exact, so neither the order of rows nor
//! how many are added at once matters.

/// The root mean square of a normally distributed channel by the geometric mean of its magnitudes,
/// `sqrt(2 exp(0.577216))`, with what the patterns are off by; measured.
const ROOT_MEAN_SQUARE: f32 = 1.83;

/// Scales are at least this part of the channels' median, so that one that was silent while calibrated
/// still has a step.
const LEAST: f32 = 1e-3;

/// Accumulates hidden states into the scales of [`Codec::Scaled`](super::super::Codec::Scaled).
#[derive(Clone, Debug)]
pub struct Calibration {
    channels: Vec<Channel>,
}

/// The magnitudes that a channel had, zeros and what is not finite left out.
#[derive(Clone, Copy, Debug, Default)]
struct Channel {
    patterns: u64,
    count: u64,
}

impl Calibration {
    /// Of rows of `width` channels, none so far.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self { channels: vec![Channel::default(); width] }
    }

    /// Adds `rows`, `[T, width]`.
    ///
    /// # Panics
    ///
    /// Where `rows` is no whole number of rows.
    pub fn add(&mut self, rows: &[f32]) {
        let width = self.channels.len();
        assert!(width > 0 && rows.len().is_multiple_of(width), "rows are [T, {width}]");
        for row in rows.chunks_exact(width) {
            for (channel, x) in self.channels.iter_mut().zip(row) {
                if x.is_normal() {
                    channel.patterns += u64::from(x.abs().to_bits());
                    channel.count += 1;
                }
            }
        }
    }

    /// The scales, `[width]`: all above zero, and about the root mean square of a channel without its
    /// massive values.
    #[must_use]
    pub fn scales(&self) -> Vec<f32> {
        let mut scales: Vec<f32> = self.channels.iter().map(Channel::scale).collect();
        let mut sorted = scales.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        let least = (median * LEAST).max(f32::MIN_POSITIVE);
        for scale in &mut scales {
            *scale = scale.max(least);
        }
        scales
    }
}

impl Channel {
    fn scale(&self) -> f32 {
        let mean = self.patterns.checked_div(self.count).unwrap_or_default();
        f32::from_bits(u32::try_from(mean).expect("a mean of such")) * ROOT_MEAN_SQUARE
    }
}
