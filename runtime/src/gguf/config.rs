//! A Llama-family configuration from GGUF metadata.
//!
//! Keys under `llama.` that are not listed here are refused: each would change the model's
//! function. Mistral's files say `llama` too, that architecture differs by its window alone.
//!
//! Source: llama.cpp `gguf-py/gguf/constants.py` for the keys' names and meanings.

use super::metadata::Metadata;
use crate::LoadError;
use crate::config::{ModelConfig, Rope, RopeScaling};
use crate::weights::{ROPE_FACTORS, TensorTable, Weight};
use kernels::RopeLayout;

const THETA_DEFAULT: f64 = 10_000.0;

const BLOCK_COUNT: &str = "llama.block_count";
const CONTEXT_LENGTH: &str = "llama.context_length";
const EMBEDDING_LENGTH: &str = "llama.embedding_length";
const FEED_FORWARD_LENGTH: &str = "llama.feed_forward_length";
const VOCAB_SIZE: &str = "llama.vocab_size";
const HEAD_COUNT: &str = "llama.attention.head_count";
const HEAD_COUNT_KV: &str = "llama.attention.head_count_kv";
const KEY_LENGTH: &str = "llama.attention.key_length";
const VALUE_LENGTH: &str = "llama.attention.value_length";
const EPSILON: &str = "llama.attention.layer_norm_rms_epsilon";
const SLIDING_WINDOW: &str = "llama.attention.sliding_window";
const ROPE_DIMENSIONS: &str = "llama.rope.dimension_count";
const ROPE_BASE: &str = "llama.rope.freq_base";
const SCALING_TYPE: &str = "llama.rope.scaling.type";
const SCALING_FACTOR: &str = "llama.rope.scaling.factor";
const SCALE_LINEAR: &str = "llama.rope.scale_linear";
const EXPERTS: &str = "llama.expert_count";
const EXPERTS_USED: &str = "llama.expert_used_count";
const PARALLEL_RESIDUAL: &str = "llama.use_parallel_residual";
const CAUSAL: &str = "llama.attention.causal";
const LAYOUT: &str = "llama.tensor_data_layout";

/// Every key that is read, and three that say nothing about the function.
const KNOWN_KEYS: [&str; 24] = [
    BLOCK_COUNT,
    CONTEXT_LENGTH,
    EMBEDDING_LENGTH,
    FEED_FORWARD_LENGTH,
    VOCAB_SIZE,
    HEAD_COUNT,
    HEAD_COUNT_KV,
    KEY_LENGTH,
    VALUE_LENGTH,
    EPSILON,
    SLIDING_WINDOW,
    ROPE_DIMENSIONS,
    ROPE_BASE,
    SCALING_TYPE,
    SCALING_FACTOR,
    SCALE_LINEAR,
    EXPERTS,
    EXPERTS_USED,
    PARALLEL_RESIDUAL,
    CAUSAL,
    LAYOUT,
    "llama.rope.scaling.original_context_length",
    "llama.rope.scaling.finetuned",
    "llama.attention.max_alibi_bias",
];

/// The configuration that `metadata` declares; `table` has the vocabulary's size, the rotary
/// factors and whether there is a head.
pub(super) fn config(metadata: &Metadata, table: &TensorTable) -> Result<ModelConfig, LoadError> {
    let architecture = metadata.string("general.architecture")?;
    match metadata.require("general.architecture", architecture)? {
        "llama" => {}
        other => {
            return Err(LoadError::Unknown {
                path: metadata.path().to_owned(),
                what: "architecture".to_owned(),
                found: other.to_owned(),
                known: "llama".to_owned(),
            });
        }
    }
    refuse_unknown_features(metadata)?;

    let width = size(metadata, EMBEDDING_LENGTH)?;
    let heads = size(metadata, HEAD_COUNT)?;
    let head_width = match optional_size(metadata, KEY_LENGTH)? {
        Some(head_width) => head_width,
        None if heads > 0 && width.is_multiple_of(heads) => width / heads,
        None => {
            let problem = format!("{heads} does not divide the width {width}");
            return Err(LoadError::bad_key(metadata.path(), HEAD_COUNT, problem));
        }
    };
    let expect_head_width = |key: &str| match optional_size(metadata, key)? {
        Some(other) if other != head_width => {
            let feature = format!("{key} {other} beside heads of {head_width}");
            Err(LoadError::unsupported(metadata.path(), feature))
        }
        _ => Ok(()),
    };
    expect_head_width(VALUE_LENGTH)?;
    expect_head_width(ROPE_DIMENSIONS)?;
    let vocab = table.find(Weight::Embedding)?.shape()[0];

    let config = ModelConfig {
        layers: small(metadata, BLOCK_COUNT, size(metadata, BLOCK_COUNT)?)?,
        width,
        heads,
        kv_heads: optional_size(metadata, HEAD_COUNT_KV)?.unwrap_or(heads),
        head_width,
        mlp_width: size(metadata, FEED_FORWARD_LENGTH)?,
        vocab: optional_size(metadata, VOCAB_SIZE)?.unwrap_or(vocab),
        norm_epsilon: epsilon(metadata)?,
        rope: Rope {
            theta: metadata.float(ROPE_BASE)?.unwrap_or(THETA_DEFAULT),
            scaling: scaling(metadata, table, head_width)?,
            layout: RopeLayout::Interleaved,
        },
        sliding_window: sliding_window(metadata)?,
        context_length: small(metadata, CONTEXT_LENGTH, size(metadata, CONTEXT_LENGTH)?)?,
        tied: !table.has(Weight::Head),
    };
    Ok(config)
}

