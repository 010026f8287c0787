//! Median, least and greatest of what was measured repeatedly.

use serde::Serialize;

/// What is left of a figure's samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    /// Of `samples`; the mean of the middle two where their number is even.
    ///
    /// # Panics
    ///
    /// Where there are none.
    pub(super) fn of(samples: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = samples.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (&[min, ..], &[.., max]) = (&sorted[..], &sorted[..]) else {
            panic!("a figure is taken at least once");
        };
        let (half, last) = (sorted.len() / 2, sorted.len() - 1);
        Self { median: sorted[half].midpoint(sorted[last - half]), min, max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_of_odd_and_even_numbers_of_samples() {
        let of = |samples: &[f64]| Spread::of(samples.iter().copied());
        assert_eq!(of(&[3.0]), Spread { median: 3.0, min: 3.0, max: 3.0 });
        assert_eq!(of(&[9.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 9.0 });
        assert_eq!(of(&[9.0, 1.0, 2.0, 4.0]), Spread { median: 3.0, min: 1.0, max: 9.0 });
    }
}
