//! A model's configuration from GGUF metadata.
//!
//! Keys under the architecture's name that are not listed here are refused: each would change the
//! model's function.
//!
//! Source: llama.cpp `gguf-py/gguf/constants.py` for the keys' names and meanings.

use super::architecture::Architecture;
use super::metadata::Metadata;
use crate::LoadError;
use crate::config::{ModelConfig, Rope, RopeScaling};
use crate::weights::{ROPE_FACTORS, TensorTable, Weight};

const THETA_DEFAULT: f64 = 10_000.0;

const BLOCK_COUNT: &str = "block_count";
const CONTEXT_LENGTH: &str = "context_length";
const EMBEDDING_LENGTH: &str = "embedding_length";
const FEED_FORWARD_LENGTH: &str = "feed_forward_length";
const VOCAB_SIZE: &str = "vocab_size";
const HEAD_COUNT: &str = "attention.head_count";
const HEAD_COUNT_KV: &str = "attention.head_count_kv";
const KEY_LENGTH: &str = "attention.key_length";
const VALUE_LENGTH: &str = "attention.value_length";
const EPSILON: &str = "attention.layer_norm_rms_epsilon";
const SLIDING_WINDOW: &str = "attention.sliding_window";
const ROPE_DIMENSIONS: &str = "rope.dimension_count";
const ROPE_BASE: &str = "rope.freq_base";
const SCALING_TYPE: &str = "rope.scaling.type";
const SCALING_FACTOR: &str = "rope.scaling.factor";
const SCALE_LINEAR: &str = "rope.scale_linear";
const EXPERTS: &str = "expert_count";
const EXPERTS_USED: &str = "expert_used_count";
const PARALLEL_RESIDUAL: &str = "use_parallel_residual";
const CAUSAL: &str = "attention.causal";
const LAYOUT: &str = "tensor_data_layout";

/// Every key that is read, behind the architecture's name, and three that say nothing about the function.
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
    "rope.scaling.original_context_length",
    "rope.scaling.finetuned",
    "attention.max_alibi_bias",
];

/// The configuration that `metadata` declares; `table` has the vocabulary's size, the rotary
/// factors and whether there is a head.
pub(super) fn config(metadata: &Metadata, table: &TensorTable) -> Result<ModelConfig, LoadError> {
    let keys = Keys { metadata, architecture: Architecture::of(metadata)? };
    refuse_unknown_features(&keys)?;

    let width = keys.size(EMBEDDING_LENGTH)?;
    let heads = keys.size(HEAD_COUNT)?;
    let head_width = match keys.optional_size(KEY_LENGTH)? {
        Some(head_width) => head_width,
        None if heads > 0 && width.is_multiple_of(heads) => width / heads,
        None => {
            let problem = format!("{heads} does not divide the width {width}");
            return Err(keys.bad(HEAD_COUNT, problem));
        }
    };
    for key in [VALUE_LENGTH, ROPE_DIMENSIONS] {
        if let Some(other) = keys.optional_size(key)?.filter(|other| *other != head_width) {
            return Err(keys.unsupported(key, &format!("of {other} beside heads of {head_width}")));
        }
    }
    let vocab = table.find(Weight::Embedding)?.shape()[0];

    Ok(ModelConfig {
        layers: keys.small(BLOCK_COUNT, keys.size(BLOCK_COUNT)?)?,
        width,
        heads,
        kv_heads: keys.optional_size(HEAD_COUNT_KV)?.unwrap_or(heads),
        head_width,
        mlp_width: keys.size(FEED_FORWARD_LENGTH)?,
        vocab: keys.optional_size(VOCAB_SIZE)?.unwrap_or(vocab),
        norm_epsilon: epsilon(&keys)?,
        rope: Rope {
            theta: keys.float(ROPE_BASE)?.unwrap_or(THETA_DEFAULT),
            scaling: scaling(&keys, table, head_width)?,
            layout: keys.architecture.rope_layout(),
        },
        parts: keys.architecture.parts(),
        sliding_window: sliding_window(&keys)?,
        context_length: keys.small(CONTEXT_LENGTH, keys.size(CONTEXT_LENGTH)?)?,
        tied: !table.has(Weight::Head),
    })
}

