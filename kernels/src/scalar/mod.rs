//! The oracle: every operation in plain Rust, in its canonical order.
//!
//! These functions *define* the results; a vector table is right when it returns the same bits.
//! They are also the table of processors without a faster one.

mod attend;
mod blocks;
mod dense;
mod hidden;
mod quantized;

pub(crate) use attend::soften;
pub(crate) use blocks::SubBlock;
#[cfg(target_arch = "aarch64")]
pub(crate) use dense::fold;
pub(crate) use dense::{PARTIALS, dot, value};

use crate::exp::exp;
use crate::rope::turn;
use crate::table::Table;

/// The table of plain functions, for every processor.
pub(crate) static TABLE: Table = Table {
    name: "scalar",
    matmul_float: dense::matmul,
    matmul_packed: quantized::matmul,
    quantize_block: quantized::quantize_block,
    sum_of_squares: |x| dot(x, x),
    scale: |x, factor, weight, out| scale(x, factor, weight, out),
    turn: |row, head_width, turns, layout| turn(row, head_width, turns, layout),
    swiglu: |gate, up| swiglu(gate, up),
    attention: &attend::STEPS,
    wire: &hidden::STEPS,
};

/// `out = x * factor * weight`, element by element.
#[inline(always)]
pub(crate) fn scale(x: &[f32], factor: f32, weight: &[f32], out: &mut [f32]) {
    for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
        *out = x * factor * weight;
    }
}

/// `gate = gate / (1 + exp(-gate)) * up`, element by element.
#[inline(always)]
pub(crate) fn swiglu(gate: &mut [f32], up: &[f32]) {
    for (gate, up) in gate.iter_mut().zip(up) {
        *gate = *gate / (1.0 + exp(-*gate)) * up;
    }
}
