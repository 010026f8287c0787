//! Attention of many sequences' rows over their paged keys and values.
//!
//! Softmax is taken online, tile by tile (FlashAttention, arXiv:2205.14135), where a tile is a block of
//! 32 positions. A tile is read back to f32 once for all the rows and query heads that share its KV
//! head, which is what makes grouped heads and verification cheap.
//!
//! ```text
//!   a call ── pieces: (span, rows, KV head) ── stretches of 256 positions ── tiles of 32
//!                     one job's units               merged in order         online softmax
//! ```
//!
//! # Invariants
//!
//! - **The canonical order knows no threads.** Stretches begin at multiples of 256 and are merged from
//!   the first to the last; whether one thread walks through all of a row's stretches or several share
//!   them changes no bit.
//! - **What a row does not see has no effect on it**, not even as zero times NaN: neither later rows of
//!   its own pass nor what an earlier user left in the block.

mod desk;
mod partial;
mod piece;
mod steps;
mod view;
mod work;

pub(crate) use partial::{Partial, merge};
pub(crate) use steps::{Product, Scores, Softmax, Steps};
pub use view::View;
use work::Work;

use crate::disjoint::Disjoint;
use crate::kv::PagedKv;
use crate::pool::Pool;
use crate::table::{self, Table};

/// Positions whose softmax is one partial result, merged with the others in order.
const STRETCH: usize = 256;

/// Queries that share a tile, where a row has no more: the reading of the tile is then a twentieth of
/// the work, and queries, weights and sums stay in the first-level cache beside it.
const QUERIES_MAX: usize = 32;

/// Consecutive rows of one sequence.
#[derive(Clone, Copy, Debug)]
pub struct AttentionSpan<'a> {
    /// Queries `[T, H, E]`, each turned to its row's position; head `h` reads KV head `h / (H / G)`.
    pub q: &'a [f32],
    /// The queries that score sinks, `[T, H, E]`: turned to position `min(p, sinks + window - 1)`
    /// instead of `p`. Where there are none, sinks are scored against `q`: right without sinks, and for
    /// rows before position `sinks + window`, where both are equal.
    pub sink_q: Option<&'a [f32]>,
    /// Positions of the rows, `[T]`, ascending by one.
    pub positions: &'a [u32],
    /// Keys and values, those of all visible positions already written.
    pub kv: PagedKv<'a>,
    /// Which positions a row sees.
    pub view: View,
}

/// Softmax attention with scores scaled by `1 / sqrt(E)`.
///
/// `out` is `[T, H, E]` of every span, one span after the other; all spans have `heads` (`H`) query
/// heads. Rows are independent: a row's bits depend on its queries, its position and the keys and
/// values that it sees, and not on other rows, other spans, or the pool's threads.
///
/// # Panics
///
/// Where shapes do not fit each other, `H` is no multiple of a span's `G`, positions do not ascend by
/// one, sinks come without a window, or a row sees a position that has no block.
pub fn attention(pool: &Pool, heads: usize, spans: &[AttentionSpan<'_>], out: &mut [f32]) {
    attention_with(table::current(), pool, heads, spans, out);
}

/// [`attention`] by the functions of `table`.
pub(crate) fn attention_with(
    table: &Table,
    pool: &Pool,
    heads: usize,
    spans: &[AttentionSpan<'_>],
    out: &mut [f32],
) {
    for span in spans {
        check(span, heads);
    }
    assert_eq!(out.len(), spans.iter().map(|span| span.q.len()).sum(), "out is [T, H, E]");
    Work::new(table.attention, heads, spans).attend(pool, &Disjoint::new(out));
}

fn check(span: &AttentionSpan<'_>, heads: usize) {
    let layout = &span.kv.layout;
    assert!(heads.is_multiple_of(layout.kv_heads), "query heads share KV heads evenly");
    let rows = span.positions.len() * heads * layout.head_width;
    assert_eq!(span.q.len(), rows, "q is [T, H, E]");
    assert!(span.sink_q.is_none_or(|q| q.len() == rows), "sink_q is [T, H, E]");
    let ascending = span.positions.array_windows().all(|[a, b]| a.checked_add(1) == Some(*b));
    assert!(ascending, "positions ascend by one");
    assert_ne!(span.view.window, Some(0), "a row sees at least itself");
    assert!(span.view.sinks == 0 || span.view.window.is_some(), "sinks come with a window");
}
