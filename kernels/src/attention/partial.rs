//! The online softmax of some queries over some of the positions that they see.

use crate::exp::exp;

/// For `Q` queries: what their softmax over part of the context needs to go on with another part.
pub(crate) struct Partial<'a> {
    /// Largest score, `[Q]`; minus infinity before the first.
    pub(crate) maxima: &'a mut [f32],
    /// Sum of `exp(score - maximum)`, `[Q]`: at least one or NaN, and zero before the first score.
    pub(crate) sums: &'a mut [f32],
    /// Sum of values times these weights, `[Q, E]`.
    pub(crate) values: &'a mut [f32],
}

impl<'a> Partial<'a> {
    /// Numbers of the partial of `queries` queries of `width` elements.
    pub(super) fn len(queries: usize, width: usize) -> usize {
        queries * (width + 2)
    }

    /// A partial in `buffer`, which holds [`Self::len`] numbers: one from before, or any.
    pub(super) fn over(buffer: &'a mut [f32], queries: usize) -> Self {
        let (maxima, rest) = buffer.split_at_mut(queries);
        let (sums, values) = rest.split_at_mut(queries);
        Self { maxima, sums, values }
    }

    /// Forgets everything seen.
    pub(super) fn clear(&mut self) {
        self.maxima.fill(f32::NEG_INFINITY);
        self.sums.fill(0.0);
        self.values.fill(0.0);
    }

    /// Elements of a query.
    pub(crate) fn width(&self) -> usize {
        self.values.len() / self.sums.len()
    }
}

/// Adds what `part` saw to `total`, which saw earlier positions.
///
/// The canonical order, with `m` the larger maximum and for each side the factor
/// `c = exp(maximum - m)`: sums and values become `total * c + part * c'`, each product and sum rounded
/// on its own. A query that saw nothing in `part` is left alone.
#[inline(always)]
pub(crate) fn merge(total: &mut Partial<'_>, part: &Partial<'_>) {
    let width = total.width();
    let queries = total.values.chunks_exact_mut(width).zip(part.values.chunks_exact(width));
    for (query, (values, part_values)) in queries.enumerate() {
        let sum = part.sums[query];
        if sum == 0.0 {
            continue;
        }
        let (old, new) = (total.maxima[query], part.maxima[query]);
        let maximum = if new > old { new } else { old };
        let (keep, take) = (exp(old - maximum), exp(new - maximum));
        total.maxima[query] = maximum;
        total.sums[query] = total.sums[query] * keep + sum * take;
        for (value, part) in values.iter_mut().zip(part_values) {
            *value = *value * keep + part * take;
        }
    }
}
