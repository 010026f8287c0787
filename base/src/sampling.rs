//! How the target chooses a token: part of what a request's text is a function of.

use serde::{Deserialize, Serialize};

/// Sampling parameters of one request. Together with target, prompt and nothing else, they decide
/// the text; see `runtime::sampler`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parameters", into = "Parameters")]
pub struct Sampling {
    parameters: Parameters,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Parameters {
    temperature: f32,
    top_k: u32,
    top_p: f32,
    seed: u64,
}

/// A sampling parameter out of its range.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SamplingError {
    /// Negative, infinite or not a number.
    #[error("temperature {0} is not a finite number of at least 0")]
    Temperature(f32),
    /// Outside `(0, 1]`.
    #[error("top-p {0} is not above 0 and at most 1")]
    TopP(f32),
}

impl Sampling {
    /// The most likely token, always.
    pub const GREEDY: Self =
        Self { parameters: Parameters { temperature: 0.0, top_k: 0, top_p: 1.0, seed: 0 } };

    /// Checks the parameters. `top_k` 0 and `top_p` 1 leave every token in.
    ///
    /// # Errors
    ///
    /// [`SamplingError`] names the parameter and its range.
    pub fn new(temperature: f32, top_k: u32, top_p: f32, seed: u64) -> Result<Self, SamplingError> {
        Self::try_from(Parameters { temperature, top_k, top_p, seed })
    }

    /// Zero means greedy.
    pub const fn temperature(&self) -> f32 {
        self.parameters.temperature
    }

    /// How many of the likeliest tokens stay; zero means all.
    pub const fn top_k(&self) -> u32 {
        self.parameters.top_k
    }

    /// The probability mass of the likeliest tokens that stay.
    pub const fn top_p(&self) -> f32 {
        self.parameters.top_p
    }

    /// Keys the noise.
    pub const fn seed(&self) -> u64 {
        self.parameters.seed
    }
}

impl TryFrom<Parameters> for Sampling {
    type Error = SamplingError;
    fn try_from(parameters: Parameters) -> Result<Self, SamplingError> {
        let Parameters { temperature, top_p, .. } = parameters;
        if !(temperature.is_finite() && temperature >= 0.0) {
            return Err(SamplingError::Temperature(temperature));
        }
        if !(top_p > 0.0 && top_p <= 1.0) {
            return Err(SamplingError::TopP(top_p));
        }
        Ok(Self { parameters })
    }
}

impl From<Sampling> for Parameters {
    fn from(sampling: Sampling) -> Self {
        sampling.parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_out_of_range_are_refused() {
        assert!(Sampling::new(0.8, 40, 0.95, 7).is_ok());
        for temperature in [-0.1, f32::NAN, f32::INFINITY] {
            assert!(Sampling::new(temperature, 0, 1.0, 0).is_err(), "{temperature}");
        }
        for top_p in [0.0, 1.1, f32::NAN] {
            assert!(Sampling::new(1.0, 0, top_p, 0).is_err(), "{top_p}");
        }
    }
}
