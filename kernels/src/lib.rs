//! The arithmetic of a decoder: matrix products over quantized weights, attention over paged KV,
//! norms, rotary positions, activations, and the number formats of the wire.
//!
//! A leaf: it knows slices and shapes, nothing of models, files or networks.
//!
//! # Invariants
//!
//! - **One numerics class.** Every [table](table_name) of functions returns the same bits as the
//!   scalar oracle, because each operation fixes its order of accumulation (the *canonical order*,
//!   stated at the scalar function) and every step of it is a single correctly rounded operation.
//!   The one exception is the payload of a NaN: that it is a NaN is promised, which one is not.
//! - **Row independence.** A row's bits do not depend on how many rows run with it or on how many
//!   threads share the work. Work is tiled over rows and columns; a sum is split only where its
//!   canonical order says so, never by how much work there is.
//! - **No CPU feature is assumed.** Tables are chosen when the first operation runs.
//! - **No panic on bytes from outside.** [`Matrix::new`], [`wire::decode`] and [`decode_kv`] check before
//!   use and return errors; every other panic is a length mismatch between arguments of one caller.

#[allow(unsafe_code, reason = "each piece writes its own part of the output")]
mod attention;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "vector loads, and calls of functions that need CPU features")]
mod avx2;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "vector loads, and calls of functions that need CPU features")]
mod avx512;
mod dequantize;
#[allow(unsafe_code, reason = "parts of one slice, written by several threads")]
mod disjoint;
#[allow(unsafe_code, reason = "threads write strips of their own")]
mod elementwise;
mod exp;
mod family;
mod format;
mod hadamard;
mod kv;
mod layout;
#[allow(unsafe_code, reason = "threads write columns of their own")]
mod matmul;
mod matrix;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
#[allow(unsafe_code, reason = "vector loads, and calls of functions that need CPU features")]
mod neon;
#[allow(unsafe_code, reason = "threads write rows of their own")]
mod norm;
#[allow(unsafe_code, reason = "threads write panels of their own")]
mod packed;
#[allow(unsafe_code, reason = "a job on its caller's stack, read by other threads")]
mod pool;
#[allow(unsafe_code, reason = "threads write tiles of their own")]
mod quantize;
mod rans;
#[allow(unsafe_code, reason = "threads write rows of their own")]
mod rope;
mod scalar;
mod scratch;
mod share;
mod table;
mod trigonometry;
pub mod wire;

#[cfg(test)]
mod tests;

pub use attention::{AttentionSpan, View, attention};
pub use dequantize::dequantize_row;
pub use elementwise::{add, add_to_rows, swiglu};
pub use format::Format;
pub use kv::{
    BLOCK_SLOTS, CodedKvError, KvFormat, KvLayout, KvStep, PagedKv, coded_kv_bytes, decode_kv,
    encode_kv, read_kv, write_kv,
};
pub use matmul::{Product, Weights, matmul};
pub use matrix::{Matrix, ShapeError};
pub use norm::rms_norm;
pub use packed::{Packed, pack};
pub use pool::Pool;
pub use rope::{RopeLayout, RopeTurns, rope};
pub use table::table_name;

/// Names the canonical orders of this crate. Two nodes of one class compute the same bits from the
/// same weights; the handshake compares it. It changes whenever any result may change in any bit.
pub const NUMERICS_CLASS: &str = "causeway-2";
