//! Operations on one element at a time: the oracle's lines, compiled for this table's instructions.

use crate::scalar;

/// See [`crate::table::Table::swiglu`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn swiglu(gate: &mut [f32], up: &[f32]) {
    scalar::swiglu(gate, up);
}
