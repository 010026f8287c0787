//! BERT's encoder (Devlin et al. 2018), for one text at a time and without padding.
//!
//! Shapes: `T` tokens, `D` width, `H` heads of `E`, `F` MLP width.

use crate::OpenError;
use crate::reading::Pooling;
use candle_core::{D, DType, Device, Result, Tensor};
use serde::Deserialize;
use std::collections::HashMap;

/// What `config.json` says.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Config {
    model_type: String,
    hidden_act: String,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    pub(crate) max_position_embeddings: usize,
    vocab_size: usize,
    layer_norm_eps: f64,
    #[serde(default = "absolute")]
    position_embedding_type: String,
}

fn absolute() -> String {
    "absolute".to_owned()
}

/// Far above any sentence encoder.
const LAYERS_MAX: usize = 64;

impl Config {
    pub(crate) fn check(self) -> std::result::Result<Self, OpenError> {
        let unsupported = |wanted, found: &dyn ToString| {
            Err(OpenError::Unsupported { wanted, found: found.to_string() })
        };
        let even = self.num_attention_heads > 0
            && self.hidden_size.is_multiple_of(self.num_attention_heads);
        match &self {
            Self { model_type, .. } if model_type != "bert" => {
                unsupported("model_type \"bert\"", model_type)
            }
            Self { hidden_act, .. } if hidden_act != "gelu" => {
                unsupported("hidden_act \"gelu\"", hidden_act)
            }
            Self { position_embedding_type: kind, .. } if *kind != absolute() => {
                unsupported("absolute positions", kind)
            }
            Self { num_hidden_layers: layers, .. } if *layers > LAYERS_MAX => {
                unsupported("at most 64 layers", layers)
            }
            Self { num_attention_heads: heads, .. } if !even => {
                unsupported("heads that divide their width", heads)
            }
            _ => Ok(self),
        }
    }
}

/// Weights and how to run them.
#[derive(Debug)]
pub(crate) struct Bert {
    /// `[V, D]`
    words: Tensor,
    /// `[positions, D]`, with the one token type that texts have added.
    positions: Tensor,
    norm: Norm,
    layers: Vec<Layer>,
    heads: usize,
}

#[derive(Debug)]
struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attended: Linear,
    attended_norm: Norm,
    up: Linear,
    down: Linear,
    norm: Norm,
}

/// `x Wᵀ + b`; the weight is kept as `[in, out]`.
#[derive(Debug)]
struct Linear {
    weight: Tensor,
    bias: Tensor,
}

#[derive(Debug)]
struct Norm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f64,
}

/// Named tensors of a file, taken by their shapes.
struct Weights<'a> {
    tensors: &'a HashMap<String, Tensor>,
    epsilon: f64,
}

impl Bert {
    pub(crate) fn new(
        config: &Config,
        tensors: &HashMap<String, Tensor>,
    ) -> std::result::Result<Self, OpenError> {
        let weights = Weights { tensors, epsilon: config.layer_norm_eps };
        let (width, mlp) = (config.hidden_size, config.intermediate_size);
        let table = |name: &str, rows| {
            weights.tensor(&format!("embeddings.{name}_embeddings.weight"), &[rows, width])
        };
        let kinds = table("token_type", 2)?;
        let positions = table("position", config.max_position_embeddings)?;
        let shape = |name: &str| OpenError::Tensor {
            name: name.to_owned(),
            shape: vec![width],
            found: "one that cannot be added".to_owned(),
        };
        let positions = kinds.narrow(0, 0, 1).and_then(|kind| positions.broadcast_add(&kind));
        let layer = |index: usize| -> std::result::Result<Layer, OpenError> {
            let at = |name: &str| format!("encoder.layer.{index}.{name}");
            Ok(Layer {
                query: weights.linear(&at("attention.self.query"), width, width)?,
                key: weights.linear(&at("attention.self.key"), width, width)?,
                value: weights.linear(&at("attention.self.value"), width, width)?,
                attended: weights.linear(&at("attention.output.dense"), width, width)?,
                attended_norm: weights.norm(&at("attention.output.LayerNorm"), width)?,
                up: weights.linear(&at("intermediate.dense"), width, mlp)?,
                down: weights.linear(&at("output.dense"), mlp, width)?,
                norm: weights.norm(&at("output.LayerNorm"), width)?,
            })
        };
        Ok(Self {
            words: table("word", config.vocab_size)?,
            positions: positions.map_err(|_| shape("embeddings.token_type_embeddings.weight"))?,
            norm: weights.norm("embeddings.LayerNorm", width)?,
            layers: (0..config.num_hidden_layers)
                .map(layer)
                .collect::<std::result::Result<_, _>>()?,
            heads: config.num_attention_heads,
        })
    }

