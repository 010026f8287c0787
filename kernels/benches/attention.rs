//! Attention on one thread, by KV format: one row at the speed of memory, several at that of
//! arithmetic.
//!
//! `cargo bench -p kernels --bench attention`; as a test, every call runs once and is small.

use criterion::{BenchmarkId, Criterion, Throughput};
use kernels::{AttentionSpan, BLOCK_SLOTS, KvFormat, KvLayout, PagedKv, Pool, View};
use kernels::{attention, write_kv};
use std::hint::black_box;

/// Query heads, KV heads and elements of a head, as in a model of 1.1 billion weights.
const HEADS: usize = 32;
const KV_HEADS: usize = 4;
const HEAD_WIDTH: usize = 64;

/// Positions, the new rows included.
const POSITIONS: usize = 4_096;
const POSITIONS_TINY: usize = 40;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let measured = std::env::args().any(|argument| argument == "--bench");
    let positions = if measured { POSITIONS } else { POSITIONS_TINY };
    for rows in [1, 8, 128] {
        rows_at_the_end(&mut criterion, rows.min(positions), positions);
    }
    criterion.final_summary();
}

/// The last `rows` of `positions`: of one row the bytes of KV a second, of several the multiply-adds.
fn rows_at_the_end(criterion: &mut Criterion, rows: usize, positions: usize) {
    let mut group = criterion.benchmark_group(format!("attention_{rows}_rows"));
    for format in KvFormat::ALL {
        let layout = KvLayout::new(format, KV_HEADS, HEAD_WIDTH);
        let kept = kept(&layout, positions);
        group.throughput(match rows {
            1 => Throughput::Bytes(kept.iter().map(|block| block.len() as u64).sum()),
            _ => Throughput::Elements(multiply_adds(rows, positions)),
        });
        let id = BenchmarkId::from_parameter(format);
        group.bench_function(id, |bencher| {
            let pool = Pool::new(1).expect("one thread is the caller's");
            let blocks: Vec<&[u8]> = kept.iter().map(Vec::as_slice).collect();
            let kv = PagedKv { layout, blocks: &blocks, layer_at: 0 };
            let last = positions - rows..positions;
            let last: Vec<u32> = last.map(|p| u32::try_from(p).expect("few positions")).collect();
            let q = values(rows * HEADS * HEAD_WIDTH);
            let mut out = vec![0.0; q.len()];
            bencher.iter(|| {
                let (q, positions) = (black_box(&q[..]), &last[..]);
                let span = AttentionSpan { q, sink_q: None, positions, kv, view: View::ALL };
                attention(&pool, HEADS, &[span], &mut out);
                black_box(&mut out);
            });
        });
    }
    group.finish();
}

/// Scores and sums, of what each row sees.
fn multiply_adds(rows: usize, positions: usize) -> u64 {
    let seen: usize = (positions - rows + 1..=positions).sum();
    (2 * seen * HEADS * HEAD_WIDTH) as u64
}

/// The blocks of one layer.
fn kept(layout: &KvLayout, positions: usize) -> Vec<Vec<u8>> {
    let mut blocks = vec![vec![0; layout.block_bytes()]; positions.div_ceil(BLOCK_SLOTS)];
    let width = KV_HEADS * HEAD_WIDTH;
    let keys = values(width * positions);
    for (position, key) in keys.chunks_exact(width).enumerate() {
        let block = &mut blocks[position / BLOCK_SLOTS];
        write_kv(layout, block, position % BLOCK_SLOTS, key, key);
    }
    blocks
}

/// Numbers from -1 to 1.
fn values(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7_919) % 2_001) as f32 / 1_000.0 - 1.0).collect()
}
