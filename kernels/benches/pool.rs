//! Two callers on one pool: what each of them gets.
//!
//! `cargo bench -p kernels --bench pool`; as a test, every product runs once and is small. It is fair
//! where both take the same time for a product, and nothing is lost where that is twice what one alone
//! takes.

use criterion::{Criterion, Throughput};
use kernels::{Format, Matrix, Pool, Product, Weights, matmul};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Outputs and inputs; all of it stays in cache.
const SIZE: [usize; 2] = [1_024, 512];
const SIZE_TINY: [usize; 2] = [40, 32];

const ROWS: usize = 8;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let measured = std::env::args().any(|argument| argument == "--bench");
    callers(&mut criterion, if measured { SIZE } else { SIZE_TINY });
    criterion.final_summary();
}

/// The time a product takes one caller.
fn callers(criterion: &mut Criterion, [outputs, inputs]: [usize; 2]) {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let pool = Pool::new(threads).expect("as many threads as cores");
    let weights = [0.5_f32.to_le_bytes()].repeat(outputs * inputs);
    let weights = Matrix::new(Format::F32, outputs, inputs, weights.as_flattened());
    let weights = Weights::Plain(weights.expect("as many as the shape says"));
    let x = vec![1.0; ROWS * inputs];
    let product = || {
        let mut out = vec![0.0; ROWS * outputs];
        matmul(&pool, &x, &mut [Product { weights, out: &mut out }]);
        black_box(&out);
    };
    let mut group = criterion.benchmark_group("pool");
    group.throughput(Throughput::Elements((ROWS * outputs * inputs) as u64));
    group.bench_function("alone", |bencher| bencher.iter(product));
    group.bench_function("one_of_two", |bencher| {
        bencher.iter_custom(|count| beside_another(count, product).0);
    });
    group.bench_function("the_other_of_two", |bencher| {
        bencher.iter_custom(|count| {
            let (time, others) = beside_another(count, product);
            time.mul_f64(count as f64 / others.max(1) as f64)
        });
    });
    group.finish();
}

/// How long `count` products take one caller, and how many another makes in that time.
fn beside_another(count: u64, product: impl Fn() + Sync) -> (Duration, u64) {
    let (begun, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut products = 0;
            while !ended.load(Ordering::Relaxed) {
                product();
                products += u64::from(begun.load(Ordering::Relaxed));
            }
            products
        });
        // Both are under way before the clock starts.
        product();
        begun.store(true, Ordering::Relaxed);
        let started = Instant::now();
        (0..count).for_each(|_| product());
        let time = started.elapsed();
        ended.store(true, Ordering::Relaxed);
        (time, other.join().expect("products do not panic"))
    })
}
