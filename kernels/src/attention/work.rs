//! A call's work as pieces, and its way onto threads.

use std::cell::Cell;

use super::piece::Piece;
use super::{AttentionSpan, QUERIES_MAX, Steps};
use crate::disjoint::Disjoint;
use crate::matmul::PARALLEL_WORK_MIN;
use crate::pool::Pool;
use crate::scratch::with_floats_in;

thread_local! {
    static PARTIALS: Cell<Vec<f32>> = Cell::default();
}

/// All that one call computes.
pub(super) struct Work<'a> {
    steps: &'a Steps,
    /// Query heads, `H`.
    heads: usize,
    spans: &'a [AttentionSpan<'a>],
    /// Of each span: its first piece, and where its rows start in the output.
    starts: Vec<(usize, usize)>,
    pieces: usize,
}

impl<'a> Work<'a> {
    pub(super) fn new(steps: &'a Steps, heads: usize, spans: &'a [AttentionSpan<'a>]) -> Self {
        let mut work = Self { steps, heads, spans, starts: Vec::new(), pieces: 0 };
        let mut out_at = 0;
        for span in spans {
            work.starts.push((work.pieces, out_at));
            work.pieces += span.positions.len().div_ceil(work.rows(span)) * span.kv.layout.kv_heads;
            out_at += span.q.len();
        }
        work
    }

    /// Computes everything on as many threads as it is worth.
    pub(super) fn attend(&self, pool: &Pool, out: &Disjoint<'_, f32>) {
        if pool.threads() == 1 || self.multiply_adds() < PARALLEL_WORK_MIN {
            (0..self.pieces).for_each(|index| self.piece(index).attend(out));
        } else if self.pieces >= 2 * pool.threads() {
            pool.run(self.pieces, &|index| self.piece(index).attend(out));
        } else {
            self.attend_by_stretches(pool, out);
        }
    }

    /// Spreads the stretches of few pieces over the threads.
    fn attend_by_stretches(&self, pool: &Pool, out: &Disjoint<'_, f32>) {
        let (mut units, mut len) = (0, 0);
        for piece in (0..self.pieces).map(|index| self.piece(index)) {
            units += piece.stretches().len();
            len += piece.stretches().len() * piece.partial_len();
        }
        with_floats_in(&PARTIALS, len, |partials| {
            let parts = &Disjoint::new(partials);
            pool.run(units, &|unit| {
                let (piece, nth, at) = self.unit(unit);
                // SAFETY: each unit has its own place, behind those of the units before it.
                let part = unsafe { parts.slice(at..at + piece.partial_len()) };
                piece.attend_stretch(nth, part);
            });
            let mut rest = partials;
            for piece in (0..self.pieces).map(|index| self.piece(index)) {
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

    /// Piece `index` of all spans' pieces.
    fn piece(&self, index: usize) -> Piece<'_> {
        let span = self.starts.partition_point(|(first, _)| *first <= index) - 1;
        let ((first, out_at), span) = (self.starts[span], &self.spans[span]);
        let kv_heads = span.kv.layout.kv_heads;
        let from = (index - first) / kv_heads * self.rows(span);
        Piece {
            steps: self.steps,
            span,
            rows: from..span.positions.len().min(from + self.rows(span)),
            head: (index - first) % kv_heads,
            heads: self.heads,
            out_at,
        }
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
