//! The tensors of a model on disk, the same for every file format.

mod matrix;
mod packed_store;
mod role;
mod table;

pub(crate) use matrix::WeightMatrix;
pub(crate) use packed_store::PackedStore;
pub(crate) use role::{LayerWeight, Naming, ROPE_FACTORS, Weight};
pub(crate) use table::{MappedTensor, TensorEntry, TensorTable};

use kernels::Format;

/// The formats that weights may have, for errors.
pub(crate) fn known_formats() -> String {
    Format::ALL.map(Format::name).join(", ")
}
