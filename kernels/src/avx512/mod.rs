//! The table of x86-64 processors with AVX-512 and its dot products of bytes, VNNI (Intel since 2019,
//! AMD since 2022).
//!
//! # Invariants
//!
//! - Functions that need the features are reached through [`table`] alone, which asks the processor
//!   first.
//! - Memory is touched through references to arrays, in `vector`; no other file loads or stores.
//! - No order of its own: where a vector operation would round differently from the oracle, the
//!   oracle's order wins.

mod attend;
mod float;
mod plain;
mod product;
mod quantized;
mod unpack;
mod vector;

use std::ops::Range;

use crate::avx2;
use crate::matmul::Columns;
use crate::quantize::Quantized;
use crate::table::Table;
use crate::{Matrix, Packed};

/// The table, where this processor can run it.
pub(crate) fn table() -> Option<&'static Table> {
    static TABLE: std::sync::LazyLock<Option<Table>> = std::sync::LazyLock::new(|| {
        let runs = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni");
        // What comes as narrow vectors is no slower there, and is taken from the narrow table.
        let narrow = avx2::table().filter(|_| runs)?;
        let attention = &attend::STEPS;
        Some(Table { name: "avx512", matmul_float, matmul_packed, swiglu, attention, ..*narrow })
    });
    TABLE.as_ref()
}

fn matmul_float(w: &Matrix<'_>, panels: Range<usize>, x: &[f32], out: &Columns<'_>) {
    // SAFETY: `table` gives this function out only where the processor has the features.
    unsafe { float::matmul(w, panels, x, out) }
}

fn matmul_packed(w: &Packed<'_>, panels: Range<usize>, x: &Quantized, out: &Columns<'_>) {
    // SAFETY: `table` gives this function out only where the processor has the features.
    unsafe { quantized::matmul(w, panels, x, out) }
}

fn swiglu(gate: &mut [f32], up: &[f32]) {
    // SAFETY: `table` gives this function out only where the processor has the features.
    unsafe { plain::swiglu(gate, up) }
}
