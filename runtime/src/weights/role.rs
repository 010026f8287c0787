//! What each tensor of a Llama model is for, and its name in either file format.

use crate::ModelConfig;

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
}

impl LayerWeight {
    pub(crate) const ALL: [Self; 9] = [
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
}

impl Weight {
    /// Every weight that `config` implies.
    pub(crate) fn all(config: &ModelConfig) -> impl Iterator<Item = Self> {
        let layers = (0..config.layers)
            .flat_map(|layer| LayerWeight::ALL.map(|weight| Self::Layer(layer, weight)));
        let head = (!config.tied).then_some(Self::Head);
        [Self::Embedding, Self::OutputNorm].into_iter().chain(head).chain(layers)
    }

    /// Rows and columns; a norm has its width alone.
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
                format!("blk.{layer}.{}.weight", gguf_layer_name(weight))
            }
            (Self::HuggingFace, Weight::Embedding) => "model.embed_tokens.weight".to_owned(),
            (Self::HuggingFace, Weight::OutputNorm) => "model.norm.weight".to_owned(),
            (Self::HuggingFace, Weight::Head) => "lm_head.weight".to_owned(),
            (Self::HuggingFace, Weight::Layer(layer, weight)) => {
                format!("model.layers.{layer}.{}.weight", hugging_face_layer_name(weight))
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
        LayerWeight::AttentionNorm => "attn_norm",
        LayerWeight::Query => "attn_q",
        LayerWeight::Key => "attn_k",
        LayerWeight::Value => "attn_v",
        LayerWeight::AttentionOutput => "attn_output",
        LayerWeight::MlpNorm => "ffn_norm",
        LayerWeight::Gate => "ffn_gate",
        LayerWeight::Up => "ffn_up",
        LayerWeight::Down => "ffn_down",
    }
}

fn hugging_face_layer_name(weight: LayerWeight) -> &'static str {
    match weight {
        LayerWeight::AttentionNorm => "input_layernorm",
        LayerWeight::Query => "self_attn.q_proj",
        LayerWeight::Key => "self_attn.k_proj",
        LayerWeight::Value => "self_attn.v_proj",
        LayerWeight::AttentionOutput => "self_attn.o_proj",
        LayerWeight::MlpNorm => "post_attention_layernorm",
        LayerWeight::Gate => "mlp.gate_proj",
        LayerWeight::Up => "mlp.up_proj",
        LayerWeight::Down => "mlp.down_proj",
    }
}
