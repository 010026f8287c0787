//! What a codec was measured to cost in quality, and so where it may be used.

use base::WireCodec;
use serde::{Deserialize, Serialize};

/// What a codec takes and spoils at one boundary, as it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// The codec.
    pub codec: WireCodec,
    /// How many layers are done where the hidden states cross: 0 is behind the embedding.
    pub boundary: u32,
    /// Bits a value, scales and outliers included.
    pub bits: f64,
    /// Kullback-Leibler divergence of the target's distribution from the exact one, in nats a token.
    pub kl: f64,
    /// The share of positions at which the likeliest token is the same.
    pub top1: f64,
    /// Change of perplexity, as a share of it.
    pub perplexity_change: f64,
}

/// How much quality a hop may cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityBudget {
    /// Most nats a token.
    pub kl_max: f64,
    /// Least share of equal likeliest tokens.
    pub top1_min: f64,
    /// Most change of perplexity, as a share of it.
    pub perplexity_change_max: f64,
}

/// The certificates that there are, and what they are held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certificates {
    /// In any order; of two for one codec at one boundary the first counts.
    pub measured: Vec<Certificate>,
    /// What a hop may cost.
    pub budget: QualityBudget,
}

/// Why a codec may not be used at a boundary.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, thiserror::Error)]
pub enum NoCertificate {
    /// Nobody measured it.
    #[error("{codec} was not measured at boundary {boundary}")]
    Unmeasured {
        /// The codec.
        codec: WireCodec,
        /// Layers done.
        boundary: u32,
    },
    /// It spoils too much.
    #[error(
        "{codec} at boundary {boundary} has no certificate within the budget \
         ({measure} {found:.3}, and the limit is {limit:.3})"
    )]
    OverBudget {
        /// The codec.
        codec: WireCodec,
        /// Layers done.
        boundary: u32,
        /// Which measure.
        measure: &'static str,
        /// What it was measured to be.
        found: f64,
        /// What it may be.
        limit: f64,
    },
}

/// Bits of a value that is sent as it is.
pub(crate) const EXACT_BITS: f64 = 32.0;

impl QualityBudget {
    /// Nothing: exact codecs alone.
    pub const NOTHING: Self = Self { kl_max: 0.0, top1_min: 1.0, perplexity_change_max: 0.0 };

    /// The first measure of `certificate` that is over the budget: its name, value and limit.
    fn exceeded(&self, certificate: &Certificate) -> Option<(&'static str, f64, f64)> {
        let Certificate { kl, top1, perplexity_change, .. } = *certificate;
        if kl > self.kl_max {
            return Some(("KL", kl, self.kl_max));
        }
        if top1 < self.top1_min {
            return Some(("top-1 agreement", top1, self.top1_min));
        }
        let most = self.perplexity_change_max;
        (perplexity_change > most).then_some(("perplexity change", perplexity_change, most))
    }
}

impl Certificates {
    /// No codec but the exact one.
    pub const fn none() -> Self {
        Self { measured: Vec::new(), budget: QualityBudget::NOTHING }
    }

    /// Bits that `codec` takes for a value at `boundary`.
    ///
    /// # Errors
    ///
    /// [`NoCertificate`] where it may not be used there.
    pub fn bits(&self, codec: WireCodec, boundary: u32) -> Result<f64, NoCertificate> {
        if codec == WireCodec::F32 {
            return Ok(EXACT_BITS);
        }
        let of = |known: &&Certificate| known.codec == codec && known.boundary == boundary;
        let certificate = self.measured.iter().find(of);
        let certificate = certificate.ok_or(NoCertificate::Unmeasured { codec, boundary })?;
        match self.budget.exceeded(certificate) {
            None => Ok(certificate.bits),
            Some((measure, found, limit)) => {
                Err(NoCertificate::OverBudget { codec, boundary, measure, found, limit })
            }
        }
    }

