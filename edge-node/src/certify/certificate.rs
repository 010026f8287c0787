//! What every codec costs at every boundary of one target.

use super::facts::{BoundaryFacts, Facts};
use base::{ChannelScale, ModelFingerprint, WireCodec};
use serde::{Deserialize, Serialize};

/// More layers than any model has.
const LAYERS_MAX: u32 = 4096;

/// A certificate whose figures are known to be figures. For whom it may be used, whoever loads it says:
/// [`Certificate::load`].
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    facts: Facts,
}

/// What a codec costs at a boundary, over the positions that were scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// The codec.
    pub codec: WireCodec,
    /// Bits that a value took on the wire, in the mean.
    pub bits_per_value: f64,
    /// The share of positions, 0 to 1, where the exact and the coded run think the same token the
    /// likeliest.
    pub top1_agreement: f64,
    /// The mean of the Kullback-Leibler divergences of the exact run from the coded one, in nats.
    pub kl_mean: f64,
    /// The divergence that 99 of 100 positions do not exceed, in nats.
    pub kl_p99: f64,
    /// Of the coded run.
    pub perplexity: f64,
    /// How much larger that is than the exact run's, in percent of it. Below zero where the text happens
    /// to like the difference.
    pub perplexity_change_percent: f64,
}

/// What cannot be in a certificate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Flaw {
    /// A model of too many layers, or of none.
    #[error("a model of {0} layers; there are 1 to {LAYERS_MAX}")]
    Layers(u32),
    /// Boundaries beyond the last layer, twice or out of order.
    #[error("boundary {boundary} where {least} to {most} may follow")]
    Boundary {
        /// As written.
        boundary: u32,
        /// The least that would be right.
        least: u32,
        /// The model's last one.
        most: u32,
    },
    /// One codec twice at a boundary.
    #[error("{codec} twice at boundary {boundary}")]
    Twice {
        /// The codec.
        codec: WireCodec,
        /// Where.
        boundary: u32,
    },
    /// Scales of another width, or none where a codec needs them.
    #[error("{scales} scales at boundary {boundary}; a row has {width} channels")]
    Scales {
        /// As many as written.
        scales: usize,
        /// Where.
        boundary: u32,
        /// As many as would be right.
        width: usize,
    },
    /// A figure that cannot be one.
    #[error("{figure} is {value}")]
    Figure {
        /// Its key.
        figure: &'static str,
        /// As written.
        value: f64,
    },
}

impl Certificate {
    /// Checks what was measured or read.
    ///
    /// # Errors
    ///
    /// The first [`Flaw`].
    pub(super) fn new(facts: Facts) -> Result<Self, Flaw> {
        let Facts { layers, width, perplexity, ref boundaries, .. } = facts;
        if !(1..=LAYERS_MAX).contains(&layers) {
            return Err(Flaw::Layers(layers));
        }
        figure("perplexity", perplexity, perplexity > 0.0)?;
        let mut least = 0;
        for facts in boundaries {
            let boundary = facts.boundary;
            if !(least..=layers).contains(&boundary) {
                return Err(Flaw::Boundary { boundary, least, most: layers });
            }
            least = boundary + 1;
            facts.check(width)?;
        }
        Ok(Self { facts })
    }

    /// What `codec` costs on a hop behind the first `boundary` layers; nothing where that was not
    /// measured.
    pub fn find(&self, boundary: u32, codec: WireCodec) -> Option<&Cost> {
        self.costs(boundary).find(|cost| cost.codec == codec)
    }

    /// What was measured behind the first `boundary` layers.
    pub fn costs(&self, boundary: u32) -> impl Iterator<Item = &Cost> {
        let found = self.facts.boundaries.iter().find(|facts| facts.boundary == boundary);
        found.into_iter().flat_map(|facts| &facts.costs)
    }

    /// What is usual for each channel behind the first `boundary` layers, `[D]`: what calibrated codecs
    /// need there on both sides. Nothing where none was measured.
    pub fn scales(&self, boundary: u32) -> Option<&[ChannelScale]> {
        let found = self.facts.boundaries.iter().find(|facts| facts.boundary == boundary)?;
        Some(&*found.scales).filter(|scales| !scales.is_empty())
    }

    /// The boundaries that were measured, ascending.
    pub fn boundaries(&self) -> impl Iterator<Item = u32> {
        self.facts.boundaries.iter().map(|facts| facts.boundary)
    }

    /// The target that it is about.
    pub fn model(&self) -> ModelFingerprint {
        ModelFingerprint(self.facts.model.0)
    }

    /// How many positions each figure was taken over.
    pub fn positions(&self) -> usize {
        self.facts.positions
    }

    /// The exact run's perplexity.
    pub fn perplexity(&self) -> f64 {
        self.facts.perplexity
    }

    /// All of it, to be written.
    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }
}

impl BoundaryFacts {
    fn check(&self, width: usize) -> Result<(), Flaw> {
        let Self { boundary, scales, costs } = self;
        let boundary = *boundary;
        for (at, cost) in costs.iter().enumerate() {
            let codec = cost.codec;
            // Found among the first dozen, however many there are.
            if costs[..at].iter().any(|before| before.codec == codec) {
                return Err(Flaw::Twice { codec, boundary });
            }
            cost.check()?;
        }
        let needed = costs.iter().any(|cost| cost.codec.is_calibrated());
        if scales.len() != width && (needed || !scales.is_empty()) {
            return Err(Flaw::Scales { scales: scales.len(), boundary, width });
        }
        Ok(())
    }
}

impl Cost {
    /// With six significant digits of each figure: more than a text can tell, and read from a file as
    /// they were written.
    pub(super) fn in_six_digits(self) -> Self {
        Self {
            codec: self.codec,
            bits_per_value: six_digits(self.bits_per_value),
            top1_agreement: six_digits(self.top1_agreement),
            kl_mean: six_digits(self.kl_mean),
            kl_p99: six_digits(self.kl_p99),
            perplexity: six_digits(self.perplexity),
            perplexity_change_percent: six_digits(self.perplexity_change_percent),
        }
    }

    fn check(&self) -> Result<(), Flaw> {
        let share = 0.0..=1.0;
        figure("bits_per_value", self.bits_per_value, self.bits_per_value > 0.0)?;
        figure("top1_agreement", self.top1_agreement, share.contains(&self.top1_agreement))?;
        figure("kl_mean", self.kl_mean, self.kl_mean >= 0.0)?;
        figure("kl_p99", self.kl_p99, self.kl_p99 >= 0.0)?;
        figure("perplexity", self.perplexity, self.perplexity > 0.0)?;
        figure("perplexity_change_percent", self.perplexity_change_percent, true)
    }
}

/// `x` to six significant digits.
pub(super) fn six_digits(x: f64) -> f64 {
    format!("{x:.5e}").parse().unwrap_or(x)
}

fn figure(figure: &'static str, value: f64, is_right: bool) -> Result<(), Flaw> {
    if is_right && value.is_finite() { Ok(()) } else { Err(Flaw::Figure { figure, value }) }
}
