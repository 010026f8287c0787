//! Order statistics of values that are too many to keep.

/// Buckets between two powers of two: a value is known to within a thirty-second of itself.
const PER_OCTAVE_LOG2: u32 = 5;

/// Bits of a double behind those that tell its bucket.
const SHIFT: u32 = f64::MANTISSA_DIGITS - 1 - PER_OCTAVE_LOG2;

/// Powers of two from which on, and up to which, values are told apart. Divergences below the first
/// come from rounding alone.
const LEAST_LOG2: i32 = -60;
const MOST_LOG2: i32 = 12;

/// How often values of each size were seen, in memory that does not grow.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    /// Of the values below the first bucket, which count as zero.
    zeros: u64,
    /// Ascending; larger values than it has buckets for are in the last one.
    buckets: Vec<u64>,
}

impl Histogram {
    /// With nothing in it.
    pub(super) fn new() -> Self {
        let count = index(2_f64.powi(MOST_LOG2)) - index(2_f64.powi(LEAST_LOG2));
        Self { zeros: 0, buckets: vec![0; count] }
    }

    /// Counts `value`, which is not negative.
    pub(super) fn add(&mut self, value: f64) {
        match index(value).checked_sub(index(2_f64.powi(LEAST_LOG2))) {
            None => self.zeros += 1,
            Some(at) => {
                let last = self.buckets.len() - 1;
                self.buckets[at.min(last)] += 1;
            }
        }
    }

    /// A value that at least `share` of those counted do not exceed: the upper edge of the bucket with
    /// the smallest such value, so never less than the true one; zero where nothing was counted.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank among counted values"
    )]
    pub(super) fn percentile(&self, share: f64) -> f64 {
        let count = self.zeros + self.buckets.iter().sum::<u64>();
        let rank = (share * count as f64).ceil() as u64;
        let mut seen = self.zeros;
        if seen >= rank {
            return 0.0;
        }
        let reached = self.buckets.iter().position(|bucket| {
            seen += bucket;
            seen >= rank
        });
        let last = self.buckets.len() - 1;
        edge(index(2_f64.powi(LEAST_LOG2)) + reached.unwrap_or(last) + 1)
    }
}

/// Which bucket a value that is not negative is in: its exponent and the first bits behind it. Bit
/// patterns of doubles ascend as they do.
fn index(value: f64) -> usize {
    usize::try_from(value.to_bits() >> SHIFT).expect("seventeen bits")
}

/// The least value of a bucket.
fn edge(index: usize) -> f64 {
    f64::from_bits((index as u64) << SHIFT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = f64>) -> Histogram {
        let mut histogram = Histogram::new();
        values.into_iter().for_each(|value| histogram.add(value));
        histogram
    }

    /// Goal: a percentile is never below the true one and at most a thirty-second above it. Method:
    /// values over many powers of two, in no order.
    #[test]
    fn percentiles_are_true_to_a_thirty_second() {
        let value = |at: u32| (f64::from(at * 7919 % 10_007) / 500.0 - 15.0).exp2();
        let values: Vec<f64> = (1..=10_006).map(value).collect();
        let histogram = of(values.iter().copied());
        for share in [0.01, 0.5, 0.9, 0.99, 1.0] {
            let exact = crate::percentile::percentile(&values, share).unwrap();
            let found = histogram.percentile(share);
            assert!(exact <= found && found <= exact * (1.0 + 1.0 / 32.0), "{exact} {found}");
        }
    }

    #[test]
    fn nothing_is_zero_and_what_is_large_is_still_counted() {
        assert_eq!(of([]).percentile(0.99), 0.0);
        assert_eq!(of([0.0; 3]).percentile(1.0), 0.0);
        assert_eq!(of([0.0, 1e-30, 1e300]).percentile(0.6), 0.0);
        assert_eq!(of([0.0, 1e-30, 1e300]).percentile(1.0), 4096.0);
    }
}
