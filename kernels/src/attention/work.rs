//! A call's work as pieces, and its way onto threads.

use std::cell::Cell;

use super::piece::Piece;
use super::{AttentionSpan, QUERIES_MAX, Steps};
use crate::disjoint::Disjoint;
use crate::matmul::PARALLEL_WORK_MIN;
use crate::pool::Pool;
use crate::scratch::with_kept;

thread_local! {
    static PARTIALS: Cell<Vec<f32>> = Cell::default();
}

/// All that one call computes.
pub(super) struct Work<'a> {
    pub(super) steps: &'a Steps,
    /// Query heads, `H`.
    pub(super) heads: usize,
    pub(super) spans: &'a [AttentionSpan<'a>],
}

impl<'a> Work<'a> {
    /// Computes everything on as many threads as it is worth.
    pub(super) fn attend(&self, pool: &Pool, out: &Disjoint<'_, f32>) {
        let pieces: usize = self.spans.iter().map(|span| self.pieces(span)).sum();
        if pool.threads() == 1 || self.multiply_adds() < PARALLEL_WORK_MIN {
            (0..pieces).for_each(|index| self.piece(index).attend(out));
        } else if pieces >= 2 * pool.threads() {
            pool.run(pieces, &|index| self.piece(index).attend(out));
        } else {
            self.attend_by_stretches(pool, pieces, out);
        }
    }

    /// Spreads the stretches of few pieces over the threads.
    fn attend_by_stretches(&self, pool: &Pool, pieces: usize, out: &Disjoint<'_, f32>) {
        let (mut units, mut len) = (0, 0);
        for piece in (0..pieces).map(|index| self.piece(index)) {
            units += piece.stretches().len();
            len += piece.stretches().len() * piece.partial_len();
        }
        with_kept(&PARTIALS, |partials| {
            partials.resize(len, 0.0);
            let parts = &Disjoint::new(partials);
            pool.run(units, &|unit| {
                let (piece, nth, at) = self.unit(unit);
                // SAFETY: each unit has its own place, behind those of the units before it.
                let part = unsafe { parts.slice(at..at + piece.partial_len()) };
                piece.attend_stretch(nth, part);
            });
            let mut rest = &mut partials[..];
            for piece in (0..pieces).map(|index| self.piece(index)) {
                let parts = rest.split_off_mut(..piece.stretches().len() * piece.partial_len());
                piece.attend_merged(parts.expect("there is a part for each unit"), out);
            }
        });
    }

    /// Stretch `unit` of all pieces' stretches: its piece, which of that piece's it is, and where its
    /// partial starts.
    fn unit(&self, unit: usize) -> (Piece<'_>, usize, usize) {
        let (mut first, mut at) = (0, 0);
        for index in 0.. {
            let piece = self.piece(index);
            let (stretches, len) = (piece.stretches().len(), piece.partial_len());
            if unit < first + stretches {
                return (piece, unit - first, at + (unit - first) * len);
            }
            first += stretches;
            at += stretches * len;
        }
        unreachable!("a piece was found or was not there")
    }

    /// Rows of `span` in a piece.
    fn rows(&self, span: &AttentionSpan<'_>) -> usize {
        (QUERIES_MAX * span.kv.layout.kv_heads / self.heads).max(1)
    }

    fn pieces(&self, span: &AttentionSpan<'_>) -> usize {
        span.positions.len().div_ceil(self.rows(span)) * span.kv.layout.kv_heads
    }

    /// Piece `index` of all spans' pieces.
    fn piece(&self, mut index: usize) -> Piece<'_> {
        let mut out_at = 0;
        for span in self.spans {
            if index < self.pieces(span) {
                let kv_heads = span.kv.layout.kv_heads;
                let from = index / kv_heads * self.rows(span);
                return Piece {
                    steps: self.steps,
                    span,
                    rows: from..span.positions.len().min(from + self.rows(span)),
                    head: index % kv_heads,
                    heads: self.heads,
                    out_at,
                };
            }
            index -= self.pieces(span);
            out_at += span.q.len();
        }
        unreachable!("there are as many pieces as were counted")
    }

    /// An upper bound of the work: as if every row saw what its span's last row sees.
    fn multiply_adds(&self) -> usize {
        let of = |span: &AttentionSpan<'_>| {
            let last = span.positions.last().map_or(0, |last| last.saturating_add(1));
            let seen = span
                .view
                .window
                .map_or(last, |window| last.min(window.saturating_add(span.view.sinks)));
            2 * span.q.len() * usize::try_from(seen).expect("usize has 32 bits at least")
        };
        self.spans.iter().map(of).sum()
    }
}
