//! What crosses the links while a reply is spoken, and when that is nearly what it may take.

use crate::crossing::Crossing;
use std::time::{Duration, Instant};

/// What still crosses after a reply is ended: words that are under way, and the goodbye.
const PARTING_BYTES: u64 = 4_096;

/// How often it is looked: a reply of a fast target takes some hundred bytes meanwhile.
const PERIOD: Duration = Duration::from_millis(10);

/// The bytes of one reply.
#[derive(Debug)]
pub(super) struct ByteBudget {
    bytes_max: u64,
    next: Instant,
    spent: bool,
}

impl ByteBudget {
    /// Of a reply that begins now, and may take so many.
    pub(super) const fn new(bytes_max: u64, now: Instant) -> Self {
        Self { bytes_max, next: now, spent: false }
    }

    /// When to look again; `None` once there is nothing left.
    pub(super) fn next(&self) -> Option<Instant> {
        (!self.spent).then_some(self.next)
    }

    /// Looks, where it is time to. Whether the budget is spent by that.
    pub(super) fn look(&mut self, now: Instant, crossing: &Crossing) -> bool {
        if self.spent || now < self.next {
            return false;
        }
        self.next = now + PERIOD;
        let udp = crossing.so_far().udp;
        self.spent = udp.sent.0 + udp.received.0 + PARTING_BYTES >= self.bytes_max;
        self.spent
    }

    /// Whether that was why the reply ended.
    pub(super) const fn is_spent(&self) -> bool {
        self.spent
    }
}
