//! What a model is, apart from its weights: sizes, rotary positions, attention window.
//!
//! Read from GGUF metadata or from `config.json`; checked once, before any weight is looked at.

use crate::LoadError;
use kernels::RopeLayout;
use std::path::Path;

// Caps on what a file may declare. They bound what is computed from a configuration before its
// tensors prove it, and a rotation by one radian a position stays exact up to the last position.
const LAYERS_MAX: u32 = 1024;
const WIDTH_MAX: usize = 1 << 16;
const MLP_WIDTH_MAX: usize = 1 << 18;
const HEADS_MAX: usize = 1024;
const HEAD_WIDTH_MAX: usize = 1024;
const VOCAB_MAX: usize = 1 << 20;
const CONTEXT_LENGTH_MAX: u32 = 1 << 20;

/// The sizes and constants of a decoder of the Llama family.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// Number of layers, `L`.
    pub layers: u32,
    /// Width of the residual stream, `D`.
    pub width: usize,
    /// Query heads, `H`.
    pub heads: usize,
    /// Key and value heads, `G`; divides `heads`.
    pub kv_heads: usize,
    /// Width of one head, `E`; even. Not always `width / heads`.
    pub head_width: usize,
    /// Width of the MLP's inside, `F`.
    pub mlp_width: usize,
    /// Number of tokens, `V`.
    pub vocab: usize,
    /// Added to the mean square in every norm.
    pub norm_epsilon: f32,
    /// Rotary positions.
    pub rope: Rope,
    /// What its layers have beside that.
    pub parts: LayerParts,
    /// A position sees this many positions, itself included; all before it where `None`.
    pub sliding_window: Option<u32>,
    /// Positions that the model was made for; none beyond is ever computed.
    pub context_length: u32,
    /// Whether the embedding's rows are also the head's.
    pub tied: bool,
}

/// Parts of a layer that only some architectures have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerParts {
    /// Queries, keys and values have biases: Qwen2.
    pub attention_biases: bool,
    /// Each head of queries and keys is normed before it rotates: Qwen3.
    pub head_norms: bool,
}

/// How positions enter queries and keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    /// Base of the wavelengths.
    pub theta: f64,
    /// What stretches the wavelengths beyond the trained context.
    pub scaling: RopeScaling,
    /// Which elements of a head rotate together. GGUF's Llama weights are permuted to
    /// [`RopeLayout::Interleaved`], Qwen's and all of Hugging Face's are [`RopeLayout::HalfSplit`];
    /// mixed up, the model babbles.
    pub layout: RopeLayout,
}

/// Changes to the rotary frequencies.
#[derive(Debug, Clone, PartialEq)]
pub enum RopeScaling {
    /// As trained.
    None,
    /// Every frequency divided by the factor: Chen et al. 2023, arXiv:2306.15595.
    Linear(f64),
    /// Low frequencies divided, high ones kept, a ramp between: Llama 3.1.
    Llama3 {
        /// Divides the low frequencies.
        factor: f64,
        /// Wavelengths above `original_context / low` are low frequencies.
        low: f64,
        /// Wavelengths below `original_context / high` are high frequencies.
        high: f64,
        /// The context the model was first trained for, in positions.
        original_context: f64,
    },
    /// Each of the `E / 2` frequencies divided by its own factor, as GGUF tabulates them.
    Divisors(Vec<f32>),
}

impl LayerParts {
    /// None of them: Llama.
    pub const COMMON: Self = Self { attention_biases: false, head_norms: false };
}

impl ModelConfig {
    /// Holds the sizes against the caps and each other; `path` is for the error.
    pub(crate) fn check(&self, path: &Path) -> Result<(), LoadError> {
        let bad = |key: &str, problem: String| Err(LoadError::bad_key(path, key, problem));
        let sizes = [
            ("layer count", self.layers as usize, LAYERS_MAX as usize),
            ("width", self.width, WIDTH_MAX),
            ("head count", self.heads, HEADS_MAX),
            ("key and value head count", self.kv_heads, HEADS_MAX),
            ("head width", self.head_width, HEAD_WIDTH_MAX),
            ("MLP width", self.mlp_width, MLP_WIDTH_MAX),
            ("vocabulary size", self.vocab, VOCAB_MAX),
            ("context length", self.context_length as usize, CONTEXT_LENGTH_MAX as usize),
            ("sliding window", self.sliding_window.map_or(1, |w| w as usize), usize::MAX),
        ];
        for (key, size, max) in sizes {
            if size == 0 || size > max {
                return bad(key, format!("{size} is not within 1 to {max}"));
            }
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            let problem = format!("{} does not divide {} heads", self.kv_heads, self.heads);
            return bad("key and value head count", problem);
        }
        if !self.head_width.is_multiple_of(2) {
            return bad("head width", format!("{} is odd and cannot rotate", self.head_width));
        }
        if !(self.norm_epsilon.is_finite() && self.norm_epsilon > 0.0) {
            return bad("norm epsilon", format!("{} is not above 0", self.norm_epsilon));
        }
        self.rope.check(path, self.head_width)
    }
}

impl Rope {
    fn check(&self, path: &Path, head_width: usize) -> Result<(), LoadError> {
        let positive = |x: f64| x.is_finite() && x > 0.0;
        // Scaling slows a rotation down; the kernels count on at most one radian a position.
        let divides = |x: f64| x.is_finite() && x >= 1.0;
        if !(self.theta.is_finite() && self.theta >= 1.0) {
            let problem = format!("{} is not a number of at least 1", self.theta);
            return Err(LoadError::bad_key(path, "rope theta", problem));
        }
        let good = match &self.scaling {
            RopeScaling::None => true,
            RopeScaling::Linear(factor) => divides(*factor),
            RopeScaling::Llama3 { factor, low, high, original_context } => {
                let numbers = [*low, *high, *original_context].into_iter().all(positive);
                divides(*factor) && numbers && low < high
            }
            RopeScaling::Divisors(all) => {
                all.len() == head_width / 2 && all.iter().all(|x| divides(f64::from(*x)))
            }
        };
        if good {
            return Ok(());
        }
        let problem = format!("{:?} is not made of divisors of at least 1", self.scaling);
        Err(LoadError::bad_key(path, "rope scaling", problem))
    }

    /// Radians a position for each of the `head_width / 2` rotating pairs.
    ///
    /// Computed in `f64` and rounded once. Sources: Su et al. 2021, arXiv:2104.09864, equation 15;
    /// Llama 3's ramp as in transformers' `modeling_rope_utils.py`.
    pub(crate) fn inverse_frequencies(&self, head_width: usize) -> Vec<f32> {
        #[expect(clippy::cast_possible_truncation, reason = "kernels take f32")]
        let round = |x: f64| x as f32;
        (0..head_width / 2)
            .map(|pair| {
                let plain = self.theta.powf(-((2 * pair) as f64) / head_width as f64);
                round(self.scaling.apply(plain, pair))
            })
            .collect()
    }
}

impl RopeScaling {
    fn apply(&self, frequency: f64, pair: usize) -> f64 {
        match self {
            Self::None => frequency,
            Self::Linear(factor) => frequency / factor,
            Self::Llama3 { factor, low, high, original_context } => {
                let turns = original_context * frequency / std::f64::consts::TAU;
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                kept * frequency + (1.0 - kept) * frequency / factor
            }
            Self::Divisors(all) => frequency / f64::from(all[pair]),
        }
    }
}

#[cfg(test)]
mod tests;
