//! The decoder's operations on candle tensors, each a thin adapter around one of `kernels`.
//!
//! candle holds the numbers and their shapes; it computes none of them. Its own products would
//! make a row's bits depend on how many rows run with it, and ours promise that they do not.

use super::batch::{Batch, SequenceRows};
use crate::kv::KvPool;
use candle_core::{
    CpuStorage, CustomOp1, Error, InplaceOp1, InplaceOp2, Layout, Result, Shape, Storage, Tensor,
};
use kernels::{AttentionSpan, Matrix, Pool, RopeLayout, RopeTurns};

/// `x W^T`: `[T, K]` to `[T, N]`.
pub(super) fn linear(x: &Tensor, weight: Matrix<'_>) -> Result<Tensor> {
    x.apply_op1_no_bwd(&Linear(weight))
}

/// RMS norm of each row: `[T, D]` to `[T, D]`.
pub(super) fn rms_norm(x: &Tensor, weight: &[f32], epsilon: f32) -> Result<Tensor> {
    x.apply_op1_no_bwd(&RmsNorm { weight, epsilon })
}

/// `x += y`, both `[T, D]`.
pub(super) fn add(x: &Tensor, y: &Tensor) -> Result<()> {
    x.inplace_op2(y, &Add)
}

/// `gate = silu(gate) * up`, both `[T, F]`.
pub(super) fn swiglu(gate: &Tensor, up: &Tensor) -> Result<()> {
    gate.inplace_op2(up, &Swiglu)
}

/// Rotates each head of each row as its position says.
pub(super) struct Rope<'a> {
    pub(super) heads: usize,
    pub(super) head_width: usize,
    pub(super) turns: &'a RopeTurns,
    pub(super) layout: RopeLayout,
}

/// Attention of queries `[T, H * E]` over the KV of `layer`, to `[T, H * E]`.
pub(super) struct Attention<'a> {
    pub(super) heads: usize,
    pub(super) head_width: usize,
    pub(super) batch: &'a Batch,
    pub(super) pool: &'a KvPool,
    pub(super) layer: u32,
    /// The queries as they look at sinks, `[T, H * E]`, where that is different for some row.
    pub(super) sink_queries: Option<&'a Tensor>,
}

struct Linear<'a>(Matrix<'a>);

struct RmsNorm<'a> {
    weight: &'a [f32],
    epsilon: f32,
}

struct Add;

struct Swiglu;

impl CustomOp1 for Linear<'_> {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, _) = layout.shape().dims2()?;
        let mut out = vec![0.0; rows * self.0.rows()];
        kernels::matmul(&self.0, values(storage, layout)?, &mut out);
        Ok((CpuStorage::F32(out), Shape::from((rows, self.0.rows()))))
    }
}

impl CustomOp1 for RmsNorm<'_> {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut out = vec![0.0; layout.shape().elem_count()];
        kernels::rms_norm(&alone()?, values(storage, layout)?, self.weight, self.epsilon, &mut out);
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }
}

impl CustomOp1 for Attention<'_> {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let queries = values(storage, layout)?;
        let mut out = vec![0.0; queries.len()];
        match self.sink_queries {
            None => self.attend(queries, None, &mut out)?,
            Some(sinks) => {
                with_values(sinks, |sinks| self.attend(queries, Some(sinks), &mut out))??
            }
        }
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }
}

impl Attention<'_> {
    fn attend(&self, queries: &[f32], sinks: Option<&[f32]>, out: &mut [f32]) -> Result<()> {
        let width = self.heads * self.head_width;
        let (pool, layer, spans) = (self.pool, self.layer, self.batch.spans());
        let spans = || spans.iter().filter(|span| !span.rows.is_empty());
        let blocks: Vec<_> = spans().map(|span| pool.blocks(span.sequence)).collect();
        let span = |(span, blocks)| {
            let (span, blocks): (&SequenceRows, &Vec<&[u8]>) = (span, blocks);
            let values = span.rows.start * width..span.rows.end * width;
            AttentionSpan {
                q: &queries[values.clone()],
                sink_q: sinks.map(|sinks| &sinks[values]),
                positions: &self.batch.positions()[span.rows.clone()],
                kv: pool.read(span.sequence, layer, blocks),
                view: pool.view(span.sequence),
            }
        };
        let spans: Vec<_> = spans().zip(&blocks).map(span).collect();
        kernels::attention(&alone()?, self.heads, &spans, out);
        Ok(())
    }
}

impl InplaceOp1 for Rope<'_> {
    fn name(&self) -> &'static str {
        "rope"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let x = values_mut(storage, layout)?;
        kernels::rope(&alone()?, x, self.heads, self.head_width, self.turns, self.layout);
        Ok(())
    }
}

impl InplaceOp2 for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn cpu_fwd(
        &self,
        x: &mut CpuStorage,
        x_layout: &Layout,
        y: &CpuStorage,
        y_layout: &Layout,
    ) -> Result<()> {
        kernels::add(&alone()?, values_mut(x, x_layout)?, values(y, y_layout)?);
        Ok(())
    }
}

impl InplaceOp2 for Swiglu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(
        &self,
        gate: &mut CpuStorage,
        gate_layout: &Layout,
        up: &CpuStorage,
        up_layout: &Layout,
    ) -> Result<()> {
        kernels::swiglu(&alone()?, values_mut(gate, gate_layout)?, values(up, up_layout)?);
        Ok(())
    }
}

/// The calling thread and no other.
fn alone() -> Result<Pool> {
    Ok(Pool::new(1)?)
}

/// Calls `read` with the values of `tensor`, without a copy.
pub(super) fn with_values<T>(tensor: &Tensor, read: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => Ok(read(values(storage, layout)?)),
        Storage::Cuda(_) | Storage::Metal(_) => Err(Error::Msg("not in memory".to_owned())),
    }
}

/// The values of a contiguous `f32` tensor; the decoder makes no others.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (start, end) = contiguous(layout)?;
    Ok(&storage.as_slice::<f32>()?[start..end])
}

fn values_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    let (start, end) = contiguous(layout)?;
    let CpuStorage::F32(values) = storage else {
        return Err(Error::Msg("the decoder's tensors are f32".to_owned()));
    };
    Ok(&mut values[start..end])
}

fn contiguous(layout: &Layout) -> Result<(usize, usize)> {
    layout.contiguous_offsets().ok_or_else(|| Error::RequiresContiguous { op: "decoder" }.bt())
}
