//! What a layer computes on its way: one set of buffers for all layers of a pass.

use super::batch::Batch;
use crate::ModelConfig;

/// Buffers for the rows of one pass; `T` rows each.
pub(super) struct Workspace {
    /// `[T, D]`
    pub(super) normed: Vec<f32>,
    /// `[T, H * E]`
    pub(super) queries: Vec<f32>,
    /// `[T, H * E]`, queries as they look at sinks; empty where that is no different.
    pub(super) sink_queries: Vec<f32>,
    /// `[T, G * E]`
    pub(super) keys: Vec<f32>,
    /// `[T, G * E]`
    pub(super) values: Vec<f32>,
    /// `[T, H * E]`
    pub(super) attended: Vec<f32>,
    /// `[T, F]`
    pub(super) gate: Vec<f32>,
    /// `[T, F]`
    pub(super) up: Vec<f32>,
    /// `[T, D]`, what is added to the residual stream.
    pub(super) delta: Vec<f32>,
}

impl Workspace {
    pub(super) fn new(config: &ModelConfig, batch: &Batch) -> Self {
        let ModelConfig { width, heads, kv_heads, head_width, mlp_width, .. } = *config;
        let rows = |width: usize| vec![0.0; batch.positions().len() * width];
        let sink_width = if batch.sink_turns().is_some() { heads * head_width } else { 0 };
        Self {
            normed: rows(width),
            queries: rows(heads * head_width),
            sink_queries: rows(sink_width),
            keys: rows(kv_heads * head_width),
            values: rows(kv_heads * head_width),
            attended: rows(heads * head_width),
            gate: rows(mlp_width),
            up: rows(mlp_width),
            delta: rows(width),
        }
    }
}
