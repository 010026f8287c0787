//! The quantized formats as types, so that a table's functions are compiled for each.

use super::layout::{Layout, VECTOR};
use crate::Format;

/// A format, known when a function is compiled.
pub(crate) trait Kind {
    const LAYOUT: Layout;

    /// Whether codes are whole bytes, and signed ones.
    const BYTES: bool = Self::LAYOUT.codes == 8 * VECTOR;

    /// Whether the halves of a sub-block have integer scales of their own.
    const INNER: bool = Self::LAYOUT.scales > 0 && !Self::LAYOUT.minima;
}

macro_rules! kinds {
    ($($kind:ident)*) => {$(
        pub(crate) struct $kind;
        impl Kind for $kind {
            const LAYOUT: Layout = Layout::of(Format::$kind);
        }
    )*};
}
kinds!(Q8_0 Q4_0 Q5_0 Q4K Q5K Q6K);
