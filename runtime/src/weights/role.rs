//! What each tensor of a model is for, and its name in either file format.

use crate::config::{LayerParts, ModelConfig};

/// One weight of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Token rows, `[V, D]`.
    Embedding,
    /// The norm before the head, `[D]`.
    OutputNorm,
    /// The head, `[V, D]`; absent where it is tied to the embedding.
    Head,
    /// One of a layer's.
    Layer(u32, LayerWeight),
}

/// One weight of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayerWeight {
    /// `[D]`
    AttentionNorm,
    /// `[H * E, D]`
    Query,
    /// `[G * E, D]`
    Key,
    /// `[G * E, D]`
    Value,
    /// `[D, H * E]`
    AttentionOutput,
    /// `[D]`
    MlpNorm,
    /// `[F, D]`
    Gate,
    /// `[F, D]`
    Up,
    /// `[D, F]`
    Down,
    /// `[H * E]`, where there are attention biases.
    QueryBias,
    /// `[G * E]`, the same.
    KeyBias,
    /// `[G * E]`, the same.
    ValueBias,
    /// `[E]`, where there are head norms.
    QueryNorm,
    /// `[E]`, the same.
    KeyNorm,
}

impl LayerWeight {
    /// Those of every layer.
    const COMMON: [Self; 9] = [
        Self::AttentionNorm,
        Self::Query,
        Self::Key,
        Self::Value,
        Self::AttentionOutput,
        Self::MlpNorm,
        Self::Gate,
        Self::Up,
        Self::Down,
    ];

    /// Those of a layer that has `parts`.
    fn all(parts: LayerParts) -> impl Iterator<Item = Self> + Clone {
        let biases = [Self::QueryBias, Self::KeyBias, Self::ValueBias];
        let biases = biases.into_iter().filter(move |_| parts.attention_biases);
        let norms = [Self::QueryNorm, Self::KeyNorm].into_iter().filter(move |_| parts.head_norms);
        Self::COMMON.into_iter().chain(biases).chain(norms)
    }
}

impl Weight {
    /// Every weight that `config` implies.
    pub(crate) fn all(config: &ModelConfig) -> impl Iterator<Item = Self> {
        let of_layer = LayerWeight::all(config.parts);
        let layers = (0..config.layers)
            .flat_map(move |layer| of_layer.clone().map(move |weight| Self::Layer(layer, weight)));
        let head = (!config.tied).then_some(Self::Head);
        [Self::Embedding, Self::OutputNorm].into_iter().chain(head).chain(layers)
    }

    /// Rows and columns; a norm and a bias have their width alone.
    pub(crate) fn shape(self, config: &ModelConfig) -> Vec<usize> {
        let width = config.width;
        let (queries, keys) =
            (config.heads * config.head_width, config.kv_heads * config.head_width);
        match self {
            Self::Embedding | Self::Head => vec![config.vocab, width],
            Self::OutputNorm => vec![width],
            Self::Layer(_, weight) => match weight {
                LayerWeight::AttentionNorm | LayerWeight::MlpNorm => vec![width],
                LayerWeight::Query => vec![queries, width],
                LayerWeight::Key | LayerWeight::Value => vec![keys, width],
                LayerWeight::AttentionOutput => vec![width, queries],
                LayerWeight::Gate | LayerWeight::Up => vec![config.mlp_width, width],
                LayerWeight::Down => vec![width, config.mlp_width],
                LayerWeight::QueryBias => vec![queries],
                LayerWeight::KeyBias | LayerWeight::ValueBias => vec![keys],
                LayerWeight::QueryNorm | LayerWeight::KeyNorm => vec![config.head_width],
            },
        }
    }
}

/// The two ways that files name weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    Gguf,
    HuggingFace,
}

impl Naming {
    pub(crate) fn name(self, weight: Weight) -> String {
        match (self, weight) {
            (Self::Gguf, Weight::Embedding) => "token_embd.weight".to_owned(),
            (Self::Gguf, Weight::OutputNorm) => "output_norm.weight".to_owned(),
            (Self::Gguf, Weight::Head) => "output.weight".to_owned(),
            (Self::Gguf, Weight::Layer(layer, weight)) => {
                format!("blk.{layer}.{}", gguf_layer_name(weight))
            }
            (Self::HuggingFace, Weight::Embedding) => "model.embed_tokens.weight".to_owned(),
            (Self::HuggingFace, Weight::OutputNorm) => "model.norm.weight".to_owned(),
            (Self::HuggingFace, Weight::Head) => "lm_head.weight".to_owned(),
            (Self::HuggingFace, Weight::Layer(layer, weight)) => {
                format!("model.layers.{layer}.{}", hugging_face_layer_name(weight))
            }
        }
    }

    /// Whether a tensor that is no weight of the model may still be there: a table that the
    /// decoder computes itself, or a head that the configuration says to replace.
    pub(crate) fn is_redundant(self, name: &str) -> bool {
        match self {
            Self::Gguf => name == ROPE_FACTORS,
            Self::HuggingFace => name.ends_with(".rotary_emb.inv_freq") || name == "lm_head.weight",
        }
    }
}

/// GGUF's tensor of divisors of the rotary frequencies, `[E / 2]`: Llama 3's scaling, tabulated.
pub(crate) const ROPE_FACTORS: &str = "rope_freqs.weight";

fn gguf_layer_name(weight: LayerWeight) -> &'static str {
    match weight {
        LayerWeight::AttentionNorm => "attn_norm.weight",
        LayerWeight::Query => "attn_q.weight",
        LayerWeight::Key => "attn_k.weight",
        LayerWeight::Value => "attn_v.weight",
        LayerWeight::AttentionOutput => "attn_output.weight",
        LayerWeight::MlpNorm => "ffn_norm.weight",
        LayerWeight::Gate => "ffn_gate.weight",
        LayerWeight::Up => "ffn_up.weight",
        LayerWeight::Down => "ffn_down.weight",
        LayerWeight::QueryBias => "attn_q.bias",
        LayerWeight::KeyBias => "attn_k.bias",
        LayerWeight::ValueBias => "attn_v.bias",
        LayerWeight::QueryNorm => "attn_q_norm.weight",
        LayerWeight::KeyNorm => "attn_k_norm.weight",
    }
}

fn hugging_face_layer_name(weight: LayerWeight) -> &'static str {
    match weight {
        LayerWeight::AttentionNorm => "input_layernorm.weight",
        LayerWeight::Query => "self_attn.q_proj.weight",
        LayerWeight::Key => "self_attn.k_proj.weight",
        LayerWeight::Value => "self_attn.v_proj.weight",
        LayerWeight::AttentionOutput => "self_attn.o_proj.weight",
        LayerWeight::MlpNorm => "post_attention_layernorm.weight",
        LayerWeight::Gate => "mlp.gate_proj.weight",
        LayerWeight::Up => "mlp.up_proj.weight",
        LayerWeight::Down => "mlp.down_proj.weight",
        LayerWeight::QueryBias => "self_attn.q_proj.bias",
        LayerWeight::KeyBias => "self_attn.k_proj.bias",
        LayerWeight::ValueBias => "self_attn.v_proj.bias",
        LayerWeight::QueryNorm => "self_attn.q_norm.weight",
        LayerWeight::KeyNorm => "self_attn.k_norm.weight",
    }
}
