//! One transformer layer: its weights, and its pass over the rows of a batch.

use super::batch::{Batch, SequenceRows};
use super::workspace::Workspace;
use crate::kv::KvPool;
use crate::weights::{LayerWeight, TensorTable, Weight, WeightMatrix};
use crate::{LayerParts, LoadError, ModelConfig};
use base::ByteCount;
use kernels::{AttentionSpan, Pool, Product, matmul, rope};

/// Weights of one layer; shapes at [`LayerWeight`].
pub(super) struct LayerWeights {
    attention_norm: Vec<f32>,
    query: WeightMatrix,
    key: WeightMatrix,
    value: WeightMatrix,
    attention_output: WeightMatrix,
    mlp_norm: Vec<f32>,
    gate: WeightMatrix,
    up: WeightMatrix,
    down: WeightMatrix,
    biases: Option<AttentionBiases>,
    head_norms: Option<HeadNorms>,
}

/// What is added to queries, keys and values.
struct AttentionBiases {
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
}

/// Norms of each head of queries and keys, before they rotate.
struct HeadNorms {
    query: Vec<f32>,
    key: Vec<f32>,
}

impl LayerWeights {
    pub(super) fn load(
        table: &TensorTable,
        parts: LayerParts,
        layer: u32,
        pool: &Pool,
    ) -> Result<Self, LoadError> {
        let vector = |weight| {
            let entry = table.find(Weight::Layer(layer, weight))?;
            Ok::<_, LoadError>(entry.map()?.values())
        };
        let matrix = |weight| WeightMatrix::load(table, Weight::Layer(layer, weight), pool);
        let biases = || {
            let query = vector(LayerWeight::QueryBias)?;
            let (key, value) = (vector(LayerWeight::KeyBias)?, vector(LayerWeight::ValueBias)?);
            Ok::<_, LoadError>(AttentionBiases { query, key, value })
        };
        let head_norms = || {
            let (query, key) = (vector(LayerWeight::QueryNorm)?, vector(LayerWeight::KeyNorm)?);
            Ok::<_, LoadError>(HeadNorms { query, key })
        };
        Ok(Self {
            attention_norm: vector(LayerWeight::AttentionNorm)?,
            query: matrix(LayerWeight::Query)?,
            key: matrix(LayerWeight::Key)?,
            value: matrix(LayerWeight::Value)?,
            attention_output: matrix(LayerWeight::AttentionOutput)?,
            mlp_norm: vector(LayerWeight::MlpNorm)?,
            gate: matrix(LayerWeight::Gate)?,
            up: matrix(LayerWeight::Up)?,
            down: matrix(LayerWeight::Down)?,
            biases: parts.attention_biases.then(biases).transpose()?,
            head_norms: parts.head_norms.then(head_norms).transpose()?,
        })
    }

    /// Bytes of the matrices in the file.
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
        matrices.into_iter().map(WeightMatrix::size).sum()
    }

    /// The first half: writes the keys and values of the residual stream `x: [T, D]` to the KV pool,
    /// and leaves in the workspace what its rows see.
    pub(super) fn attend(&self, layer: u32, pass: &mut Pass<'_>, x: &[f32]) {
        let (pool, epsilon) = (pass.threads, pass.config.norm_epsilon);
        let Workspace { normed, queries, keys, values, .. } = &mut *pass.work;
        kernels::rms_norm(pool, x, &self.attention_norm, epsilon, normed);
        let products = [(&self.query, queries), (&self.key, keys), (&self.value, values)];
        multiply(pool, normed, products);
        if let Some(biases) = &self.biases {
            biases.add(pass);
        }
        if let Some(norms) = &self.head_norms {
            norms.apply(pass);
        }
        pass.rotate();
        pass.write_kv(layer);
        pass.attend(layer);
    }

    /// The second half: adds to `x: [T, D]` what its rows saw and then the MLP's output.
    pub(super) fn transform(&self, pass: &mut Pass<'_>, x: &mut [f32]) {
        let (pool, epsilon) = (pass.threads, pass.config.norm_epsilon);
        let Workspace { attended, normed, gate, up, delta, .. } = &mut *pass.work;
        multiply(pool, attended, [(&self.attention_output, &mut *delta)]);
        kernels::add(pool, x, delta);

        kernels::rms_norm(pool, x, &self.mlp_norm, epsilon, normed);
        multiply(pool, normed, [(&self.gate, &mut *gate), (&self.up, &mut *up)]);
        kernels::swiglu(pool, gate, up);
        multiply(pool, gate, [(&self.down, &mut *delta)]);
        kernels::add(pool, x, delta);
    }
}

