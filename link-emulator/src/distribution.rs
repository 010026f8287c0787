//! Distributions as measurements give them: a few percentiles.

use crate::ProfileError;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A distribution by its percentiles, or one value. Between two percentiles values are spread evenly;
/// beyond the outermost there is nothing.
///
/// In a file: `12.5`, or `{ p5 = 33, p50 = 40, p99.9 = 350 }`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Distribution {
    /// Share of values at or below, and value; both never fall. At least one.
    points: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Value(f64),
    Percentiles(BTreeMap<String, f64>),
}

impl TryFrom<Written> for Distribution {
    type Error = ProfileError;

    fn try_from(written: Written) -> Result<Self, ProfileError> {
        let mut points = match written {
            Written::Value(value) => vec![(0.5, value)],
            Written::Percentiles(percentiles) => {
                let points = percentiles.into_iter().map(|(key, value)| {
                    let percent = key.strip_prefix('p').and_then(|text| text.parse::<f64>().ok());
                    let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
                    Ok((percent.ok_or(ProfileError::Percentile { key })? / 100.0, value))
                });
                points.collect::<Result<Vec<_>, ProfileError>>()?
            }
        };
        points.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
        let values = points.iter().map(|(_, value)| *value);
        if points.is_empty() || !values.clone().all(|value| value.is_finite() && value >= 0.0) {
            return Err(ProfileError::Values);
        }
        if !values.is_sorted() {
            return Err(ProfileError::Falls);
        }
        Ok(Self { points })
    }
}

impl Distribution {
    /// The value below which a share `share` of all lies.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let next = self.points.partition_point(|(at, _)| *at < share);
        let (Some(before), Some(after)) =
            (next.checked_sub(1).and_then(|i| self.points.get(i)), self.points.get(next))
        else {
            return self.points[next.min(self.points.len() - 1)].1;
        };
        before.1 + (after.1 - before.1) * (share - before.0) / (after.0 - before.0)
    }

    /// The same in another unit.
    pub(crate) fn scaled(&self, factor: f64) -> Self {
        Self { points: self.points.iter().map(|(at, value)| (*at, value * factor)).collect() }
    }

    /// The largest value.
    pub(crate) fn max(&self) -> f64 {
        self.quantile(1.0)
    }
}
