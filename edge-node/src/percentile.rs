//! Order statistics of measured times.

use std::time::Duration;

/// The smallest of `times` that at least `share` of them do not exceed (nearest rank), in
/// milliseconds; `None` where there are none.
pub(crate) fn percentile_ms(times: &[Duration], share: f64) -> Option<f64> {
    let times: Vec<_> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    percentile(&times, share)
}

/// The same of any values, in their own unit.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank within a slice's length"
)]
pub(crate) fn percentile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_members_by_nearest_rank() {
        let times: Vec<_> = [40, 10, 30, 20].map(Duration::from_millis).to_vec();
        assert_eq!(percentile_ms(&times, 0.5), Some(20.0));
        assert_eq!(percentile_ms(&times, 0.95), Some(40.0));
        assert_eq!(percentile_ms(&times, 0.0), Some(10.0));
        assert_eq!(percentile_ms(&[], 0.5), None);
    }

    #[test]
    fn values_need_no_order_and_the_whole_share_is_the_largest() {
        let values = [3.0, -1.0, 2.5];
        assert_eq!(percentile(&values, 1.0), Some(3.0));
        assert_eq!(percentile(&values, 0.34), Some(2.5));
        assert_eq!(percentile(&[], 1.0), None);
    }
}
