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
    debug_assert!(size.is_power_of_two());
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^24")]
    let scale = 1.0 / (size as f32).sqrt();
    if size < LANES {
        rotate_few(x);
    } else {
        rotate_vectors(x.as_chunks_mut().0);
    }
    for x in x {
        *x *= scale;
    }
}

/// All strides of less than a vector.
fn rotate_few(x: &mut [f32]) {
    let mut stride = 1;
    while stride < x.len() {
        for pair in x.chunks_exact_mut(2 * stride) {
            let (first, second) = pair.split_at_mut(stride);
            for (a, b) in first.iter_mut().zip(second) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        stride *= 2;
    }
}

/// All strides of whole vectors: two at a time, so that each value is loaded half as often.
#[inline(always)]
fn rotate_vectors(x: &mut [[f32; LANES]]) {
    x.iter_mut().for_each(within_lanes);
    let mut stride = 1;
    while stride < x.len() {
        if 2 * stride == x.len() {
            let (a, b) = x.split_at_mut(stride);
            for (a, b) in a.iter_mut().zip(b) {
                (*a, *b) = sum_and_difference(*a, *b);
            }
        }
        for four in x.chunks_exact_mut(4 * stride) {
            let (ab, cd) = four.split_at_mut(2 * stride);
            let ((a, b), (c, d)) = (ab.split_at_mut(stride), cd.split_at_mut(stride));
            for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
                let (ab, cd) = (sum_and_difference(*a, *b), sum_and_difference(*c, *d));
                (*a, *c) = sum_and_difference(ab.0, cd.0);
                (*b, *d) = sum_and_difference(ab.1, cd.1);
            }
        }
        stride *= 4;
    }
}

#[inline(always)]
fn sum_and_difference(a: [f32; LANES], b: [f32; LANES]) -> ([f32; LANES], [f32; LANES]) {
    (std::array::from_fn(|i| a[i] + b[i]), std::array::from_fn(|i| a[i] - b[i]))
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
