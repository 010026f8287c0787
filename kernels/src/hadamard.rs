//! The rotation that makes values easy to store in few bits.
//!
//! A Hadamard matrix spreads an element much larger than the others evenly over all of them, so that
//! it no longer sets the scale of its whole group (QuaRot, arXiv:2404.00456). It is orthonormal and
//! its own inverse: keys and queries multiplied by it keep their products, hidden states are
//! multiplied again where they arrive.

/// Neighbours that one vector holds.
const LANES: usize = 8;

/// Multiplies every head of `x`, each `width` wide, by the Hadamard matrix whose size is the largest
/// power of two that divides `width`, piece by piece.
pub(crate) fn rotate(x: &mut [f32], width: usize) {
    let size = 1 << width.trailing_zeros();
    x.chunks_exact_mut(size).for_each(rotate_piece);
}

/// Multiplies `x`, whose length is a power of two, by the Hadamard matrix of that size.
///
/// The canonical order: for strides 1, 2, 4 and so on, `(a, b)` that far apart become
/// `(a + b, a - b)`; then each element is multiplied by `1 / sqrt(size)`.
#[inline(always)]
pub(crate) fn rotate_piece(x: &mut [f32]) {
    let size = x.len();
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^24")]
    let scale = 1.0 / (size as f32).sqrt();
    let mut stride = 1;
    if size >= LANES {
        x.as_chunks_mut().0.iter_mut().for_each(within_lanes);
        stride = LANES;
    }
    while stride < size {
        for pair in x.chunks_exact_mut(2 * stride) {
            let (first, second) = pair.split_at_mut(stride);
            for (a, b) in first.iter_mut().zip(second) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        stride *= 2;
    }
    for x in x {
        *x *= scale;
    }
}

/// The strides 1, 2 and 4 of eight elements, in a form that becomes a shuffle, a change of signs and an
/// addition.
#[inline(always)]
fn within_lanes(x: &mut [f32; LANES]) {
    #[inline(always)]
    fn step(x: [f32; LANES], stride: usize) -> [f32; LANES] {
        std::array::from_fn(|i| x[i ^ stride] + if i & stride == 0 { x[i] } else { -x[i] })
    }
    *x = step(step(step(*x, 1), 2), 4);
}