    /// The codecs that were measured anywhere, and the exact one.
    pub fn codecs(&self) -> Vec<WireCodec> {
        let mut codecs: Vec<WireCodec> = self.measured.iter().map(|known| known.codec).collect();
        codecs.push(WireCodec::F32);
        codecs.sort_unstable();
        codecs.dedup();
        codecs
    }

    /// The codec with the fewest bits that may be used at each boundary up to `layers`, and these; of two
    /// the one that is nearer to exact. Nothing that a plan is judged by grows as bits fall, so it is
    /// never the wrong one.
    pub fn leanest(&self, layers: u32) -> Vec<(WireCodec, f64)> {
        let mut known: Vec<&Certificate> = self.measured.iter().collect();
        known.sort_by_key(|certificate| (certificate.boundary, certificate.codec));
        known.dedup_by_key(|certificate| (certificate.boundary, certificate.codec));
        let mut leanest = vec![(WireCodec::F32, EXACT_BITS); layers as usize + 1];
        for certificate in known.into_iter().filter(|one| self.budget.exceeded(one).is_none()) {
            let Some(best) = leanest.get_mut(certificate.boundary as usize) else { continue };
            if certificate.codec != WireCodec::F32 && certificate.bits < best.1 {
                *best = (certificate.codec, certificate.bits);
            }
        }
        leanest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_codec_needs_no_certificate_and_others_do() {
        let none = Certificates::none();
        assert_eq!(none.bits(WireCodec::F32, 3), Ok(32.0));
        let refusal = none.bits(WireCodec::F16, 3).unwrap_err().to_string();
        assert_eq!(refusal, "f16 was not measured at boundary 3");
        assert_eq!(none.leanest(3), [(WireCodec::F32, 32.0); 4]);
    }

    #[test]
    fn the_budget_decides_measure_by_measure() {
        let certificates = certificates();
        let cases = [
            (WireCodec::Int8, 3, Ok(8.5)),
            (WireCodec::Int4, 3, Err("KL 0.050, and the limit is 0.020")),
            (WireCodec::Int4, 4, Err("top-1 agreement 0.900, and the limit is 0.950")),
            (WireCodec::Int4, 5, Err("perplexity change 0.040, and the limit is 0.010")),
        ];
        for (codec, boundary, expected) in cases {
            let found = certificates.bits(codec, boundary).map_err(|error| error.to_string());
            match (found, expected) {
                (Ok(bits), Ok(expected)) => assert_eq!(bits, expected),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
                (found, expected) => panic!("{found:?} where {expected:?}"),
            }
        }
    }

    #[test]
    fn the_leanest_codec_is_allowed_and_near_to_exact() {
        let mut certificates = certificates();
        assert_eq!(certificates.leanest(9)[3], (WireCodec::Int8, 8.5));
        assert_eq!(certificates.leanest(9)[9], (WireCodec::F32, 32.0));
        certificates.measured.push(certificate(WireCodec::Scaled(2), 3, 8.5));
        certificates.measured.push(certificate(WireCodec::F16, 3, 8.5));
        assert_eq!(certificates.leanest(3)[3], (WireCodec::F16, 8.5));
    }

    fn certificates() -> Certificates {
        let good = certificate(WireCodec::Int8, 3, 8.5);
        let measured = vec![
            good,
            Certificate { codec: WireCodec::Int4, kl: 0.05, ..good },
            Certificate { codec: WireCodec::Int4, boundary: 4, top1: 0.9, ..good },
            Certificate { codec: WireCodec::Int4, boundary: 5, perplexity_change: 0.04, ..good },
        ];
        let budget = QualityBudget { kl_max: 0.02, top1_min: 0.95, perplexity_change_max: 0.01 };
        Certificates { measured, budget }
    }

    fn certificate(codec: WireCodec, boundary: u32, bits: f64) -> Certificate {
        Certificate { codec, boundary, bits, kl: 0.001, top1: 0.99, perplexity_change: 0.001 }
    }
}
