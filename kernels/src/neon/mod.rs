//! The tables of 64-bit Arm processors: with NEON, which nearly all have, with the dot products of
//! bytes (since 2017), and with products of byte matrices as well (since 2021).
//!
//! They differ in the products of packed weights alone. What is plain Rust in the oracle and becomes
//! vectors wherever the compiler may use them is the oracle's own here: it may use NEON everywhere.
//!
//! # Invariants
//!
//! - Functions that need the features are reached through [`tables`] alone, which asks the processor
//!   first.
//! - Memory is touched through references to arrays, in `vector`; no other file loads or stores.
//! - No order of its own: where a vector operation would round differently from the oracle, the
//!   oracle's order wins.

mod attend;
mod float;
mod integer;
mod product;
mod quantized;
mod unpack;
mod vector;

use std::arch::is_aarch64_feature_detected;
use std::ops::Range;

use crate::layout::SUB_BLOCK;
use crate::matmul::Columns;
use crate::quantize::{Codes, Quantized};
use crate::table::Table;
use crate::{Matrix, Packed, scalar};

/// Those that this processor can run, slowest first.
pub(crate) fn tables() -> impl Iterator<Item = &'static Table> {
    let neon = is_aarch64_feature_detected!("neon");
    let dot = neon && is_aarch64_feature_detected!("dotprod");
    let matrix = dot && is_aarch64_feature_detected!("i8mm");
    [(neon, &NEON), (dot, &DOT), (matrix, &MATRIX)]
        .into_iter()
        .filter_map(|(runs, table)| runs.then_some(table))
}

static NEON: Table = Table {
    name: "neon",
    matmul_float,
    matmul_packed: matmul_packed::<{ integer::WIDENING }>,
    quantize_block,
    sum_of_squares,
    attention: &attend::STEPS,
    ..scalar::TABLE
};

static DOT: Table =
    Table { name: "neon-dotprod", matmul_packed: matmul_packed::<{ integer::DOT }>, ..NEON };

static MATRIX: Table =
    Table { name: "neon-i8mm", matmul_packed: matmul_packed::<{ integer::MATRIX }>, ..NEON };

fn matmul_float(w: &Matrix<'_>, panels: Range<usize>, x: &[f32], out: &Columns<'_>) {
    // SAFETY: `tables` gives this function out only where the processor has the features.
    unsafe { float::matmul(w, panels, x, out) }
}

fn matmul_packed<const I: u8>(
    w: &Packed<'_>,
    panels: Range<usize>,
    x: &Quantized,
    out: &Columns<'_>,
) {
    // SAFETY: `tables` gives this function out only where the processor has the features and `I`.
    unsafe { quantized::matmul::<I>(w, panels, x, out) }
}

fn quantize_block(x: &[f32; SUB_BLOCK], codes: &mut Codes) -> (f32, [i32; 2]) {
    // SAFETY: `tables` gives this function out only where the processor has the features.
    unsafe { quantized::quantize_block(x, codes) }
}

fn sum_of_squares(x: &[f32]) -> f32 {
    // SAFETY: `tables` gives this function out only where the processor has the features.
    unsafe { float::dot(x, x) }
}
