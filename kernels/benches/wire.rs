//! The codecs of hidden states on one thread: bytes of `f32` values a second, in and out.
//!
//! `cargo bench -p kernels --bench wire`; as a test, every codec runs once on few rows.

use criterion::{BenchmarkId, Criterion, Throughput};
use kernels::wire::{Calibration, Codec, Level, append, decode_into};
use std::hint::black_box;

/// Channels of a model of a billion weights or more, and of a small one.
const WIDTHS: [usize; 2] = [2048, 288];

/// Rows, as many as stay in a second-level cache with their bytes.
const ROWS: usize = 16;
const ROWS_TINY: usize = 2;

/// Rows that scales are made of.
const CALIBRATION_ROWS: usize = 64;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let measured = std::env::args().any(|argument| argument == "--bench");
    for width in WIDTHS {
        codecs(&mut criterion, if measured { ROWS } else { ROWS_TINY }, width);
    }
    criterion.final_summary();
}

fn codecs(criterion: &mut Criterion, rows: usize, width: usize) {
    let mut calibration = Calibration::new(width);
    calibration.add(&hidden(CALIBRATION_ROWS, width));
    let scales = calibration.scales();
    let scaled = |level| Codec::Scaled { level, scales: &scales };
    let middle = Level::new(6).expect("one of ten");
    let codecs = [
        ("f32", Codec::F32),
        ("f16", Codec::F16),
        ("int8", Codec::Int8),
        ("int4", Codec::Int4),
        ("scaled_finest", scaled(Level::FINEST)),
        ("scaled_6", scaled(middle)),
        ("scaled_coarsest", scaled(Level::COARSEST)),
    ];
    let x = hidden(rows, width);
    let mut group = criterion.benchmark_group(format!("wire_{width}"));
    group.throughput(Throughput::Bytes(4 * x.len() as u64));
    for (name, codec) in codecs {
        let mut bytes = Vec::new();
        group.bench_function(BenchmarkId::new(name, "encode"), |bencher| {
            bencher.iter(|| {
                bytes.clear();
                append(codec, black_box(&x), width, &mut bytes);
                black_box(&mut bytes);
            });
        });
        bytes.clear();
        append(codec, &x, width, &mut bytes);
        let mut out = vec![0.0; x.len()];
        group.bench_function(BenchmarkId::new(name, "decode"), |bencher| {
            bencher.iter(|| {
                decode_into(codec, black_box(&bytes), width, &mut out).expect("our own bytes");
                black_box(&mut out);
            });
        });
    }
    group.finish();
}

/// Rows like a residual stream: bell-shaped channels of different sizes, a few of them 30 times the
/// others.
fn hidden(rows: usize, width: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut uniform = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    let mut bell = || (0..6).map(|_| uniform()).sum::<f32>();
    let mut scales: Vec<f32> = (0..width).map(|_| bell().exp()).collect();
    for outlier in 0..6 {
        scales[(outlier * 331 + 17) % width] *= 30.0;
    }
    (0..rows).flat_map(|_| scales.iter().map(|scale| scale * bell()).collect::<Vec<_>>()).collect()
}
