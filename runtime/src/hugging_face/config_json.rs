//! `config.json` of the architectures that the decoder computes, in the spellings of transformers 4 and 5.
//!
//! The architecture names a closed function; keys that alter it (biases, another activation, rope
//! kinds, quantization) are read in order to be refused. Keys that say nothing about inference,
//! such as initializer ranges, are not read.
//!
//! Source: transformers `models/llama/configuration_llama.py`, and `models/mistral`, `qwen2`, `qwen3`.

use super::read_json;
use crate::LoadError;
use crate::config::{LayerParts, ModelConfig, Rope, RopeScaling};
use kernels::RopeLayout;
use serde::{Deserialize, Deserializer};
use std::path::Path;

/// Real ones have about a kilobyte.
const BYTES_MAX: u64 = 1 << 20;

const THETA_DEFAULT: f64 = 10_000.0;

/// The model classes that the decoder computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Architecture {
    Llama,
    Mistral,
    Qwen2,
    Qwen3,
}

#[derive(Debug, Deserialize)]
struct ConfigJson {
    #[serde(default)]
    architectures: Vec<String>,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: u32,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    vocab_size: usize,
    max_position_embeddings: u32,
    rms_norm_eps: f64,
    hidden_act: Option<String>,
    rope_theta: Option<f64>,
    /// transformers 4.
    rope_scaling: Option<RopeJson>,
    /// transformers 5: holds `rope_theta` as well.
    rope_parameters: Option<RopeJson>,
    #[serde(default)]
    tie_word_embeddings: bool,
    /// Absent and `null` differ: transformers has a window where the key is absent.
    #[serde(default, deserialize_with = "present")]
    sliding_window: Option<Option<u32>>,
    #[serde(default)]
    use_sliding_window: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    #[serde(default)]
    rope_interleaved: bool,
    #[serde(default)]
    use_mrope: bool,
    partial_rotary_factor: Option<f64>,
    layer_types: Option<Vec<String>>,
    quantization_config: Option<serde_json::Value>,
}

/// What kind of model the file is of, of all its keys.
#[derive(Debug, Deserialize)]
struct Kind {
    #[serde(default)]
    model_type: Option<String>,
    #[serde(default)]
    architectures: Vec<String>,
}

/// What the model calls its own kind.
pub(super) fn model_type(path: &Path) -> Result<String, LoadError> {
    let Kind { model_type, architectures } = read_json(path, BYTES_MAX)?;
    let named = model_type.or_else(|| architectures.into_iter().next());
    named.ok_or_else(|| LoadError::missing_key(path, "model_type"))
}

#[derive(Debug, Deserialize)]
struct RopeJson {
    rope_type: Option<String>,
    /// The older name of `rope_type`; many files have both.
    #[serde(rename = "type")]
    older_type: Option<String>,
    rope_theta: Option<f64>,
    partial_rotary_factor: Option<f64>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
}

/// `Some(None)` for a key that is there and null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Reads the file `path`.
pub(super) fn read(path: &Path) -> Result<ModelConfig, LoadError> {
    let json: ConfigJson = read_json(path, BYTES_MAX)?;
    let architecture = Architecture::of(path, &json)?;
    let sliding_window = sliding_window(path, architecture, &json)?;
    refuse_unknown_features(path, &json, sliding_window)?;

    let (heads, need) = (json.num_attention_heads, |key| LoadError::missing_key(path, key));
    let head_width = match (json.head_dim, architecture) {
        (Some(head_width), _) => head_width,
        (None, Architecture::Qwen3) => return Err(need("head_dim")),
        (None, _) if heads > 0 && json.hidden_size.is_multiple_of(heads) => {
            json.hidden_size / heads
        }
        (None, Architecture::Llama | Architecture::Mistral | Architecture::Qwen2) => {
            let problem = format!("{heads} does not divide hidden_size {}", json.hidden_size);
            return Err(LoadError::bad_key(path, "num_attention_heads", problem));
        }
    };
    // Llama has as many key heads as query heads where the file says nothing; the others' defaults
    // are those of one model, so we ask.
    let kv_heads = match (json.num_key_value_heads, architecture) {
        (Some(kv_heads), _) => kv_heads,
        (None, Architecture::Llama) => heads,
        (None, Architecture::Mistral | Architecture::Qwen2 | Architecture::Qwen3) => {
            return Err(need("num_key_value_heads"));
        }
    };
    #[expect(clippy::cast_possible_truncation, reason = "norms are computed in f32")]
    let norm_epsilon = json.rms_norm_eps as f32;
    Ok(ModelConfig {
        layers: json.num_hidden_layers,
        width: json.hidden_size,
        heads,
        kv_heads,
        head_width,
        mlp_width: json.intermediate_size,
        vocab: json.vocab_size,
        norm_epsilon,
        rope: rope(path, &json)?,
        parts: architecture.parts(),
        sliding_window,
        context_length: json.max_position_embeddings,
        tied: json.tie_word_embeddings,
    })
}

impl Architecture {
    const ALL: [Self; 4] = [Self::Llama, Self::Mistral, Self::Qwen2, Self::Qwen3];

    fn of(path: &Path, json: &ConfigJson) -> Result<Self, LoadError> {
        let names = json.architectures.join(", ");
        Self::ALL.into_iter().find(|known| known.class() == names).ok_or_else(|| {
            LoadError::Unknown {
                path: path.to_owned(),
                what: "architecture".to_owned(),
                found: names,
                known: Self::ALL.map(Self::class).join(", "),
            }
        })
    }

