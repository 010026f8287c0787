//! One direction of a link.

use crate::capacity::Capacity;
use crate::dice::Dice;
use crate::loss::Loss;
use crate::outages::Outages;
use crate::profile::Reorder;
use crate::series::Series;
use std::collections::VecDeque;
use std::time::Duration;

/// When the copies of a datagram arrive; none where it is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrivals(pub(crate) [Option<Duration>; 2]);

impl Arrivals {
    const NONE: Self = Self([None, None]);

    /// Each arrival, in time since the link began.
    pub fn iter(self) -> impl Iterator<Item = Duration> {
        self.0.into_iter().flatten()
    }
}

/// What became of the datagrams of a direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// All that were offered.
    pub offered: u64,
    /// Offered or on their way out during an outage.
    pub cut: u64,
    /// Lost because the queue was full, or their turn too far away.
    pub overflowed: u64,
    /// Lost on the way.
    pub lost: u64,
    /// Held back, so that later ones overtook them.
    pub reordered: u64,
    /// Arrived twice.
    pub repeated: u64,
}

/// One direction of a link: when, and how often, does a datagram arrive.
#[derive(Debug, Clone)]
pub struct Pipe {
    pub(crate) outages: Outages,
    pub(crate) capacity: Capacity,
    pub(crate) queue_bytes_max: usize,
    pub(crate) loss: Loss,
    /// Seconds.
    pub(crate) delay: Series,
    pub(crate) reorder: Option<Reorder>,
    pub(crate) repeat: f64,
    pub(crate) dice: Dice,
    /// What has not left yet, and when it will.
    pub(crate) queue: VecDeque<(Duration, usize)>,
    /// Bytes of all that.
    pub(crate) waiting: usize,
    pub(crate) arrived_last: Duration,
    pub(crate) tally: Tally,
}

impl Pipe {
    /// A datagram of `bytes` is sent at `now`, in time since the link began; `now` never falls.
    pub fn offer(&mut self, now: Duration, bytes: usize) -> Arrivals {
        self.tally.offered += 1;
        if self.outages.cover(now) {
            self.tally.cut += 1;
            return Arrivals::NONE;
        }
        let Some(leaves) = self.enqueue(now, bytes) else {
            self.tally.overflowed += 1;
            return Arrivals::NONE;
        };
        if self.outages.cover(leaves) {
            self.tally.cut += 1;
            return Arrivals::NONE;
        }
        if self.loss.takes(leaves) {
            self.tally.lost += 1;
            return Arrivals::NONE;
        }
        let first = self.arrival(leaves);
        let repeated = self.dice.chance(self.repeat);
        self.tally.repeated += u64::from(repeated);
        Arrivals([Some(first), repeated.then_some(first)])
    }

    /// What became of all datagrams so far.
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// When a datagram leaves the queue; `None` where it does not fit.
    fn enqueue(&mut self, now: Duration, bytes: usize) -> Option<Duration> {
        while let Some((_, bytes)) = self.queue.pop_front_if(|(leaves, _)| *leaves <= now) {
            self.waiting -= bytes;
        }
        // A datagram that finds the line free has a place, however small the queue.
        if !self.queue.is_empty() && self.waiting + bytes > self.queue_bytes_max {
            return None;
        }
        let turn = self.queue.back().map_or(now, |(leaves, _)| *leaves);
        let leaves = self.capacity.departure(turn, bytes)?;
        if leaves > now {
            self.queue.push_back((leaves, bytes));
            self.waiting += bytes;
        }
        Some(leaves)
    }

    /// In the order of sending, but for those that are held back.
    fn arrival(&mut self, leaves: Duration) -> Duration {
        let arrives = leaves + Duration::from_secs_f64(self.delay.at(leaves));
        let arrives = arrives.max(self.arrived_last);
        match self.reorder {
            Some(Reorder { chance, ms }) if self.dice.chance(chance) => {
                self.tally.reordered += 1;
                arrives + Duration::from_secs_f64(ms / 1e3)
            }
            Some(_) | None => {
                self.arrived_last = arrives;
                arrives
            }
        }
    }
}
