//! Attention over a KV pool of fixed blocks.

use std::ops::Range;

use rayon::prelude::*;

use crate::matmul::PARALLEL_WORK_MIN;
use crate::scratch::with_floats;
use crate::table::{self, Table};

/// One sequence's keys and values of one layer, in the blocks of a shared pool.
///
/// The key of slot `s` of block `b` for all KV heads is
/// `blocks[b * block_stride + key_at + s * G * E..][..G * E]`, the value likewise from `value_at`;
/// position `p` lies in slot `p % block_slots` of block `table[p / block_slots]`.
#[derive(Clone, Copy, Debug)]
pub struct PagedKv<'a> {
    /// The pool.
    pub blocks: &'a [f32],
    /// Blocks of this sequence, by position.
    pub table: &'a [u32],
    /// Positions in a block.
    pub block_slots: usize,
    /// Values from one block to the next in the pool.
    pub block_stride: usize,
    /// Where this layer's keys start in a block.
    pub key_at: usize,
    /// Where this layer's values start in a block.
    pub value_at: usize,
    /// `G`.
    pub kv_heads: usize,
    /// `E`.
    pub head_width: usize,
}

/// Causal softmax attention, with scores scaled by `1 / sqrt(E)`.
///
/// | argument    | shape       |                                                                  |
/// |-------------|-------------|------------------------------------------------------------------|
/// | `q`, `out`  | `[T, H, E]` | query head `h` reads KV head `h / (H / G)`                       |
/// | `positions` | `[T]`       | row `t` sees positions `0..=positions[t]`, or the last of them   |
/// | `kv`        |             | keys and values of all visible positions are already in the pool |
/// | `window`    |             | how many positions a row sees at most, its own included          |
///
/// Rows are independent: a row's result depends on its own query, its position and the keys and
/// values that it sees.
///
/// # Panics
///
/// Where shapes do not fit each other, `H` is no multiple of `G`, `window` is zero, or a visible
/// position has no block.
pub fn attention(
    q: &[f32],
    heads: usize,
    positions: &[u32],
    kv: &PagedKv<'_>,
    window: Option<u32>,
    out: &mut [f32],
) {
    attention_with(table::current(), q, heads, positions, kv, window, out);
}

/// [`attention`] by the functions of `table`.
pub(crate) fn attention_with(
    table: &Table,
    q: &[f32],
    heads: usize,
    positions: &[u32],
    kv: &PagedKv<'_>,
    window: Option<u32>,
    out: &mut [f32],
) {
    let width = kv.head_width;
    assert!(heads.is_multiple_of(kv.kv_heads), "query heads share KV heads evenly");
    assert_eq!(q.len(), positions.len() * heads * width, "q is [T, H, E]");
    assert_eq!(out.len(), q.len(), "out is [T, H, E]");
    assert_ne!(window, Some(0), "a row sees at least itself");
    let visible = |t: usize| visible(positions[t], window);
    let one = |(index, (q, out)): (usize, (&[f32], &mut [f32]))| {
        let head = index % heads / (heads / kv.kv_heads);
        let kv = KvHead { kv, head, visible: visible(index / heads) };
        with_floats(kv.visible.len(), |scores| (table.attend)(q, &kv, scores, out));
    };
    let work = (0..positions.len()).map(|t| visible(t).len()).sum::<usize>() * 2 * heads * width;
    if work >= PARALLEL_WORK_MIN {
        q.par_chunks_exact(width).zip(out.par_chunks_exact_mut(width)).enumerate().for_each(one);
    } else {
        q.chunks_exact(width).zip(out.chunks_exact_mut(width)).enumerate().for_each(one);
    }
}

/// The positions that a row at `position` sees.
fn visible(position: u32, window: Option<u32>) -> Range<usize> {
    let index = |position: u32| usize::try_from(position).expect("usize has 32 bits at least");
    let end = index(position) + 1;
    end.saturating_sub(window.map_or(end, index))..end
}

/// What one query head sees: a KV head at the visible positions.
pub(crate) struct KvHead<'a> {
    kv: &'a PagedKv<'a>,
    head: usize,
    visible: Range<usize>,
}

impl<'a> KvHead<'a> {
    /// `1 / sqrt(E)`.
    pub(crate) fn scale(&self) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "head widths are small integers")]
        let width = self.kv.head_width as f32;
        1.0 / width.sqrt()
    }

    /// Keys, `[E]` each, of the visible positions in order.
    pub(crate) fn keys(&self) -> Rows<'a> {
        Rows::new(self, self.kv.key_at)
    }

    /// Values, `[E]` each, of the visible positions in order.
    pub(crate) fn values(&self) -> Rows<'a> {
        Rows::new(self, self.kv.value_at)
    }
}

/// Iterates over the keys or the values of a [`KvHead`] without a division for each position.
pub(crate) struct Rows<'a> {
    kv: &'a PagedKv<'a>,
    /// Blocks not begun yet.
    table: std::slice::Iter<'a, u32>,
    /// Where this head's rows start in a block.
    at: usize,
    /// Where the next row starts in the pool, while `slots_left` is not zero.
    next: usize,
    slots_left: usize,
}

impl<'a> Rows<'a> {
    fn new(head: &KvHead<'a>, at: usize) -> Self {
        let (kv, first) = (head.kv, head.visible.start);
        let (block, slot) = (first / kv.block_slots, first % kv.block_slots);
        let blocks = head.visible.end.div_ceil(kv.block_slots);
        let table = kv.table[block..blocks].iter();
        let at = at + head.head * kv.head_width;
        let mut rows = Self { kv, table, at, next: 0, slots_left: 0 };
        rows.begin_block();
        rows.next += slot * kv.kv_heads * kv.head_width;
        rows.slots_left -= slot;
        rows
    }

    /// Moves to the first slot of the next block, if there is one.
    fn begin_block(&mut self) {
        if let Some(&block) = self.table.next() {
            let block = usize::try_from(block).expect("usize has 32 bits at least");
            self.next = block * self.kv.block_stride + self.at;
            self.slots_left = self.kv.block_slots;
        }
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = &'a [f32];

    /// Goes on to the end of the last block: callers zip it with one score for each position.
    #[inline]
    fn next(&mut self) -> Option<&'a [f32]> {
        if self.slots_left == 0 {
            self.begin_block();
        }
        self.slots_left = self.slots_left.checked_sub(1)?;
        let row = &self.kv.blocks[self.next..][..self.kv.head_width];
        self.next += self.kv.kv_heads * self.kv.head_width;
        Some(row)
    }
}
