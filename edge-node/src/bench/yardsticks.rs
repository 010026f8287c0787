//! What this machine can do at most, with the threads that the model has.
//!
//! Decode cannot be faster than memory gives the weights; prefill cannot be faster than products
//! whose operands are all in cache.

use super::plan::Plan;
use super::samples::Spread;
use anyhow::Context as _;
use kernels::{Format, Matrix, Packed, Product, Weights, matmul};
use runtime::Pool;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// However many threads there are, no cache holds this much.
const READ_BYTES_MAX: usize = 4 << 30;

/// Numbers that a thread reads at a time: 1 MiB, so that all threads end together.
const READ_PIECE: usize = 1 << 17;

/// Samples of each yardstick in a repeat.
const SAMPLES: u32 = 3;

/// Outputs and inputs of the products: their weights, 1 MB in int8 and twice as much in floats, stay in
/// a cache, and are many enough that quantizing the rows costs little.
const OUTPUTS: usize = 1_024;
const INPUTS: usize = 1_024;
const FLOAT_OUTPUTS: usize = 512;

/// Rows of the products.
const ROWS: usize = 64;

/// The yardsticks, and what was measured of them.
#[derive(Debug)]
pub(super) struct Yardsticks<'a> {
    pool: &'a Pool,
    read_bytes: usize,
    rate_time: Duration,
    /// Of `[1024, 1024]` in Q8_0, packed, at a multiple of 64.
    int8: Vec<u8>,
    int8_at: usize,
    read_gb_per_s: Vec<f64>,
    int8_gmac_per_s: Vec<f64>,
    float_gmac_per_s: Vec<f64>,
}

impl<'a> Yardsticks<'a> {
    /// Yardsticks for passes on `pool`.
    pub(super) fn new(pool: &'a Pool, plan: &Plan) -> Self {
        let read_bytes = plan.read_bytes_per_thread.saturating_mul(pool.threads());
        let (int8, int8_at) = int8_weights(pool);
        Self {
            pool,
            read_bytes: read_bytes.min(READ_BYTES_MAX),
            rate_time: plan.rate_time,
            int8,
            int8_at,
            read_gb_per_s: Vec::new(),
            int8_gmac_per_s: Vec::new(),
            float_gmac_per_s: Vec::new(),
        }
    }

    /// Measures each.
    ///
    /// # Errors
    ///
    /// Where there is no memory to read.
    pub(super) fn take(&mut self) -> anyhow::Result<()> {
        self.take_read()?;
        let len = Packed::len(Format::Q8_0, OUTPUTS, INPUTS).expect("a whole number of blocks");
        let int8 = &self.int8[self.int8_at..][..len];
        let int8 = Packed::new(Format::Q8_0, OUTPUTS, INPUTS, int8).expect("packed as such");
        let rate = |weights| rate(self.pool, weights, self.rate_time / SAMPLES);
        self.int8_gmac_per_s.extend((0..SAMPLES).map(|_| rate(Weights::Packed(int8))));
        let floats = [0.5_f32.to_le_bytes()].repeat(FLOAT_OUTPUTS * INPUTS);
        let floats = Matrix::new(Format::F32, FLOAT_OUTPUTS, INPUTS, floats.as_flattened());
        let floats = Weights::Plain(floats.expect("as many as the shape says"));
        self.float_gmac_per_s.extend((0..SAMPLES).map(|_| rate(floats)));
        Ok(())
    }

    /// Bytes read from memory, in 10^9 a second.
    pub(super) fn read_gb_per_s(&self) -> Spread {
        Spread::of(self.read_gb_per_s.iter().copied())
    }

    /// Multiply-adds with weights of 8 bits, in 10^9 a second.
    pub(super) fn int8_gmac_per_s(&self) -> Spread {
        Spread::of(self.int8_gmac_per_s.iter().copied())
    }

    /// Multiply-adds with weights of 32 bits, in 10^9 a second.
    pub(super) fn float_gmac_per_s(&self) -> Spread {
        Spread::of(self.float_gmac_per_s.iter().copied())
    }

    /// Reads memory that is given back afterwards, so that it is in nobody's resident memory.
    fn take_read(&mut self) -> anyhow::Result<()> {
        let mut numbers: Vec<u64> = Vec::new();
        let count = self.read_bytes / size_of::<u64>();
        let reserved = numbers.try_reserve_exact(count);
        reserved.with_context(|| format!("no {} bytes to read from", self.read_bytes))?;
        // Written, because untouched pages are all the same one.
        numbers.resize(count, 1);
        for _ in 0..SAMPLES {
            let started = Instant::now();
            let total = AtomicU64::new(0);
            let pieces = count.div_ceil(READ_PIECE);
            self.pool.run(pieces, &|piece| {
                let end = count.min((piece + 1) * READ_PIECE);
                total.fetch_add(sum(&numbers[piece * READ_PIECE..end]), Ordering::Relaxed);
            });
            let seconds = started.elapsed().as_secs_f64();
            black_box(total);
            self.read_gb_per_s.push(self.read_bytes as f64 / 1e9 / seconds);
        }
        Ok(())
    }
}

/// Wraps around. So many sums at once that nothing waits for an addition, with vectors of any width:
/// from a second-level cache it is four times as fast as from memory.
fn sum(numbers: &[u64]) -> u64 {
    let mut sums = [0_u64; 64];
    let (chunks, rest) = numbers.as_chunks::<64>();
    for chunk in chunks {
        for (sum, number) in sums.iter_mut().zip(chunk) {
            *sum = sum.wrapping_add(*number);
        }
    }
    sums.iter().chain(rest).fold(0, |sum, number| sum.wrapping_add(*number))
}

/// Multiply-adds with `weights`, in 10^9 a second: of the fastest product in `time`.
fn rate(pool: &Pool, weights: Weights<'_>, time: Duration) -> f64 {
    let x: Vec<f32> = (0..ROWS * INPUTS).map(|i| (i % 17) as f32 - 8.0).collect();
    let mut out = vec![0.0; ROWS * weights.rows()];
    let mut fastest = Duration::MAX;
    let started = Instant::now();
    while fastest == Duration::MAX || started.elapsed() < time {
        let started = Instant::now();
        matmul(pool, &x, &mut [Product { weights, out: &mut out }]);
        fastest = fastest.min(started.elapsed());
    }
    black_box(&out);
    let multiply_adds = (ROWS * weights.rows() * weights.cols()) as f64;
    multiply_adds / 1e9 / fastest.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// Some weights, packed, and where in these bytes they begin.
fn int8_weights(pool: &Pool) -> (Vec<u8>, usize) {
    const BLOCK: usize = 34;
    const HALF: [u8; 2] = [0x00, 0x38];
    let mut stored: Vec<u8> = (1..=127).cycle().take(OUTPUTS * INPUTS / 32 * BLOCK).collect();
    for block in stored.chunks_exact_mut(BLOCK) {
        block[..2].copy_from_slice(&HALF);
    }
    let stored = Matrix::new(Format::Q8_0, OUTPUTS, INPUTS, &stored).expect("whole blocks");
    let len = Packed::len(Format::Q8_0, OUTPUTS, INPUTS).expect("a whole number of blocks");
    let mut bytes = vec![0; len + 64];
    let at = bytes.as_ptr().align_offset(64).min(64);
    kernels::pack(pool, &stored, &mut bytes[at..at + len]);
    (bytes, at)
}