fn refuse_unknown_features(keys: &Keys<'_>) -> Result<(), LoadError> {
    if let Some(key) = keys.own().find(|key| !KNOWN_KEYS.contains(key)) {
        let feature = format!("the key {}", keys.full(key));
        return Err(LoadError::unsupported(keys.metadata.path(), feature));
    }
    for key in [EXPERTS, EXPERTS_USED] {
        if keys.optional_size(key)?.is_some_and(|count| count > 0) {
            return Err(keys.unsupported(key, "of a mixture of experts"));
        }
    }
    for (key, refused) in [(PARALLEL_RESIDUAL, true), (CAUSAL, false)] {
        if keys.metadata.boolean(&keys.full(key))? == Some(refused) {
            return Err(keys.unsupported(key, &format!("= {refused}")));
        }
    }
    Ok(())
}

fn scaling(
    keys: &Keys<'_>,
    table: &TensorTable,
    head_width: usize,
) -> Result<RopeScaling, LoadError> {
    let path = || keys.metadata.path().to_owned();
    let kind = keys.full(SCALING_TYPE);
    let kind = match keys.metadata.string(&kind)? {
        None if keys.float(SCALE_LINEAR)?.is_some() => "linear",
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
            path: path(),
            tensor: name.to_owned(),
            expected: vec![head_width / 2],
            actual: entry.shape().to_vec(),
        }),
        ("linear", None) => {
            let factor = match keys.float(SCALING_FACTOR)? {
                Some(factor) => Some(factor),
                None => keys.float(SCALE_LINEAR)?,
            };
            Ok(RopeScaling::Linear(keys.require(SCALING_FACTOR, factor)?))
        }
        ("linear", Some(_)) => {
            let feature = format!("linear rope scaling and {ROPE_FACTORS} at once");
            Err(LoadError::unsupported(keys.metadata.path(), feature))
        }
        (other, _) => Err(LoadError::Unknown {
            path: path(),
            what: keys.full(SCALING_TYPE),
            found: other.to_owned(),
            known: format!("none, linear, and a tensor {ROPE_FACTORS}"),
        }),
    }
}

fn epsilon(keys: &Keys<'_>) -> Result<f32, LoadError> {
    let epsilon = keys.require(EPSILON, keys.float(EPSILON)?)?;
    #[expect(clippy::cast_possible_truncation, reason = "the file has an f32")]
    let epsilon = epsilon as f32;
    Ok(epsilon)
}

/// Zero means none, as llama.cpp writes it.
fn sliding_window(keys: &Keys<'_>) -> Result<Option<u32>, LoadError> {
    match keys.optional_size(SLIDING_WINDOW)? {
        None | Some(0) => Ok(None),
        Some(_) if !keys.architecture.may_slide() => {
            Err(keys.unsupported(SLIDING_WINDOW, "above 0"))
        }
        Some(window) => keys.small(SLIDING_WINDOW, window).map(Some),
    }
}

/// The keys of one architecture; named without it.
struct Keys<'a> {
    metadata: &'a Metadata,
    architecture: Architecture,
}

impl<'a> Keys<'a> {
    /// As the file spells it.
    fn full(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture.name())
    }

    /// All keys of the architecture that the file has.
    fn own(&self) -> impl Iterator<Item = &'a str> {
        let name = self.architecture.name();
        self.metadata.keys().filter_map(move |key| key.strip_prefix(name)?.strip_prefix('.'))
    }

    fn size(&self, key: &str) -> Result<usize, LoadError> {
        self.require(key, self.optional_size(key)?)
    }

    fn optional_size(&self, key: &str) -> Result<Option<usize>, LoadError> {
        let Some(value) = self.metadata.unsigned(&self.full(key))? else { return Ok(None) };
        let too_large = |_| self.bad(key, format!("{value} is too large"));
        usize::try_from(value).map(Some).map_err(too_large)
    }

    fn small(&self, key: &str, value: usize) -> Result<u32, LoadError> {
        u32::try_from(value).map_err(|_| self.bad(key, format!("{value} is too large")))
    }

    fn float(&self, key: &str) -> Result<Option<f64>, LoadError> {
        self.metadata.float(&self.full(key))
    }

    fn require<T>(&self, key: &str, value: Option<T>) -> Result<T, LoadError> {
        self.metadata.require(&self.full(key), value)
    }

    fn bad(&self, key: &str, problem: String) -> LoadError {
        LoadError::bad_key(self.metadata.path(), &self.full(key), problem)
    }

    fn unsupported(&self, key: &str, what: &str) -> LoadError {
        let feature = format!("{} {what}", self.full(key));
        LoadError::unsupported(self.metadata.path(), feature)
    }
}
