//! How fast bytes leave the queue.

use crate::series::Series;
use crate::trace::Opportunities;
use std::time::Duration;

/// What waits longer than this for its turn is lost: nobody wants it any more.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// How many bytes a direction carries, and when.
#[derive(Debug, Clone)]
pub(crate) enum Capacity {
    /// As many as there are.
    Unlimited,
    /// Bytes a second.
    Rate(Series),
    /// At recorded times.
    Recorded(Opportunities),
}

impl Capacity {
    /// When the last of `bytes` leaves whose turn comes at `turn`; `None` where that is too late.
    pub(crate) fn departure(&mut self, turn: Duration, bytes: usize) -> Option<Duration> {
        match self {
            Self::Unlimited => Some(turn),
            Self::Rate(rate) => at_rate(rate, turn, bytes),
            Self::Recorded(opportunities) => opportunities.departure(turn, bytes),
        }
    }
}

fn at_rate(rate: &mut Series, turn: Duration, bytes: usize) -> Option<Duration> {
    let (mut now, mut left) = (turn, bytes as f64);
    while now <= turn + WAIT_MAX {
        let (per_second, end) = (rate.at(now), rate.holds_until(now));
        let carried = per_second * (end - now).as_secs_f64();
        if carried >= left && carried > 0.0 {
            return Some(now + Duration::from_secs_f64(left / per_second));
        }
        left -= carried;
        now = end;
    }
    None
}
