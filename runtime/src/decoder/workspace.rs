//! What a layer computes on its way: one set of buffers for all layers of a pass.

use super::batch::Batch;
use crate::ModelConfig;
use std::ops::Range;

/// Buffers for the rows of one pass; `T` rows each.
pub(super) struct Workspace {
    /// `T`
    rows: usize,
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
        let count = batch.positions().len();
        let rows = |width: usize| vec![0.0; count * width];
        let sink_width = if batch.sink_turns().is_some() { heads * head_width } else { 0 };
        Self {
            rows: count,
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

    /// Leaves those rows of what attention left, and room for as many; queries, keys and values are
    /// not looked at any more.
    pub(super) fn keep_rows(&mut self, rows: &[Range<usize>]) {
        let of_row = self.attended.len() / self.rows;
        let mut kept = 0;
        for rows in rows {
            self.attended.copy_within(rows.start * of_row..rows.end * of_row, kept * of_row);
            kept += rows.len();
        }
        let Self { normed, attended, gate, up, delta, .. } = self;
        for buffer in [normed, attended, gate, up, delta] {
            buffer.truncate(buffer.len() / self.rows * kept);
        }
        self.rows = kept;
    }
}
