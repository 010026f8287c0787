//! What a piece computes with, laid out in one buffer.

use super::piece::Piece;
use super::steps::Scores;
use crate::hadamard::rotate;
use crate::kv::BLOCK_SLOTS;

/// A piece's queries, and room for one tile.
pub(super) struct Desk<'a> {
    /// Scaled queries, `[Q, E]`.
    pub(super) q: &'a mut [f32],
    /// Those that score sinks: `[Q, E]`, or empty where they are the same.
    pub(super) sink_q: &'a mut [f32],
    /// Scores, then weights, of the tile.
    pub(super) scores: &'a mut [Scores],
    /// Scores by `sink_q`.
    pub(super) sink_scores: &'a mut [Scores],
    /// Keys, `[E, 32]`, or values, `[32, E]`, of the tile.
    pub(super) tile: &'a mut [f32],
}

impl<'a> Desk<'a> {
    /// Numbers on the desk of `piece`.
    pub(super) fn len(piece: &Piece<'_>) -> usize {
        2 * piece.queries() * (piece.width() + BLOCK_SLOTS) + BLOCK_SLOTS * piece.width()
    }

    /// A desk in `buffer`, of [`Self::len`], with the queries of `piece` on it.
    pub(super) fn of(piece: &Piece<'_>, buffer: &'a mut [f32]) -> Self {
        let (queries, elements) = (piece.queries(), piece.queries() * piece.width());
        let (q, rest) = buffer.split_at_mut(elements);
        let (sink_q, rest) = rest.split_at_mut(elements);
        let (scores, rest) = rest.split_at_mut(queries * BLOCK_SLOTS);
        let (sink_scores, tile) = rest.split_at_mut(queries * BLOCK_SLOTS);
        let (scores, sink_scores) = (scores.as_chunks_mut().0, sink_scores.as_chunks_mut().0);
        load(piece, piece.span.q, q);
        let sink_q = match piece.span.sink_q {
            Some(from) if piece.span.view.sinks > 0 => {
                load(piece, from, sink_q);
                sink_q
            }
            _ => &mut [],
        };
        Self { q, sink_q, scores, sink_scores, tile }
    }
}

/// Loads the piece's queries out of the span's, scaled and, where keys are, rotated.
fn load(piece: &Piece<'_>, from: &[f32], q: &mut [f32]) {
    let (width, row) = (piece.width(), piece.group() * piece.width());
    #[expect(clippy::cast_precision_loss, reason = "head widths are far below 2^24")]
    let scale = 1.0 / (width as f32).sqrt();
    for (t, q) in piece.rows.clone().zip(q.chunks_exact_mut(row)) {
        let from = &from[piece.row_at(t)..][..row];
        for (q, from) in q.iter_mut().zip(from) {
            *q = from * scale;
        }
    }
    if piece.span.kv.layout.format.rotates_keys() {
        rotate(q, width);
    }
}
