//! Matrix products on one thread: one row at the speed of memory, several at the speed of arithmetic.
//!
//! `cargo bench -p kernels --bench matmul`; as a test, every product runs once and is small.

use criterion::{BenchmarkId, Criterion, Throughput};
use kernels::{Format, Matrix, Packed, Pool, Product, Weights, matmul, pack};
use std::hint::black_box;

/// Outputs and inputs of weights that no cache holds.
const LARGE: [usize; 2] = [16_384, 4_096];

/// Outputs and inputs of weights that stay in a second-level cache, those of 32 bits almost.
const IN_CACHE: [usize; 2] = [1_024, 512];

/// Outputs and inputs where nothing is measured; no whole number of panels.
const TINY: [usize; 2] = [40, 256];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let measured = std::env::args().any(|argument| argument == "--bench");
    let size = |wanted| if measured { wanted } else { TINY };
    one_row(&mut criterion, size(LARGE));
    for rows in [8, 128] {
        several_rows(&mut criterion, rows, size(IN_CACHE));
    }
    criterion.final_summary();
}

/// Bytes of weights a second.
fn one_row(criterion: &mut Criterion, size: [usize; 2]) {
    let mut group = criterion.benchmark_group("matmul_1_row");
    for format in Format::ALL {
        let stored = Stored::new(format, size);
        group.throughput(Throughput::Bytes(stored.bytes().len() as u64));
        let id = BenchmarkId::from_parameter(format);
        group.bench_function(id, |bencher| {
            let product = stored.product(1);
            bencher.iter(product);
        });
    }
    group.finish();
}

/// Multiply-adds a second.
fn several_rows(criterion: &mut Criterion, rows: usize, size: [usize; 2]) {
    let mut group = criterion.benchmark_group(format!("matmul_{rows}_rows"));
    for format in Format::ALL {
        let stored = Stored::new(format, size);
        group.throughput(Throughput::Elements((rows * size[0] * size[1]) as u64));
        let id = BenchmarkId::from_parameter(format);
        group.bench_function(id, |bencher| {
            let product = stored.product(rows);
            bencher.iter(product);
        });
    }
    group.finish();
}

/// Weights as a product reads them: packed where they are quantized.
struct Stored {
    format: Format,
    size: [usize; 2],
    pool: Pool,
    buffer: Vec<u8>,
    /// Where the weights begin in the buffer, at a multiple of 64.
    at: usize,
}

impl Stored {
    fn new(format: Format, size: [usize; 2]) -> Self {
        let pool = Pool::new(1).expect("one thread is the caller's");
        let [outputs, inputs] = size;
        let plain = bytes(outputs * format.row_bytes(inputs).expect("whole blocks"));
        let len = Packed::len(format, outputs, inputs).unwrap_or(plain.len());
        let mut buffer = vec![0; len + 64];
        let at = buffer.as_ptr().align_offset(64).min(64);
        let out = &mut buffer[at..at + len];
        if format.is_quantized() {
            let plain = Matrix::new(format, outputs, inputs, &plain).expect("as many bytes");
            pack(&pool, &plain, out);
        } else {
            out.copy_from_slice(&plain);
        }
        Self { format, size, pool, buffer, at }
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[self.at..self.buffer.len() - (64 - self.at)]
    }

    fn weights(&self) -> Weights<'_> {
        let (format, [outputs, inputs], bytes) = (self.format, self.size, self.bytes());
        if format.is_quantized() {
            let packed = Packed::new(format, outputs, inputs, bytes);
            Weights::Packed(packed.expect("packed as such"))
        } else {
            let plain = Matrix::new(format, outputs, inputs, bytes);
            Weights::Plain(plain.expect("stored as such"))
        }
    }

    /// The product with `rows` rows.
    fn product(&self, rows: usize) -> impl FnMut() {
        let [outputs, inputs] = self.size;
        let x: Vec<f32> = (0..rows * inputs).map(|i| (i % 17) as f32 - 8.0).collect();
        let mut out = vec![0.0; rows * outputs];
        move || {
            let weights = self.weights();
            matmul(&self.pool, black_box(&x), &mut [Product { weights, out: &mut out }]);
            black_box(&mut out);
        }
    }
}

/// Bytes that mean moderate numbers in every format, also where they are scales.
fn bytes(count: usize) -> Vec<u8> {
    (0x20..0x38).cycle().take(count).collect()
}
