//! The functions that have a version for each instruction set, and the choice among them.

use std::ops::Range;
use std::sync::OnceLock;

use crate::attention::Steps;
use crate::matmul::Columns;
use crate::quantize::{QuantizeBlock, Quantized};
use crate::rope::{RopeLayout, Turns};
use crate::{Matrix, Packed, scalar, wire};

/// One implementation of every operation that is worth vectors. All tables return the same bits.
///
/// The rest of the crate is plain Rust whose every step is correctly rounded, so it needs no table.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// The outputs of some panels of float weights, by `x` (`[T, K]`).
    pub(crate) matmul_float: fn(&Matrix<'_>, Range<usize>, &[f32], &Columns<'_>),
    /// The outputs of some panels of packed weights, by quantized activations.
    pub(crate) matmul_packed: fn(&Packed<'_>, Range<usize>, &Quantized, &Columns<'_>),
    pub(crate) quantize_block: QuantizeBlock,
    /// Dot product of a vector with itself.
    pub(crate) sum_of_squares: fn(&[f32]) -> f32,
    /// `out = x * factor * weight`, element by element.
    pub(crate) scale: fn(&[f32], f32, &[f32], &mut [f32]),
    /// A row of heads `[H, E]`, `E`, and what turns it.
    pub(crate) turn: fn(&mut [f32], usize, &Turns<'_>, RopeLayout),
    /// Gate (in and out) and up projection, of one length.
    pub(crate) swiglu: fn(&mut [f32], &[f32]),
    pub(crate) attention: &'static Steps,
    pub(crate) wire: &'static wire::Steps,
}

/// The fastest table that this processor can run; chosen once.
pub(crate) fn current() -> &'static Table {
    static CURRENT: OnceLock<&'static Table> = OnceLock::new();
    CURRENT.get_or_init(|| available().last().expect("the scalar table is always there"))
}

/// All tables that this processor can run, slowest first.
pub(crate) fn available() -> Vec<&'static Table> {
    #[cfg(target_arch = "x86_64")]
    let vectors = [
        crate::avx2::table(),
        #[cfg(test)]
        crate::avx2::vnni_twin(),
        crate::avx2::vnni_table(),
        crate::avx512::table(),
    ]
    .into_iter()
    .flatten();
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    let vectors = crate::neon::tables();
    #[cfg(not(any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_endian = "little")
    )))]
    let vectors = [];
    std::iter::once(&scalar::TABLE).chain(vectors).collect()
}

/// Name of the table in use, such as `scalar` or `avx2`.
#[must_use]
pub fn table_name() -> &'static str {
    current().name
}
