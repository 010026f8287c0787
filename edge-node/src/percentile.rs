//! Order statistics of measured times.

use std::time::Duration;

/// The smallest of `times` that at least `share` of them do not exceed (nearest rank), in
/// milliseconds; `None` where there are none.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank within a slice's length"
)]
pub(crate) fn percentile_ms(times: &[Duration], share: f64) -> Option<f64> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).map(|time| time.as_secs_f64() * 1e3)
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
}
