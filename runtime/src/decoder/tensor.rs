//! The values of candle tensors, without a copy.
//!
//! candle holds hidden states and their shapes as they go from embedding to layers to head; it
//! computes none of them. Its own products would make a row's bits depend on how many rows run with
//! it, and ours promise that they do not.

use candle_core::{CpuStorage, Error, InplaceOp1, Layout, Result, Storage, Tensor};
use std::cell::Cell;

/// Calls `read` with the values of `tensor`.
pub(super) fn with_values<T>(tensor: &Tensor, read: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => {
            let (start, end) = contiguous(layout)?;
            Ok(read(&storage.as_slice::<f32>()?[start..end]))
        }
        Storage::Cuda(_) | Storage::Metal(_) => Err(Error::Msg("not in memory".to_owned())),
    }
}

/// Calls `change` with the values of `tensor`, to change them in place.
pub(super) fn with_values_mut(tensor: &Tensor, change: impl FnOnce(&mut [f32])) -> Result<()> {
    tensor.inplace_op1(&InPlace(Cell::new(Some(change))))
}

/// An operation that candle runs once.
struct InPlace<F>(Cell<Option<F>>);

impl<F: FnOnce(&mut [f32])> InplaceOp1 for InPlace<F> {
    fn name(&self) -> &'static str {
        "in-place"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (start, end) = contiguous(layout)?;
        let CpuStorage::F32(values) = storage else {
            return Err(Error::Msg("hidden states are f32".to_owned()));
        };
        if let Some(change) = self.0.take() {
            change(&mut values[start..end]);
        }
        Ok(())
    }
}

fn contiguous(layout: &Layout) -> Result<(usize, usize)> {
    layout.contiguous_offsets().ok_or_else(|| Error::RequiresContiguous { op: "decoder" }.bt())
}