fn refuse_unknown_features(metadata: &Metadata) -> Result<(), LoadError> {
    let refuse = |feature: String| Err(LoadError::unsupported(metadata.path(), feature));
    let stray = |key: &&str| key.starts_with("llama.") && !KNOWN_KEYS.contains(key);
    if let Some(key) = metadata.keys().find(stray) {
        return refuse(format!("the key {key}"));
    }
    for key in [EXPERTS, EXPERTS_USED] {
        if metadata.unsigned(key)?.is_some_and(|count| count > 0) {
            return refuse(format!("a mixture of experts ({key})"));
        }
    }
    if metadata.boolean(PARALLEL_RESIDUAL)? == Some(true) {
        return refuse(PARALLEL_RESIDUAL.to_owned());
    }
    if metadata.boolean(CAUSAL)? == Some(false) {
        return refuse(format!("{CAUSAL} = false"));
    }
    Ok(())
}

fn scaling(
    metadata: &Metadata,
    table: &TensorTable,
    head_width: usize,
) -> Result<RopeScaling, LoadError> {
    let kind = match metadata.string(SCALING_TYPE)? {
        None if metadata.float(SCALE_LINEAR)?.is_some() => "linear",
        None => "none",
        Some(kind) => kind,
    };
    let divisors = table.iter().find(|(name, _)| *name == ROPE_FACTORS);
    match (kind, divisors) {
        ("none", None) => Ok(RopeScaling::None),
        ("none", Some((_, entry))) if entry.shape() == [head_width / 2] => {
            Ok(RopeScaling::Divisors(entry.map()?.values()))
        }
        ("none", Some((name, entry))) => Err(LoadError::Shape {
            path: metadata.path().to_owned(),
            tensor: name.to_owned(),
            expected: vec![head_width / 2],
            actual: entry.shape().to_vec(),
        }),
        ("linear", None) => {
            let factor = match metadata.float(SCALING_FACTOR)? {
                Some(factor) => Some(factor),
                None => metadata.float(SCALE_LINEAR)?,
            };
            Ok(RopeScaling::Linear(metadata.require(SCALING_FACTOR, factor)?))
        }
        ("linear", Some(_)) => {
            let feature = format!("linear rope scaling and {ROPE_FACTORS} at once");
            Err(LoadError::unsupported(metadata.path(), feature))
        }
        (other, _) => Err(LoadError::Unknown {
            path: metadata.path().to_owned(),
            what: SCALING_TYPE.to_owned(),
            found: other.to_owned(),
            known: format!("none, linear, and a tensor {ROPE_FACTORS}"),
        }),
    }
}

fn epsilon(metadata: &Metadata) -> Result<f32, LoadError> {
    let epsilon = metadata.require(EPSILON, metadata.float(EPSILON)?)?;
    #[expect(clippy::cast_possible_truncation, reason = "the file has an f32")]
    let epsilon = epsilon as f32;
    Ok(epsilon)
}

/// Zero means none, as llama.cpp writes it.
fn sliding_window(metadata: &Metadata) -> Result<Option<u32>, LoadError> {
    match optional_size(metadata, SLIDING_WINDOW)? {
        None | Some(0) => Ok(None),
        Some(window) => small(metadata, SLIDING_WINDOW, window).map(Some),
    }
}

fn size(metadata: &Metadata, key: &str) -> Result<usize, LoadError> {
    metadata.require(key, optional_size(metadata, key)?)
}

fn optional_size(metadata: &Metadata, key: &str) -> Result<Option<usize>, LoadError> {
    let Some(value) = metadata.unsigned(key)? else { return Ok(None) };
    let problem = || LoadError::bad_key(metadata.path(), key, format!("{value} is too large"));
    usize::try_from(value).map(Some).map_err(|_| problem())
}

fn small(metadata: &Metadata, key: &str, value: usize) -> Result<u32, LoadError> {
    u32::try_from(value)
        .map_err(|_| LoadError::bad_key(metadata.path(), key, format!("{value} is too large")))
}
