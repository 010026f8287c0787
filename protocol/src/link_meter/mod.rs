//! What a link does to packets, estimated while it is used.
//!
//! Round trips and losses are smoothed, with the deviation of what was seen around the mean. A link that
//! has changed for good is not smoothed away: once the samples of one side add up (the CUSUM test of
//! Page 1954), the past is forgotten and the mean starts anew from what came last.
//!
//! # Invariants
//!
//! - **No clock.** Samples are handed in, evenly or not.

mod gauge;

use crate::Receipt;
use gauge::Gauge;
use profile::{Estimate, LinkEstimate, LinkTerms};
use std::time::Duration;

/// Before anything was measured, and how far that may be off.
const RTT_MS_FIRST: Estimate = Estimate { mean: 50.0, deviation: 50.0 };

/// Smaller pieces come out of buffers on the way.
const TELLING_BYTES_MIN: usize = 16 << 10;
const TELLING_TIME_MIN: Duration = Duration::from_millis(2);

/// Whether `bytes` that came in one piece in `took` say what the link carries: what is over in a moment says
/// nothing of it.
pub fn tells_rate(bytes: usize, took: Duration) -> bool {
    bytes >= TELLING_BYTES_MIN && took >= TELLING_TIME_MIN
}

/// One link, measured.
#[derive(Debug)]
pub struct LinkMeter {
    terms: LinkTerms,
    rtt_ms: Gauge,
    loss: Gauge,
    /// Of what went in one piece, by the peer's word.
    up_mbps: Gauge,
    /// Of what came in one piece.
    down_mbps: Gauge,
    /// Packets sent and lost when they were last looked at.
    packets: (u64, u64),
}

impl LinkMeter {
    /// Of which nothing is measured yet.
    pub fn new(terms: LinkTerms) -> Self {
        let [rtt_ms, loss, up_mbps, down_mbps] = std::array::from_fn(|_| Gauge::default());
        Self { terms, rtt_ms, loss, up_mbps, down_mbps, packets: (0, 0) }
    }

    /// A round trip took so long.
    pub fn handle_rtt(&mut self, sample: Duration) {
        self.rtt_ms.observe(sample.as_secs_f64() * 1e3);
    }

    /// So many packets were sent and lost since the connection began; fewer than before is another one.
    pub fn handle_packets(&mut self, sent: u64, lost: u64) {
        let (sent_before, lost_before) = match sent < self.packets.0 {
            true => (0, 0),
            false => self.packets,
        };
        if let Some(share) = share(lost.saturating_sub(lost_before), sent - sent_before) {
            self.loss.observe(share);
        }
        self.packets = (sent, lost);
    }

    /// The peer says how fast it got what this node sent.
    pub fn handle_receipt(&mut self, receipt: Receipt) {
        let took = Duration::from_micros(receipt.us.into());
        observe_rate(&mut self.up_mbps, receipt.bytes as usize, took);
    }

    /// So many bytes came from the peer as fast as it could send them, in so long.
    pub fn handle_download(&mut self, bytes: usize, took: Duration) {
        observe_rate(&mut self.down_mbps, bytes, took);
    }

    /// What is to be expected of it: what was measured, and before that what its terms say.
    pub fn estimate(&self) -> LinkEstimate {
        let LinkTerms { up_mbps, down_mbps, price_per_gigabyte } = self.terms;
        LinkEstimate {
            rtt_ms: self.rtt_ms.estimate().unwrap_or(RTT_MS_FIRST),
            loss: self.loss.estimate().unwrap_or(Estimate { mean: 0.0, deviation: 0.0 }),
            up_mbps: self.up_mbps.estimate().unwrap_or(up_mbps),
            down_mbps: self.down_mbps.estimate().unwrap_or(down_mbps),
            price_per_gigabyte,
        }
    }
}

fn observe_rate(mbps: &mut Gauge, bytes: usize, took: Duration) {
    if tells_rate(bytes, took) {
        #[expect(clippy::cast_precision_loss, reason = "a rate needs few digits")]
        let megabits = bytes as f64 * 8.0 / 1e6;
        mbps.observe(megabits / took.as_secs_f64());
    }
}

/// Of at least one.
fn share(part: u64, whole: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a share needs few digits")]
    let share = part as f64 / whole as f64;
    (whole > 0).then(|| share.min(1.0))
}

#[cfg(test)]
mod tests;
