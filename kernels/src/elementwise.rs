//! Operations on one element at a time.

use crate::table;

/// `gate = silu(gate) * up`, where `silu(g) = g / (1 + exp(-g))`.
///
/// Any shape, the same for both. Shazeer 2020 (arXiv:2002.05202).
///
/// # Panics
///
/// Where lengths differ.
pub fn swiglu(gate: &mut [f32], up: &[f32]) {
    assert_eq!(gate.len(), up.len(), "gate and up have one shape");
    (table::current().swiglu)(gate, up);
}

/// `x = x + y`.
///
/// # Panics
///
/// Where lengths differ.
pub fn add(x: &mut [f32], y: &[f32]) {
    assert_eq!(x.len(), y.len(), "summands have one shape");
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}
