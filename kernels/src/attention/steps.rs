//! The steps of attention that have a version for each instruction set.

use super::Partial;
use crate::kv::{BLOCK_SLOTS, KvLayout};

/// Scores, then weights, of one query over one tile.
pub(crate) type Scores = [f32; BLOCK_SLOTS];

/// One table's functions for attention; what each computes is said at the scalar one.
pub(crate) struct Steps {
    /// One KV head's bytes in a block, slot, key and value (`[E]` each, the key rotated already).
    pub(crate) write_head: fn(&KvLayout, &mut [u8], usize, &[f32], &[f32]),
    /// One KV head's bytes in a block to keys, `[E, 32]`.
    pub(crate) read_keys: fn(&KvLayout, &[u8], &mut [f32]),
    /// One KV head's bytes in a block to values, `[32, E]`.
    pub(crate) read_values: fn(&KvLayout, &[u8], &mut [f32]),
    /// Asks for bytes that are read soon.
    pub(crate) prefetch: fn(&[u8]),
    /// `c += a b`.
    pub(crate) multiply_add: fn(&Product<'_>, &mut [f32]),
    /// Scores to weights.
    pub(crate) soften: fn(&mut Softmax<'_, '_>),
    /// See [`super::merge`].
    pub(crate) merge: fn(&mut Partial<'_>, &Partial<'_>),
}

/// The factors of a matrix product `[M, K] * [K, N]`.
pub(crate) struct Product<'a> {
    /// Row `m` is `a[m * a_stride..][..K]`.
    pub(crate) a: &'a [f32],
    pub(crate) a_stride: usize,
    /// `[K, N]`.
    pub(crate) b: &'a [f32],
    /// `N`.
    pub(crate) width: usize,
}

impl Product<'_> {
    /// `K`.
    pub(crate) fn depth(&self) -> usize {
        self.b.len() / self.width
    }

    /// `R` rows of `a` from `row` on.
    #[inline(always)]
    pub(crate) fn rows<const R: usize>(&self, row: usize) -> [&[f32]; R] {
        std::array::from_fn(|r| &self.a[(row + r) * self.a_stride..][..self.depth()])
    }

    /// Columns from `column` on, one by one: `c[m][n] += sum over k of a[row + m][k] * b[k][n]`, by a
    /// chain of fused multiply-adds over `k` ascending that starts with `c[m][n]`.
    #[inline(always)]
    pub(crate) fn add_columns(&self, row: usize, column: usize, c: &mut [f32]) {
        for (m, c) in c.chunks_exact_mut(self.width).enumerate() {
            let a = self.a[(row + m) * self.a_stride..].iter();
            for (a, b) in a.zip(self.b.chunks_exact(self.width)) {
                for (c, b) in c.iter_mut().zip(b).skip(column) {
                    *c = a.mul_add(*b, *c);
                }
            }
        }
    }
}

/// One tile of positions joins the softmax of `Q` queries.
pub(crate) struct Softmax<'a, 'b> {
    /// Scores in, weights out, `[Q, 32]`.
    pub(crate) scores: &'a mut [Scores],
    /// Which slots each row sees, `[T]`; each row has `Q / T` queries.
    pub(crate) seen: &'a [u32],
    /// Of the tiles before; its values are scaled to the new maximum.
    pub(crate) partial: &'a mut Partial<'b>,
}
