//! Operations on one element at a time: the oracle's lines, compiled for this table's instructions.

use crate::rope::{RopeLayout, Turns};
use crate::{rope, scalar};

/// See [`crate::table::Table::scale`].
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn scale(x: &[f32], factor: f32, weight: &[f32], out: &mut [f32]) {
    scalar::scale(x, factor, weight, out);
}

/// See [`crate::table::Table::swiglu`].
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn swiglu(gate: &mut [f32], up: &[f32]) {
    scalar::swiglu(gate, up);
}

/// See [`crate::table::Table::turn`].
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn turn(row: &mut [f32], head_width: usize, turns: &Turns<'_>, layout: RopeLayout) {
    rope::turn(row, head_width, turns, layout);
}
