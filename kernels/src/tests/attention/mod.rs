//! Attention: tables, row independence, accuracy in every format, windows, sinks and eviction.

mod exactness;
mod independence;
mod kv;

use super::Random;
use crate::attention::attention_with;
use crate::kv::write_kv_with;
use crate::table::Table;
use crate::{AttentionSpan, BLOCK_SLOTS, KvFormat, KvLayout, PagedKv, Pool, View};

/// Bytes of other layers before this one in every block.
const LAYER_AT: usize = 13;

/// Keys and values of a sequence, as written and as stored.
struct Sequence {
    layout: KvLayout,
    /// `[P, G, E]` each.
    keys: Vec<f32>,
    values: Vec<f32>,
    blocks: Vec<Vec<u8>>,
}

impl Sequence {
    /// Random keys and values of deviation 1.
    fn new(random: &mut Random, layout: KvLayout, length: usize) -> Self {
        let row = layout.kv_heads * layout.head_width;
        Self::of(layout, random.floats(length * row), random.floats(length * row))
    }

    /// Blocks whose other bytes are all ones: NaN in every format that has one.
    fn of(layout: KvLayout, keys: Vec<f32>, values: Vec<f32>) -> Self {
        let row = layout.kv_heads * layout.head_width;
        let blocks = (keys.len() / row).div_ceil(BLOCK_SLOTS);
        let block = vec![0xff; LAYER_AT + layout.block_bytes() + 5];
        let mut sequence = Self { layout, keys, values, blocks: vec![block; blocks] };
        sequence.write(crate::table::current());
        sequence
    }

    fn write(&mut self, table: &Table) {
        let row = self.layout.kv_heads * self.layout.head_width;
        let rows = self.keys.chunks(row).zip(self.values.chunks(row));
        for (position, (key, value)) in rows.enumerate() {
            let block = &mut self.blocks[position / BLOCK_SLOTS][LAYER_AT..];
            let block = &mut block[..self.layout.block_bytes()];
            write_kv_with(table, &self.layout, block, position % BLOCK_SLOTS, key, value);
        }
    }

    fn blocks(&self) -> Vec<&[u8]> {
        self.blocks.iter().map(Vec::as_slice).collect()
    }
}

/// Rows of one sequence.
struct Rows<'a> {
    sequence: &'a Sequence,
    /// `[T, H, E]`.
    q: Vec<f32>,
    sink_q: Option<Vec<f32>>,
    positions: Vec<u32>,
    view: View,
}

impl Rows<'_> {
    fn attend(&self, table: &Table, pool: &Pool, heads: usize) -> Vec<f32> {
        attend(table, pool, heads, &[self])
    }
}

fn attend(table: &Table, pool: &Pool, heads: usize, rows: &[&Rows<'_>]) -> Vec<f32> {
    let blocks: Vec<_> = rows.iter().map(|rows| rows.sequence.blocks()).collect();
    let spans: Vec<_> = rows.iter().zip(&blocks).map(|(rows, blocks)| span(rows, blocks)).collect();
    let mut out = vec![f32::NAN; rows.iter().map(|rows| rows.q.len()).sum()];
    attention_with(table, pool, heads, &spans, &mut out);
    out
}

fn span<'a>(rows: &'a Rows<'_>, blocks: &'a [&'a [u8]]) -> AttentionSpan<'a> {
    AttentionSpan {
        q: &rows.q,
        sink_q: rows.sink_q.as_deref(),
        positions: &rows.positions,
        kv: PagedKv { layout: rows.sequence.layout, blocks, layer_at: LAYER_AT },
        view: rows.view,
    }
}

fn windowed(window: u32, sinks: u32) -> View {
    View { window: Some(window), sinks }
}

fn one_thread() -> Pool {
    Pool::new(1).unwrap()
}