impl AttentionBiases {
    fn add(&self, pass: &mut Pass<'_>) {
        let Workspace { queries, keys, values, .. } = &mut *pass.work;
        for (rows, bias) in [(queries, &self.query), (keys, &self.key), (values, &self.value)] {
            kernels::add_to_rows(pass.threads, rows, bias);
        }
    }
}

impl HeadNorms {
    /// A head is a row here.
    fn apply(&self, pass: &mut Pass<'_>) {
        let (pool, epsilon) = (pass.threads, pass.config.norm_epsilon);
        // What attention is yet to write is room for what it looks at.
        let Workspace { queries, keys, attended, .. } = &mut *pass.work;
        for (rows, norm) in [(queries, &self.query), (keys, &self.key)] {
            let normed = &mut attended[..rows.len()];
            kernels::rms_norm(pool, rows, norm, epsilon, normed);
            rows.copy_from_slice(normed);
        }
    }
}

/// Products of one `x` with several matrices, as one piece of work for the threads.
pub(super) fn multiply<const N: usize>(
    pool: &Pool,
    x: &[f32],
    products: [(&WeightMatrix, &mut Vec<f32>); N],
) {
    let product = |(w, out): (_, _)| -> Product<'_> {
        let (w, out): (&WeightMatrix, &mut Vec<f32>) = (w, out);
        Product { weights: w.weights(), out }
    };
    matmul(pool, x, &mut products.map(product));
}

/// What the layers of one pass share.
pub(super) struct Pass<'a> {
    pub(super) threads: &'a Pool,
    pub(super) config: &'a ModelConfig,
    pub(super) batch: &'a Batch,
    pub(super) kv: &'a mut KvPool,
    pub(super) work: &'a mut Workspace,
}

impl Pass<'_> {
    /// Turns queries and keys as their positions say.
    fn rotate(&mut self) {
        let ModelConfig { heads, kv_heads, head_width, .. } = *self.config;
        let (pool, layout) = (self.threads, self.config.rope.layout);
        let Workspace { queries, sink_queries, keys, .. } = &mut *self.work;
        if let Some(turns) = self.batch.sink_turns() {
            sink_queries.copy_from_slice(queries);
            rope(pool, sink_queries, heads, head_width, turns, layout);
        }
        rope(pool, queries, heads, head_width, self.batch.turns(), layout);
        rope(pool, keys, kv_heads, head_width, self.batch.turns(), layout);
    }

    /// Writes keys and values of `layer` behind each span's sequence.
    fn write_kv(&mut self, layer: u32) {
        let row = self.config.kv_heads * self.config.head_width;
        for SequenceRows { sequence, rows, .. } in self.batch.spans() {
            let part = rows.start * row..rows.end * row;
            let (keys, values) = (&self.work.keys[part.clone()], &self.work.values[part]);
            self.kv.write(*sequence, layer, keys, values);
        }
    }

    /// What each row sees, weighted.
    fn attend(&mut self, layer: u32) {
        let ModelConfig { heads, head_width, .. } = *self.config;
        let Workspace { queries, sink_queries, attended, .. } = &mut *self.work;
        let kv = &*self.kv;
        let spans = || self.batch.spans().iter().filter(|span| !span.rows.is_empty());
        let blocks: Vec<_> = spans().map(|span| kv.blocks(span.sequence)).collect();
        let looks = |(span, blocks)| {
            let (span, blocks): (&SequenceRows, &Vec<&[u8]>) = (span, blocks);
            let values = span.rows.start * heads * head_width..span.rows.end * heads * head_width;
            AttentionSpan {
                q: &queries[values.clone()],
                sink_q: (!sink_queries.is_empty()).then(|| &sink_queries[values]),
                positions: &self.batch.positions()[span.rows.clone()],
                kv: kv.read(span.sequence, layer, blocks),
                view: kv.view(span.sequence),
            }
        };
        let spans: Vec<_> = spans().zip(&blocks).map(looks).collect();
        kernels::attention(self.threads, heads, &spans, attended);
    }
}
