//! How long a message takes over a link, and what its bytes cost.
//!
//! ```text
//!   one way  =  rtt / 2  +  bytes / bandwidth / (1 - loss)  +  rtt * (1 - (1 - loss)^packets) / (1 - loss)
//! ```
//!
//! The last term is the wait for what is lost: the chance that any packet of the message is, one round
//! trip to notice it, and as many tries as that chance asks for again.
//!
//! The first message that is larger than a window also waits for the sender to feel its way: it sends a
//! window, hears of it a round trip later, and sends one of twice the size.

use crate::held_back_s;
use profile::LinkEstimate;

/// What a frame and the packet around it add to what they carry: header, checksum, QUIC, UDP, IP.
pub(crate) const FRAME_BYTES: f64 = 50.0;

/// A token id on the wire, 2 to 4 bytes.
pub(crate) const TOKEN_BYTES: f64 = 3.0;

/// What a packet carries on most paths.
const PACKET_BYTES: f64 = 1_200.0;

/// What a sender may send before it hears of any of it: ten packets (RFC 9002, 7.2).
const FIRST_WINDOW_BYTES: f64 = 10.0 * PACKET_BYTES;

/// Slower than anybody would use: keeps a link without measured rate from dividing by zero.
const MBPS_MIN: f64 = 1e-3;

/// More is an outage, not a link.
const LOSS_MAX: f64 = 0.5;

/// A link, in seconds and bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hop {
    rtt_s: f64,
    loss: f64,
    up_s_per_byte: f64,
    down_s_per_byte: f64,
    price_per_byte: Option<f64>,
}

/// One message, one way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Transfer {
    /// Seconds from the first byte sent to the last one there.
    pub(crate) takes_s: f64,
    /// Seconds for which the link is busy with it.
    pub(crate) fills_s: f64,
}

impl Hop {
    pub(crate) fn new(link: &LinkEstimate) -> Self {
        let seconds_per_byte = |mbps: f64| 8.0 / (mbps.max(MBPS_MIN) * 1e6);
        Self {
            rtt_s: link.rtt_ms.mean.max(0.0) / 1e3,
            loss: link.loss.mean.clamp(0.0, LOSS_MAX),
            up_s_per_byte: seconds_per_byte(link.up_mbps.mean),
            down_s_per_byte: seconds_per_byte(link.down_mbps.mean),
            price_per_byte: link.price_per_gigabyte.map(|price| price / 1e9),
        }
    }

    /// Towards the target.
    pub(crate) fn up(&self, bytes: f64) -> Transfer {
        self.transfer(bytes, self.up_s_per_byte)
    }

    /// From the target.
    pub(crate) fn down(&self, bytes: f64) -> Transfer {
        self.transfer(bytes, self.down_s_per_byte)
    }

    /// Seconds for which the first `bytes` towards the target wait for a larger window.
    pub(crate) fn slow_start_up_s(&self, bytes: f64) -> f64 {
        self.slow_start_s(bytes, self.up_s_per_byte)
    }

    /// The same from the target.
    pub(crate) fn slow_start_down_s(&self, bytes: f64) -> f64 {
        self.slow_start_s(bytes, self.down_s_per_byte)
    }

    /// Of `bytes`, those that somebody counts.
    pub(crate) fn metered(&self, bytes: f64) -> f64 {
        self.price_per_byte.map_or(0.0, |_| bytes)
    }

    /// What `bytes` cost.
    pub(crate) fn money(&self, bytes: f64) -> f64 {
        self.price_per_byte.unwrap_or_default() * bytes
    }

    /// Seconds by which segments of KV come later than the link would carry them.
    pub(crate) fn segments_held_back_s(&self) -> f64 {
        held_back_s(self.rtt_s, 1.0 / self.down_s_per_byte)
    }

    fn slow_start_s(&self, bytes: f64, seconds_per_byte: f64) -> f64 {
        let (mut window, mut sent, mut waits_s) = (FIRST_WINDOW_BYTES, FIRST_WINDOW_BYTES, 0.0);
        while sent < bytes {
            waits_s += (self.rtt_s - window * seconds_per_byte).max(0.0);
            window *= 2.0;
            sent += window;
        }
        waits_s
    }

    fn transfer(&self, bytes: f64, seconds_per_byte: f64) -> Transfer {
        let arrives = 1.0 - self.loss;
        let fills_s = bytes * seconds_per_byte / arrives;
        let packets = (bytes / PACKET_BYTES).ceil();
        let repeats = (1.0 - arrives.powf(packets)) / arrives;
        Transfer { takes_s: self.rtt_s * (0.5 + repeats) + fills_s, fills_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use profile::Estimate;

    fn hop(rtt_ms: f64, loss: f64, mbps: f64) -> Hop {
        Hop::new(&LinkEstimate {
            rtt_ms: Estimate::exactly(rtt_ms),
            loss: Estimate::exactly(loss),
            up_mbps: Estimate::exactly(mbps),
            down_mbps: Estimate::exactly(2.0 * mbps),
            price_per_gigabyte: Some(4.0),
        })
    }

    fn ms(transfer: Transfer) -> f64 {
        (transfer.takes_s * 1e6).round() / 1e3
    }

    #[test]
    fn a_message_takes_half_a_round_trip_its_bytes_and_its_losses() {
        // 1 Mbit/s is 8 us a byte. 1,000 bytes are one packet, 2,400 are two.
        assert_eq!(ms(hop(40.0, 0.0, 1.0).up(1_000.0)), 20.0 + 8.0);
        assert_eq!(ms(hop(40.0, 0.0, 1.0).down(1_000.0)), 20.0 + 4.0);
        assert_eq!(ms(hop(40.0, 0.2, 1.0).up(1_000.0)), 20.0 + 10.0 + 40.0 * 0.25);
        assert_eq!(ms(hop(40.0, 0.2, 1.0).up(2_400.0)), 20.0 + 24.0 + 40.0 * 0.45);
    }

    #[test]
    fn the_first_large_message_waits_a_round_trip_for_each_doubling_that_is_not_filled() {
        let waits_ms = |mbps, bytes| hop(40.0, 0.0, mbps).slow_start_up_s(bytes) * 1e3;
        assert_eq!(waits_ms(1e9, 12_000.0).round(), 0.0);
        assert_eq!(waits_ms(1e9, 12_001.0).round(), 40.0);
        assert_eq!(waits_ms(1e9, 36_001.0).round(), 80.0);
        // 12,000 bytes fill 4 Mbit/s for 24 ms, and 24,000 for longer than a round trip.
        assert_eq!(waits_ms(4.0, 40_000.0).round(), 16.0);
        // Down it has twice the rate, and is filled for half as long.
        assert_eq!((hop(40.0, 0.0, 4.0).slow_start_down_s(40_000.0) * 1e3).round(), 28.0 + 16.0);
    }

    #[test]
    fn a_link_without_rate_is_slow_and_no_division_by_zero() {
        let transfer = hop(0.0, 0.9, 0.0).up(100.0);
        assert!(transfer.takes_s.is_finite() && transfer.takes_s > 1.0);
    }

    #[test]
    fn bytes_cost_where_they_are_counted() {
        assert_eq!(hop(1.0, 0.0, 1.0).money(5e8), 2.0);
        assert_eq!(hop(1.0, 0.0, 1.0).metered(7.0), 7.0);
        let free = Hop { price_per_byte: None, ..hop(1.0, 0.0, 1.0) };
        assert_eq!((free.money(7.0), free.metered(7.0)), (0.0, 0.0));
    }
}
