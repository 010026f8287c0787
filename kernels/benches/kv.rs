//! Coded keys and values on one thread: bytes of the pool's half precision a second, in and out.
//!
//! `cargo bench -p kernels --bench kv`; as a test, every step runs once on a small block.

use criterion::{BenchmarkId, Criterion, Throughput};
use kernels::{BLOCK_SLOTS, KvFormat, KvLayout, KvStep, decode_kv, encode_kv, write_kv};
use std::hint::black_box;

/// KV heads of a model of a billion weights or more, each 64 wide.
const HEADS: usize = 8;
const HEADS_TINY: usize = 1;
const WIDTH: usize = 64;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let measured = std::env::args().any(|argument| argument == "--bench");
    let heads = if measured { HEADS } else { HEADS_TINY };
    let layout = KvLayout::new(KvFormat::F16, heads, WIDTH);
    let block = block(&layout);
    let mut group = criterion.benchmark_group(format!("kv_{heads}x{WIDTH}"));
    group.throughput(Throughput::Bytes(block.len() as u64));
    for (name, step) in [("fine", KvStep::Fine), ("coarse", KvStep::Coarse)] {
        let mut bytes = Vec::new();
        group.bench_function(BenchmarkId::new(name, "encode"), |bencher| {
            bencher.iter(|| {
                bytes.clear();
                encode_kv(&layout, black_box(&block), step, &mut bytes);
                black_box(&mut bytes);
            });
        });
        bytes.clear();
        encode_kv(&layout, &block, step, &mut bytes);
        let mut out = block.clone();
        group.bench_function(BenchmarkId::new(name, "decode"), |bencher| {
            bencher.iter(|| {
                decode_kv(&layout, black_box(&bytes), &mut out).expect("our own bytes");
                black_box(&mut out);
            });
        });
    }
    group.finish();
    criterion.final_summary();
}

/// Bell-shaped channels of different sizes, some of them off zero.
fn block(layout: &KvLayout) -> Vec<u8> {
    let mut state = 1_u64;
    let mut uniform = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    let mut bell = || (0..6).map(|_| uniform()).sum::<f32>();
    let row = layout.kv_heads * layout.head_width;
    let channels: Vec<_> = (0..2 * row).map(|_| (bell().exp(), (2.0 * bell()).max(0.0))).collect();
    let mut block = vec![0; layout.block_bytes()];
    for slot in 0..BLOCK_SLOTS {
        let of = |(size, offset): &(f32, f32)| size * (bell() + offset);
        let elements: Vec<f32> = channels.iter().map(of).collect();
        write_kv(layout, &mut block, slot, &elements[..row], &elements[row..]);
    }
    block
}
