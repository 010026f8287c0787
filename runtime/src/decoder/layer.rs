//! One transformer layer: its weights, and its pass over the rows of a batch.

use super::batch::Batch;
use super::ops::{self, Attention, Rope};
use crate::kv::KvPool;
use crate::weights::{LayerWeight, MappedTensor, TensorTable, Weight};
use crate::{LoadError, ModelConfig};
use base::ByteCount;
use candle_core::{Result, Tensor};

/// Weights of one layer; shapes at [`LayerWeight`].
pub(super) struct LayerWeights {
    attention_norm: Vec<f32>,
    query: MappedTensor,
    key: MappedTensor,
    value: MappedTensor,
    attention_output: MappedTensor,
    mlp_norm: Vec<f32>,
    gate: MappedTensor,
    up: MappedTensor,
    down: MappedTensor,
}

impl LayerWeights {
    pub(super) fn load(table: &TensorTable, layer: u32) -> std::result::Result<Self, LoadError> {
        let map = |weight| table.find(Weight::Layer(layer, weight))?.map();
        Ok(Self {
            attention_norm: map(LayerWeight::AttentionNorm)?.values(),
            query: map(LayerWeight::Query)?,
            key: map(LayerWeight::Key)?,
            value: map(LayerWeight::Value)?,
            attention_output: map(LayerWeight::AttentionOutput)?,
            mlp_norm: map(LayerWeight::MlpNorm)?.values(),
            gate: map(LayerWeight::Gate)?,
            up: map(LayerWeight::Up)?,
            down: map(LayerWeight::Down)?,
        })
    }

    /// Bytes of the mapped matrices.
    pub(super) fn size(&self) -> ByteCount {
        let matrices = [
            &self.query,
            &self.key,
            &self.value,
            &self.attention_output,
            &self.gate,
            &self.up,
            &self.down,
        ];
        matrices.into_iter().map(MappedTensor::size).sum()
    }

    /// Adds attention's and then the MLP's output to the residual stream `x: [T, D]`, and writes
    /// the rows' keys and values to the pool.
    pub(super) fn forward(
        &self,
        layer: u32,
        config: &ModelConfig,
        x: &Tensor,
        batch: &Batch,
        pool: &mut KvPool,
    ) -> Result<()> {
        let ModelConfig { heads, kv_heads, head_width, norm_epsilon, .. } = *config;

        let normed = ops::rms_norm(x, &self.attention_norm, norm_epsilon)?;
        let queries = ops::linear(&normed, self.query.matrix())?;
        let keys = ops::linear(&normed, self.key.matrix())?;
        let values = ops::linear(&normed, self.value.matrix())?;
        let rope = |turns, heads| Rope { heads, head_width, turns, layout: config.rope.layout };
        let sink_queries = batch.sink_turns().map(|turns| {
            let queries = queries.copy()?;
            queries.inplace_op1(&rope(turns, heads)).map(|()| queries)
        });
        let sink_queries = sink_queries.transpose()?;
        queries.inplace_op1(&rope(batch.turns(), heads))?;
        keys.inplace_op1(&rope(batch.turns(), kv_heads))?;
        batch.write_kv(pool, layer, &keys, &values)?;
        let attended = queries.apply_op1_no_bwd(&Attention {
            heads,
            head_width,
            batch,
            pool,
            layer,
            sink_queries: sink_queries.as_ref(),
        })?;
        ops::add(x, &ops::linear(&attended, self.attention_output.matrix())?)?;

        let normed = ops::rms_norm(x, &self.mlp_norm, norm_epsilon)?;
        let gate = ops::linear(&normed, self.gate.matrix())?;
        let up = ops::linear(&normed, self.up.matrix())?;
        ops::swiglu(&gate, &up)?;
        ops::add(x, &ops::linear(&gate, self.down.matrix())?)
    }
}
