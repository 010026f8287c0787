//! The table of x86-64 processors with AVX2, FMA and F16C (Intel since 2013, AMD since 2015).
//!
//! # Invariants
//!
//! - Functions that need the features are reached through [`table`] and what is made of it, which ask
//!   the processor first.
//! - Memory is touched through references to arrays, in `vector`; no other file loads or stores.
//! - No order of its own: where a vector operation would round differently from the oracle, the
//!   oracle's order wins.

mod attend;
mod float;
mod hidden;
mod plain;
mod product;
mod quantized;
mod unpack;
mod vector;

use std::ops::Range;

pub(crate) use attend::STEPS;

use crate::layout::SUB_BLOCK;
use crate::matmul::Columns;
use crate::quantize::{Codes, Quantized};
use crate::rope::{RopeLayout, Turns};
use crate::table::Table;
use crate::{Matrix, Packed};

/// The table, where this processor can run it.
pub(crate) fn table() -> Option<&'static Table> {
    let runs = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c");
    runs.then_some(&TABLE)
}

/// The table of those that have AVX-VNNI besides (Intel since 2021, without AVX-512 in most).
pub(crate) fn vnni_table() -> Option<&'static Table> {
    static VNNI: Table =
        Table { name: "avx-vnni", matmul_packed: matmul_packed::<{ quantized::VEX }>, ..TABLE };
    table().filter(|_| is_x86_feature_detected!("avxvnni")).map(|_| &VNNI)
}

/// [`vnni_table`], with instructions that more processors have.
#[cfg(test)]
pub(crate) fn vnni_twin() -> Option<&'static Table> {
    static TWIN: Table = Table {
        name: "avx-vnni twin",
        matmul_packed: matmul_packed::<{ quantized::EVEX }>,
        ..TABLE
    };
    let runs = is_x86_feature_detected!("avx512vl") && is_x86_feature_detected!("avx512vnni");
    table().filter(|_| runs).map(|_| &TWIN)
}

static TABLE: Table = Table {
    name: "avx2",
    matmul_float,
    matmul_packed: matmul_packed::<{ quantized::TWO_STEPS }>,
    quantize_block,
    sum_of_squares,
    scale,
    turn,
    swiglu,
    attention: &STEPS,
    wire: &hidden::STEPS,
};

fn matmul_float(w: &Matrix<'_>, panels: Range<usize>, x: &[f32], out: &Columns<'_>) {
    // SAFETY: `table` gives this function out only where the processor has the features.
    unsafe { float::matmul(w, panels, x, out) }
}

fn matmul_packed<const I: u8>(
    w: &Packed<'_>,
    panels: Range<usize>,
    x: &Quantized,
    out: &Columns<'_>,
) {
    // SAFETY: `table` gives this function out only where the processor has the features.
    unsafe { quantized::matmul::<I>(w, panels, x, out) }
}

fn quantize_block(x: &[f32; SUB_BLOCK], codes: &mut Codes) -> (f32, [i32; 2]) {
    // SAFETY: `table` gives this function out only where the processor has the features.
    unsafe { quantized::quantize_block(x, codes) }
}

fn sum_of_squares(x: &[f32]) -> f32 {
    // SAFETY: `table` gives this function out only where the processor has the features.
    unsafe { float::dot(x, x) }
}

fn scale(x: &[f32], factor: f32, weight: &[f32], out: &mut [f32]) {
    // SAFETY: `table` gives this function out only where the processor has the features.
    unsafe { plain::scale(x, factor, weight, out) }
}

fn turn(row: &mut [f32], head_width: usize, turns: &Turns<'_>, layout: RopeLayout) {
    // SAFETY: `table` gives this function out only where the processor has the features.
    unsafe { plain::turn(row, head_width, turns, layout) }
}

fn swiglu(gate: &mut [f32], up: &[f32]) {
    // SAFETY: `table` gives this function out only where the processor has the features.
    unsafe { plain::swiglu(gate, up) }
}
