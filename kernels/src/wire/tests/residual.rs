//! Rows like those of a residual stream, and what a codec makes of them.

use super::*;

/// Channels of very different sizes with heavy tails (Student's distribution, six degrees of freedom), six of
/// them 30 times the others.
pub(super) struct Residual {
    /// The channels' root mean squares.
    pub(super) sizes: Vec<f32>,
    pub(super) x: Vec<f32>,
}

/// What a codec costs and loses.
#[derive(Debug)]
pub(super) struct Cost {
    pub(super) bits: f64,
    /// Signal to noise, in dB.
    pub(super) raw: f64,
    /// The same with all channels divided by their sizes.
    pub(super) normalized: f64,
}

impl Residual {
    pub(super) fn new(random: &mut Random, rows: usize, width: usize) -> Self {
        let mut sizes: Vec<f64> = (0..width).map(|_| (0.5 * normal(random)).exp()).collect();
        for outlier in 0..6 {
            sizes[(outlier * 331 + 17) % width] *= 30.0;
        }
        let row = |_| sizes.iter().map(|size| size * student(random)).collect::<Vec<_>>();
        let x = (0..rows).flat_map(row).map(narrowed).collect();
        let of_six = 1.5_f64.sqrt();
        Self { sizes: sizes.iter().map(|size| narrowed(size * of_six)).collect(), x }
    }

    pub(super) fn cost(&self, codec: Codec<'_>) -> Cost {
        let width = self.sizes.len();
        let bytes = encode(codec, &self.x, width).len();
        let back = round_trip(codec, &self.x, width);
        let (mut signal, mut noise) = ([0.0; 2], [0.0; 2]);
        for (i, (x, back)) in self.x.iter().zip(&back).enumerate() {
            let (x, off) = (f64::from(*x), f64::from(back - x));
            for (kind, size) in [1.0, f64::from(self.sizes[i % width])].into_iter().enumerate() {
                signal[kind] += (x / size).powi(2);
                noise[kind] += (off / size).powi(2);
            }
        }
        let decibels = |kind: usize| 10.0 * (signal[kind] / noise[kind]).log10();
        let bits = 8.0 * bytes as f64 / self.x.len() as f64;
        Cost { bits, raw: decibels(0), normalized: decibels(1) }
    }
}

fn unit(random: &mut Random) -> f64 {
    ((random.bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

fn normal(random: &mut Random) -> f64 {
    (-2.0 * unit(random).ln()).sqrt() * (std::f64::consts::TAU * unit(random)).cos()
}

fn student(random: &mut Random) -> f64 {
    let chi_square = -2.0 * (unit(random) * unit(random) * unit(random)).ln();
    normal(random) / (chi_square / 6.0).sqrt()
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is the point")]
fn narrowed(x: f64) -> f32 {
    x as f32
}

/// What `cargo test -p kernels --release -- --nocapture costs` prints.
#[test]
fn costs_on_rows_like_a_residual_stream() {
    for width in [2048, 896, 288] {
        let residual = Residual::new(&mut Random(1), 64, width);
        for codec in codecs(&residual.sizes).into_iter().skip(1) {
            let cost = residual.cost(codec);
            let level = if let Codec::Scaled { level, .. } = codec { level.number() } else { 0 };
            println!(
                "{width} {} {level}: {:.3} bits, {:.2} dB raw, {:.2} dB normalized",
                codec.name(),
                cost.bits,
                cost.raw,
                cost.normalized
            );
        }
    }
}
