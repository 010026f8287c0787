//! What a link is like most of the time: what a planner expects of it before it has measured anything.

use crate::profile::{Burst, Direction};
use crate::{Distribution, Emulation};

/// Quantiles that a mean is taken over.
const POINTS: u32 = 200;

/// What to expect of a link, each with its standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Typical {
    /// Both ways together, without waiting in a queue, in milliseconds.
    pub rtt_ms: (f64, f64),
    /// The share of datagrams that are lost, the mean of both ways, outages aside.
    pub loss: f64,
    /// From the node that dials; `None` where it has no bound or a trace says it.
    pub up_mbps: Option<(f64, f64)>,
    /// Towards it.
    pub down_mbps: Option<(f64, f64)>,
}

impl Emulation {
    /// What to expect of it, by its profile alone: tables and traces are not looked at.
    pub fn typical(&self) -> Typical {
        let (up, down) = (&self.profile.up, &self.profile.down);
        let (there, back) = (spread(&up.delay_ms), spread(&down.delay_ms));
        let rate = |direction: &Direction| direction.rate_mbps.as_ref().map(usual);
        Typical {
            rtt_ms: (there.0 + back.0, there.1.hypot(back.1)),
            loss: f64::midpoint(lost(up), lost(down)),
            up_mbps: rate(up),
            down_mbps: rate(down),
        }
    }
}

/// Mean and standard deviation.
fn spread(distribution: &Distribution) -> (f64, f64) {
    let values =
        (0..POINTS).map(|at| distribution.quantile((f64::from(at) + 0.5) / f64::from(POINTS)));
    let mean = values.clone().sum::<f64>() / f64::from(POINTS);
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / f64::from(POINTS);
    (mean, variance.sqrt())
}

/// The median, and what would be the standard deviation if the middle half were a normal one's: a second
/// at hardly any rate says little of the others.
fn usual(rate: &Distribution) -> (f64, f64) {
    /// Between the quartiles of a normal distribution of deviation 1.
    const QUARTILES: f64 = 1.349;
    (rate.quantile(0.5), (rate.quantile(0.75) - rate.quantile(0.25)) / QUARTILES)
}

/// By chance, and in bad times.
fn lost(direction: &Direction) -> f64 {
    let bad = direction.burst.map_or(0.0, |Burst { enter, leave, loss }| {
        let share = enter / (enter + leave).max(f64::MIN_POSITIVE);
        share * loss
    });
    direction.loss + (1.0 - direction.loss) * bad
}

#[cfg(test)]
mod tests {
    use crate::LinkProfile;

    #[test]
    fn a_plain_link_is_what_it_says() {
        let text =
            "about = ''\n[up]\ndelay_ms = 10\nloss = 0.02\n[down]\ndelay_ms = 15\nrate_mbps = 8\n";
        let no_traces = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
        let typical = LinkProfile::parse(text).unwrap().resolve(no_traces).unwrap().typical();
        assert_eq!(typical.rtt_ms, (25.0, 0.0));
        assert_eq!((typical.up_mbps, typical.down_mbps), (None, Some((8.0, 0.0))));
        assert!((typical.loss - 0.01).abs() < 1e-12);
    }

    #[test]
    fn a_link_of_the_ladder_is_slower_than_its_median_and_wavers() {
        let typical = LinkProfile::named("lte-driving").unwrap().typical();
        // The medians of both ways are 70 ms.
        assert!((70.0..100.0).contains(&typical.rtt_ms.0), "{typical:?}");
        assert!(typical.rtt_ms.1 > 10.0, "{typical:?}");
        assert_eq!(typical.up_mbps.map(|(rate, _)| rate), Some(1.6));
    }
}