    /// What `pooling` makes of the last hidden states, `[D]`, of length 1.
    pub(crate) fn encode(&self, ids: &[u32], pooling: Pooling) -> Result<Vec<f32>> {
        let ids = Tensor::new(ids, &Device::Cpu)?;
        let positions = self.positions.narrow(0, 0, ids.dim(0)?)?;
        let mut states = self.norm.run(&(self.words.index_select(&ids, 0)? + positions)?)?;
        for layer in &self.layers {
            states = layer.run(&states, self.heads)?;
        }
        let pooled = match pooling {
            Pooling::Mean => states.mean(0)?,
            Pooling::First => states.get(0)?,
        };
        let length = pooled.sqr()?.sum_all()?.sqrt()?;
        pooled.broadcast_div(&length)?.to_vec1()
    }
}

impl Layer {
    fn run(&self, states: &Tensor, heads: usize) -> Result<Tensor> {
        let attended = self.attended.run(&self.attend(states, heads)?)?;
        let states = self.attended_norm.run(&(states + attended)?)?;
        let mlp = self.down.run(&self.up.run(&states)?.gelu_erf()?)?;
        self.norm.run(&(states + mlp)?)
    }

    /// Every token sees every token: `[T, D]`.
    fn attend(&self, states: &Tensor, heads: usize) -> Result<Tensor> {
        let (tokens, width) = states.dims2()?;
        let by_head = |linear: &Linear| {
            let split = linear.run(states)?.reshape((tokens, heads, width / heads))?;
            split.transpose(0, 1)?.contiguous()
        };
        let (query, key, value) =
            (by_head(&self.query)?, by_head(&self.key)?, by_head(&self.value)?);
        let scale = ((width / heads) as f64).sqrt().recip();
        let scores = (query.matmul(&key.transpose(1, 2)?.contiguous()?)? * scale)?;
        let mixed = softmax(&scores)?.matmul(&value)?;
        mixed.transpose(0, 1)?.contiguous()?.reshape((tokens, width))
    }
}

fn softmax(scores: &Tensor) -> Result<Tensor> {
    let weights = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?)?.exp()?;
    weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)
}

impl Linear {
    fn run(&self, inputs: &Tensor) -> Result<Tensor> {
        inputs.matmul(&self.weight)?.broadcast_add(&self.bias)
    }
}

impl Norm {
    fn run(&self, states: &Tensor) -> Result<Tensor> {
        let centred = states.broadcast_sub(&states.mean_keepdim(D::Minus1)?)?;
        let deviation = (centred.sqr()?.mean_keepdim(D::Minus1)? + self.epsilon)?.sqrt()?;
        centred.broadcast_div(&deviation)?.broadcast_mul(&self.weight)?.broadcast_add(&self.bias)
    }
}

impl Weights<'_> {
    /// The tensor `name`, with or without the prefix that some files have.
    fn tensor(&self, name: &str, shape: &[usize]) -> std::result::Result<Tensor, OpenError> {
        let found = self.tensors.get(name).or_else(|| self.tensors.get(&format!("bert.{name}")));
        let wrong = |found: String| OpenError::Tensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            found,
        };
        let tensor = found.ok_or_else(|| wrong("none".to_owned()))?;
        if tensor.dims() != shape {
            return Err(wrong(format!("one of shape {:?}", tensor.dims())));
        }
        tensor.to_dtype(DType::F32).map_err(|error| wrong(format!("one that is no float: {error}")))
    }

    fn linear(&self, name: &str, from: usize, to: usize) -> std::result::Result<Linear, OpenError> {
        let weight = self.tensor(&format!("{name}.weight"), &[to, from])?;
        let turned = weight.t().and_then(|weight| weight.contiguous());
        let weight = turned.map_err(|error| OpenError::Tensor {
            name: name.to_owned(),
            shape: vec![to, from],
            found: format!("one that cannot be turned: {error}"),
        })?;
        Ok(Linear { weight, bias: self.tensor(&format!("{name}.bias"), &[to])? })
    }

    fn norm(&self, name: &str, width: usize) -> std::result::Result<Norm, OpenError> {
        let [weight, bias] =
            ["weight", "bias"].map(|part| self.tensor(&format!("{name}.{part}"), &[width]));
        Ok(Norm { weight: weight?, bias: bias?, epsilon: self.epsilon })
    }
}
