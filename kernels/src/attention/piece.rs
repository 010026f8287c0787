//! The smallest work of attention: some rows of a sequence and the query heads of one KV head.

use std::ops::Range;

use super::desk::Desk;
use super::steps::Scores;
use super::view::Stretches;
use super::{AttentionSpan, Partial, Product, QUERIES_MAX, STRETCH, Softmax, Steps};
use crate::disjoint::Disjoint;
use crate::kv::BLOCK_SLOTS;
use crate::scratch::with_floats;

/// Rows of one span for one KV head.
///
/// Its queries are its rows' heads that read that KV head, row by row: `Q` of them, `Q / T` for each
/// row.
pub(super) struct Piece<'a> {
    pub(super) steps: &'a Steps,
    pub(super) span: &'a AttentionSpan<'a>,
    pub(super) rows: Range<usize>,
    /// The KV head.
    pub(super) head: usize,
    /// Query heads, `H`.
    pub(super) heads: usize,
    /// Where the span's first row starts in the output.
    pub(super) out_at: usize,
}

impl Piece<'_> {
    /// Computes the piece from its first stretch to its last.
    pub(super) fn attend(&self, out: &Disjoint<'_, f32>) {
        let len = self.partial_len();
        with_floats(2 * len + Desk::len(self), |buffer| {
            let (total, rest) = buffer.split_at_mut(len);
            let (part, desk) = rest.split_at_mut(len);
            let mut desk = Desk::of(self, desk);
            let mut total = Partial::over(total, self.queries());
            let mut part = Partial::over(part, self.queries());
            let stretches = self.stretches();
            total.clear();
            for nth in 0..stretches.len() {
                self.stretch(stretches.nth(nth), &mut desk, &mut part);
                (self.steps.merge)(&mut total, &part);
            }
            self.finish(&total, out);
        });
    }

    /// Computes the partial of the stretch that comes `nth`, in a buffer of [`Self::partial_len`].
    pub(super) fn attend_stretch(&self, nth: usize, part: &mut [f32]) {
        with_floats(Desk::len(self), |desk| {
            let mut part = Partial::over(part, self.queries());
            self.stretch(self.stretches().nth(nth), &mut Desk::of(self, desk), &mut part);
        });
    }

    /// Merges the partials of all stretches, which lie in `parts` in their order.
    pub(super) fn attend_merged(&self, parts: &mut [f32], out: &Disjoint<'_, f32>) {
        with_floats(self.partial_len(), |total| {
            let mut total = Partial::over(total, self.queries());
            total.clear();
            for part in parts.chunks_exact_mut(self.partial_len()) {
                (self.steps.merge)(&mut total, &Partial::over(part, self.queries()));
            }
            self.finish(&total, out);
        });
    }

    /// The stretches of which any of the rows sees part.
    pub(super) fn stretches(&self) -> Stretches {
        let positions = &self.span.positions[self.rows.clone()];
        self.span.view.stretches(positions[0], positions[positions.len() - 1])
    }

    /// Numbers in one stretch's partial.
    pub(super) fn partial_len(&self) -> usize {
        Partial::len(self.queries(), self.width())
    }

    /// Elements of a head, `E`.
    pub(super) fn width(&self) -> usize {
        self.span.kv.layout.head_width
    }

    /// Query heads of the KV head.
    pub(super) fn group(&self) -> usize {
        self.heads / self.span.kv.layout.kv_heads
    }

    /// All queries, `Q`.
    pub(super) fn queries(&self) -> usize {
        self.rows.len() * self.group()
    }

    /// Where the piece's queries of row `t` start in the span's.
    pub(super) fn row_at(&self, t: usize) -> usize {
        (t * self.heads + self.head * self.group()) * self.width()
    }

    /// The online softmax over the tiles of one stretch.
    fn stretch(&self, stretch: usize, desk: &mut Desk<'_>, part: &mut Partial<'_>) {
        part.clear();
        let rows = self.rows.len();
        let positions = &self.span.positions[self.rows.clone()];
        for block in (0..STRETCH / BLOCK_SLOTS).map(|tile| stretch * (STRETCH / BLOCK_SLOTS) + tile)
        {
            let mut seen = [0; QUERIES_MAX];
            for (seen, position) in seen.iter_mut().zip(positions) {
                *seen = self.span.view.seen(*position, block * BLOCK_SLOTS);
            }
            if seen.iter().any(|seen| *seen != 0) {
                self.tile(block, &seen[..rows], desk, part);
            }
        }
    }

    /// Adds the positions of one block, of which row `t` sees the slots `seen[t]`.
    fn tile(&self, block: usize, seen: &[u32], desk: &mut Desk<'_>, part: &mut Partial<'_>) {
        let (kv, width) = (&self.span.kv, self.width());
        let head = kv.head(block, self.head);
        // The next block lies elsewhere, where no processor looks ahead by itself: half of it is asked
        // for now, half later.
        let next = kv.next_head(block, self.head);
        let (next, next_later) = next.split_at(next.len() / 2);
        (self.steps.prefetch)(next);
        (self.steps.read_keys)(&kv.layout, head, desk.tile);
        self.score(desk.q, desk.tile, desk.scores);
        let sinks = usize::try_from(self.span.view.sinks).expect("usize has 32 bits at least");
        let sinks = sinks.saturating_sub(block * BLOCK_SLOTS).min(BLOCK_SLOTS);
        if sinks > 0 && !desk.sink_q.is_empty() {
            self.score(desk.sink_q, desk.tile, desk.sink_scores);
            for (scores, from) in desk.scores.iter_mut().zip(&*desk.sink_scores) {
                scores[..sinks].copy_from_slice(&from[..sinks]);
            }
        }
        (self.steps.soften)(&mut Softmax { scores: desk.scores, seen, partial: part });
        (self.steps.prefetch)(next_later);
        (self.steps.read_values)(&kv.layout, head, desk.tile);
        let group = self.group();
        let mut from = 0;
        // Rows that see the same slots go together.
        for rows in seen.chunk_by(PartialEq::eq) {
            let queries = from * group..(from + rows.len()) * group;
            for slots in runs(rows[0]) {
                let a = &desk.scores[queries.clone()].as_flattened()[slots.start..];
                let b = &desk.tile[slots.start * width..slots.end * width];
                let product = Product { a, a_stride: BLOCK_SLOTS, b, width };
                let sums = &mut part.values[queries.start * width..queries.end * width];
                (self.steps.multiply_add)(&product, sums);
            }
            from += rows.len();
        }
    }

    /// Scores of `q` with the keys in `tile`.
    fn score(&self, q: &[f32], tile: &[f32], scores: &mut [Scores]) {
        let scores = scores.as_flattened_mut();
        scores.fill(0.0);
        let product = Product { a: q, a_stride: self.width(), b: tile, width: BLOCK_SLOTS };
        (self.steps.multiply_add)(&product, scores);
    }

    /// Writes the weighted means: the sums times the reciprocal of the weights' sum.
    fn finish(&self, total: &Partial<'_>, out: &Disjoint<'_, f32>) {
        let (width, group) = (self.width(), self.group());
        let rows = total.values.chunks_exact(group * width).zip(total.sums.chunks_exact(group));
        for (t, (values, sums)) in self.rows.clone().zip(rows) {
            let at = self.out_at + self.row_at(t);
            // SAFETY: these elements are this piece's alone: no other has this row and KV head.
            let out = unsafe { out.slice(at..at + group * width) };
            let heads = out.chunks_exact_mut(width).zip(values.chunks_exact(width));
            for ((out, values), sum) in heads.zip(sums) {
                let inverse = 1.0 / sum;
                for (out, value) in out.iter_mut().zip(values) {
                    *out = value * inverse;
                }
            }
        }
    }
}

/// The runs of set bits in `seen`, lowest first.
fn runs(mut seen: u32) -> impl Iterator<Item = Range<usize>> {
    let index = |bits: u32| usize::try_from(bits).expect("at most 32");
    std::iter::from_fn(move || {
        let start = (seen != 0).then(|| seen.trailing_zeros())?;
        let end = start + (seen >> start).trailing_ones();
        seen &= u32::MAX.checked_shl(end).unwrap_or(0);
        Some(index(start)..index(end))
    })
}
