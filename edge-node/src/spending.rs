//! What a request takes of time, energy and money, gathered while it runs.

use crate::device::Device;
use serde::Serialize;
use std::time::{Duration, Instant};
use transport::{Traffic, clock};

/// Where the time of a request went, in milliseconds; adds up to all of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct TimeSplit {
    /// The device's own passes.
    pub compute: f64,
    /// Before its turn.
    pub queue: f64,
    /// Round trips that it waited for, by the measured round trip.
    pub network: f64,
    /// The rest: other nodes computed, or nothing could be done.
    pub waiting: f64,
}

/// One request's.
#[derive(Debug)]
pub(crate) struct Spending {
    began: Instant,
    computed: Duration,
    /// What the target's node computed for it, by its word.
    target: Duration,
}

/// What it came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Spent {
    pub(crate) time: TimeSplit,
    pub(crate) money: f64,
    pub(crate) energy_j: Option<f64>,
}

impl Spending {
    /// Of a request that began then.
    pub(crate) const fn since(began: Instant) -> Self {
        Self { began, computed: Duration::ZERO, target: Duration::ZERO }
    }

    /// The device has computed for so long.
    pub(crate) fn compute(&mut self, took: Duration) {
        self.computed += took;
    }

    /// The target's node has.
    pub(crate) fn target(&mut self, took: Duration) {
        self.target += took;
    }

    /// Of a request that ends now on `device`, and had nothing to do with anybody else.
    pub(crate) fn end_alone(&self, device: &Device) -> Spent {
        self.end(device, Traffic::default(), (0, 0.0))
    }

    /// Of a request that ends now on `device`, and waited for so many answers of a peer from whom one takes
    /// `rtt_ms`.
    pub(crate) fn end(&self, device: &Device, traffic: Traffic, waits: (u64, f64)) -> Spent {
        let (all_s, computed_s) =
            ((clock::now() - self.began).as_secs_f64(), self.computed.as_secs_f64());
        let time = split(all_s, computed_s, waits);
        let power = device.config.profile.power;
        let energy_j = power.map(|power| {
            let (idle_w, busy_w) = (f64::from(power.idle_w), f64::from(power.busy_w));
            idle_w * all_s + (busy_w - idle_w) * computed_s.min(all_s)
        });
        let link = device.config.link.price_per_gigabyte.unwrap_or(0.0);
        #[expect(clippy::cast_precision_loss, reason = "bytes of a reply are far below 2^52")]
        let bytes = (traffic.udp.sent.0 + traffic.udp.received.0) as f64;
        let target_h = self.target.as_secs_f64() / 3_600.0;
        let money = bytes / 1e9 * link + target_h * device.price_of_the_target();
        Spent { time, money, energy_j }
    }
}

impl Device {
    /// What an hour of the computing of those costs who run the target, as the dearest of the peers says; 0 where
    /// none does.
    fn price_of_the_target(&self) -> f64 {
        let price =
            |uplink: &transport::Uplink| uplink.welcome()?.reach.as_ref()?.node.price_per_hour;
        self.uplinks.each().filter_map(|(_, uplink)| price(uplink)).fold(0.0, f64::max)
    }
}

/// Of `all_s` seconds, in `computed_s` of which the device was busy.
fn split(all_s: f64, computed_s: f64, (answers, rtt_ms): (u64, f64)) -> TimeSplit {
    let compute = computed_s.min(all_s) * 1e3;
    let idle = (all_s * 1e3 - compute).max(0.0);
    #[expect(clippy::cast_precision_loss, reason = "a reply has few answers")]
    let network = (answers as f64 * rtt_ms).min(idle);
    TimeSplit { compute, queue: 0.0, network, waiting: idle - network }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_the_time_add_up_to_all_of_it() {
        let sum = |split: TimeSplit| split.compute + split.queue + split.network + split.waiting;
        for (all_s, computed_s, waits) in [
            (1.0, 0.25, (5, 50.0)),
            (1.0, 2.0, (5, 50.0)),
            (0.2, 0.1, (100, 50.0)),
            (0.0, 0.0, (0, 0.0)),
        ] {
            let split = split(all_s, computed_s, waits);
            assert!((sum(split) - all_s * 1e3).abs() < 1e-9, "{split:?}");
        }
        let split = split(1.0, 0.25, (5, 50.0));
        assert_eq!((split.compute, split.network, split.waiting), (250.0, 250.0, 500.0));
    }
}