    /// transformers' class.
    const fn class(self) -> &'static str {
        match self {
            Self::Llama => "LlamaForCausalLM",
            Self::Mistral => "MistralForCausalLM",
            Self::Qwen2 => "Qwen2ForCausalLM",
            Self::Qwen3 => "Qwen3ForCausalLM",
        }
    }

    const fn parts(self) -> LayerParts {
        match self {
            Self::Llama | Self::Mistral => LayerParts::COMMON,
            Self::Qwen2 => LayerParts { attention_biases: true, ..LayerParts::COMMON },
            Self::Qwen3 => LayerParts { head_norms: true, ..LayerParts::COMMON },
        }
    }
}

/// What a position sees. Llama's code has no window, whatever its file says; Qwen's only where it is
/// told to use it, and then in some layers alone.
fn sliding_window(
    path: &Path,
    architecture: Architecture,
    json: &ConfigJson,
) -> Result<Option<u32>, LoadError> {
    match architecture {
        Architecture::Llama => Ok(None),
        Architecture::Mistral => {
            json.sliding_window.ok_or_else(|| LoadError::missing_key(path, "sliding_window"))
        }
        Architecture::Qwen2 | Architecture::Qwen3 if json.use_sliding_window => {
            Err(LoadError::unsupported(path, "use_sliding_window"))
        }
        Architecture::Qwen2 | Architecture::Qwen3 => Ok(None),
    }
}

fn refuse_unknown_features(
    path: &Path,
    json: &ConfigJson,
    sliding_window: Option<u32>,
) -> Result<(), LoadError> {
    let unknown = |what: &str, found: &str, known: &str| {
        let (what, found, known) = (what.to_owned(), found.to_owned(), known.to_owned());
        Err(LoadError::Unknown { path: path.to_owned(), what, found, known })
    };
    if let Some(other) = json.hidden_act.as_deref().filter(|name| *name != "silu") {
        return unknown("hidden_act", other, "silu");
    }
    let mut layer_types = json.layer_types.iter().flatten();
    let attention = match sliding_window {
        Some(_) => "sliding_attention",
        None => "full_attention",
    };
    if let Some(other) = layer_types.find(|name| *name != attention) {
        return unknown("layer type", other, attention);
    }
    let ropes = [&json.rope_scaling, &json.rope_parameters].into_iter().flatten();
    let mut rotary_factors =
        ropes.map(|rope| rope.partial_rotary_factor).chain([json.partial_rotary_factor]).flatten();
    let features = [
        (json.attention_bias, "attention_bias"),
        (json.mlp_bias, "mlp_bias"),
        (json.rope_interleaved, "rope_interleaved"),
        (json.use_mrope, "use_mrope"),
        (rotary_factors.any(|factor| factor < 1.0), "partial_rotary_factor"),
        (json.quantization_config.is_some(), "quantization_config"),
    ];
    match features.iter().find(|(asked, _)| *asked) {
        Some((_, feature)) => Err(LoadError::unsupported(path, *feature)),
        None => Ok(()),
    }
}

fn rope(path: &Path, json: &ConfigJson) -> Result<Rope, LoadError> {
    let newer = json.rope_parameters.as_ref();
    let older = json.rope_scaling.as_ref();
    let theta = newer.and_then(|rope| rope.rope_theta).or(json.rope_theta);
    let scaling = match newer.or(older) {
        Some(rope) => scaling(path, rope)?,
        None => RopeScaling::None,
    };
    Ok(Rope { theta: theta.unwrap_or(THETA_DEFAULT), scaling, layout: RopeLayout::HalfSplit })
}

fn scaling(path: &Path, rope: &RopeJson) -> Result<RopeScaling, LoadError> {
    let need = |value: Option<f64>, key: &str| {
        value.ok_or_else(|| LoadError::missing_key(path, &format!("rope_scaling.{key}")))
    };
    match rope_type(path, rope)? {
        None | Some("default") => Ok(RopeScaling::None),
        Some("linear") => Ok(RopeScaling::Linear(need(rope.factor, "factor")?)),
        Some("llama3") => Ok(RopeScaling::Llama3 {
            factor: need(rope.factor, "factor")?,
            low: need(rope.low_freq_factor, "low_freq_factor")?,
            high: need(rope.high_freq_factor, "high_freq_factor")?,
            original_context: need(
                rope.original_max_position_embeddings,
                "original_max_position_embeddings",
            )?,
        }),
        Some(other) => Err(LoadError::Unknown {
            path: path.to_owned(),
            what: "rope_type".to_owned(),
            found: other.to_owned(),
            known: "default, linear, llama3".to_owned(),
        }),
    }
}

/// The kind of a rope, by the newer of its two keys; both are to say the same.
fn rope_type<'a>(path: &Path, rope: &'a RopeJson) -> Result<Option<&'a str>, LoadError> {
    match (rope.rope_type.as_deref(), rope.older_type.as_deref()) {
        (Some(newer), Some(older)) if newer != older => {
            let problem = format!("{older:?} and rope_type {newer:?} are two kinds of rope");
            Err(LoadError::bad_key(path, "rope_scaling.type", problem))
        }
        (newer, older) => Ok(newer.or(older)),
    }
}
