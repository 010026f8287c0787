//! The rotation that makes keys easy to store in few bits.
//!
//! Multiplying keys and queries by one orthonormal matrix leaves their products as they are; a
//! Hadamard matrix spreads an element much larger than the others evenly over all of them, so that
//! it no longer sets the scale of its whole group (QuaRot, arXiv:2404.00456).

/// Multiplies every head of `x`, each `width` wide, by the Hadamard matrix whose size is the largest
/// power of two that divides `width`, piece by piece.
///
/// The canonical order: for strides 1, 2, 4 and so on, `(a, b)` that far apart become
/// `(a + b, a - b)`; then each element is multiplied by `1 / sqrt(size)`.
pub(crate) fn rotate(x: &mut [f32], width: usize) {
    let size = 1 << width.trailing_zeros();
    #[expect(clippy::cast_precision_loss, reason = "head widths are far below 2^24")]
    let scale = 1.0 / (size as f32).sqrt();
    for x in x.chunks_exact_mut(size) {
        let mut stride = 1;
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
}
