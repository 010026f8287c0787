//! How fast parts may leave, so that no token waits behind them.
//!
//! Parts and tokens of one link go through the same queue at its narrowest place. What QUIC's own
//! congestion control lets through fills that queue: it stops at loss, when a token waits for as long as
//! the router has memory. So while tokens flow, parts leave at a pace of their own, that of a *scavenger*:
//! it takes what is left over, and gives way by delay, before anything is lost. That is LEDBAT (RFC 6817):
//!
//! ```text
//!   queueing = round trip now - base           base: the shortest of the last BASE_FOR
//!   off      = 1 - queueing / target           1: the queue is empty; 0: as it should be; below: too long
//!   off > 0  window += window * off * step     in a round trip; only where the pacer held parts back
//!   off < 0  window -= window * min(DOWN_MAX, -off * DOWN)
//!   rate     = window / round trip now
//! ```
//!
//! Three things differ from the RFC, for want of acknowledgements at this height, and of its years:
//!
//! - The window is not counted in flight but turned into a rate, by the round trip as it is now: a queue
//!   that grows slows the rate at once, before the window is touched, as a counted window would.
//! - The step is a share of the window, not a packet: links differ by a factor of a thousand, and a
//!   segment is over before packets add up. It is a quarter until a queue is felt, and again after none
//!   was felt for long; a sixteenth else. More than the target is answered by a share of the window as
//!   well (LEDBAT++, draft-irtf-iccrg-ledbat-plus-plus, which also has the next point).
//! - A queue that is held at the target hides the base. Where the base was not seen for `DRAIN_EVERY`, the
//!   rate is cut to `DRAIN_SHARE` until the queue is empty and the round trip has been seen without it.
//!
//! While no tokens flow nobody waits, and parts go as fast as QUIC takes them. When tokens begin to flow,
//! the pace begins anew.
//!
//! Loss is left to QUIC, whose window then says when it takes more.

use crate::limits::SEGMENT_PART_LEN_MAX;
use std::time::{Duration, Instant};

/// The target is a quarter of the base: on a long way more of a wait goes unnoticed, and the round trip
/// must move by more than its jitter to tell anything.
const TARGET_SHARE: f64 = 0.25;

/// And not below that: half of the time between two tokens at 20 a second. Timers, and acknowledgements
/// that a peer holds back for up to 25 ms (RFC 9000, 13.2.1), look like a queue of some milliseconds.
const TARGET_S_MIN: f64 = 0.025;

/// Nor above: the most that RFC 6817 lets a target be.
const TARGET_S_MAX: f64 = 0.1;

/// How long the shortest round trip counts: a path that has changed is believed after that.
const BASE_FOR: Duration = Duration::from_secs(10);

/// The base's memory is so many slots.
const BASE_SLOTS: usize = 10;

/// How long the base may go unseen.
const DRAIN_EVERY: Duration = Duration::from_secs(5);

/// Of the rate, while the queue drains. Not none: what arrives meanwhile says how long the round trip is.
const DRAIN_SHARE: f64 = 0.25;

/// Of the target: a queue so short is none.
const EMPTY_SHARE: f64 = 0.2;

/// What the window grows by in a round trip of an empty queue: at first, and once the queue was felt.
const STEP_FIRST: f64 = 0.25;
const STEP: f64 = 1.0 / 16.0;

/// Of the target: a queue so long is felt.
const FELT_SHARE: f64 = 0.5;

/// A queue that was not felt for so long, and so many round trips: the link has become another one.
const UNFELT_FOR: Duration = Duration::from_millis(500);
const UNFELT_ROUNDS: f64 = 8.0;

/// What is left of the first window once the queue is felt: what it was two round trips before, when the
/// queue began.
const FELT_LEFT: f64 = 1.0 / ((1.0 + STEP_FIRST) * (1.0 + STEP_FIRST));

/// What it shrinks by in a round trip, of what the queue is above its target.
const DOWN: f64 = 0.25;

/// What it shrinks by in a round trip at most.
const DOWN_MAX: f64 = 0.5;

/// The window at the beginning: four packets. QUIC begins with ten (RFC 9002, 7.2), LEDBAT with two.
const WINDOW_FIRST: f64 = 4_800.0;

/// The window is never below: two of the smallest parts in a round trip, however long that has become.
const WINDOW_MIN: f64 = 2.0 * 1024.0;

/// Bytes a second that no link of ours exceeds, 10 Gbit/s: what nothing ever holds up does not grow on.
const RATE_MAX: f64 = 1.25e9;

/// Before one is known.
const RTT_S_FIRST: f64 = 0.1;

/// Round trips below that are those of one machine, where timers say nothing.
const RTT_S_MIN: f64 = 0.001;

/// How long a part may keep a link to itself, at the rate. And how far parts may be behind their time and
/// make up for it: a timer wakes late.
const PART_S: f64 = 0.01;
const BEHIND_MAX: Duration = Duration::from_millis(10);

/// Bytes of the smallest part: a packet.
const PART_LEN_MIN: u32 = 1024;

#[derive(Debug)]
pub(super) struct Pacer {
    tokens_flow: bool,
    /// Seconds, now.
    rtt: f64,
    base: Base,
    /// Bytes in a round trip.
    window: f64,
    /// No queue was felt yet, or not for long.
    starts: bool,
    /// When a queue was felt.
    felt_at: Instant,
    /// Parts wanted to leave, and could not, since the last step.
    held_back: bool,
    stepped_at: Instant,
    /// When the queue was empty, or was let drain.
    empty_at: Instant,
    drains: Option<Drain>,
    next_at: Instant,
}

/// The queue is let drain.
#[derive(Debug, Clone, Copy)]
struct Drain {
    until: Instant,
    /// Bytes a second, before and after.
    rate: f64,
}

/// The shortest round trip of the last seconds.
#[derive(Debug)]
struct Base {
    /// In seconds; the newest slot first.
    slots: [f64; BASE_SLOTS],
    /// When the newest slot began.
    since: Instant,
}

impl Pacer {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            tokens_flow: true,
            rtt: RTT_S_FIRST,
            base: Base { slots: [f64::INFINITY; BASE_SLOTS], since: now },
            window: WINDOW_FIRST,
            starts: true,
            felt_at: now,
            held_back: false,
            stepped_at: now,
            empty_at: now,
            drains: None,
            next_at: now,
        }
    }

    /// The round trip is so long now, and tokens flow or not.
    pub(super) fn handle_path(&mut self, now: Instant, rtt: Duration, tokens_flow: bool) {
        self.rtt = rtt.as_secs_f64().max(RTT_S_MIN);
        self.base.observe(now, self.rtt);
        if tokens_flow && !self.tokens_flow {
            (self.window, self.starts) = (WINDOW_FIRST, true);
            (self.felt_at, self.empty_at, self.drains) = (now, now, None);
            (self.stepped_at, self.next_at) = (now, now);
        }
        self.tokens_flow = tokens_flow;
        if tokens_flow {
            self.step(now);
        }
    }

    /// How many of `left` bytes may leave now.
    pub(super) fn poll_send(&mut self, now: Instant, left: u32) -> Option<u32> {
        if !self.tokens_flow {
            return Some(left.min(SEGMENT_PART_LEN_MAX));
        }
        if now < self.next_at {
            self.held_back = true;
            return None;
        }
        let bytes = left.min(self.part_len());
        let behind = now.checked_sub(BEHIND_MAX).unwrap_or(now);
        let takes = Duration::from_secs_f64(f64::from(bytes) / self.rate());
        self.next_at = self.next_at.max(behind) + takes;
        Some(bytes)
    }

    /// When more may leave.
    pub(super) fn next_at(&self) -> Instant {
        self.next_at
    }

    /// Bytes a second.
    fn rate(&self) -> f64 {
        match self.drains {
            Some(Drain { rate, .. }) => (rate * DRAIN_SHARE).max(WINDOW_MIN / self.rtt),
            None => self.window / self.rtt,
        }
    }

    /// A power of two: what the rate lets through in [`PART_S`], or less.
    fn part_len(&self) -> u32 {
        let lets_through = self.rate() * PART_S;
        let mut length = SEGMENT_PART_LEN_MAX;
        while length > PART_LEN_MIN && f64::from(length) > lets_through {
            length /= 2;
        }
        length
    }

    fn step(&mut self, now: Instant) {
        let base = self.base.shortest();
        let target = (base * TARGET_SHARE).clamp(TARGET_S_MIN, TARGET_S_MAX);
        let queueing = self.rtt - base;
        let rounds = now.saturating_duration_since(self.stepped_at).as_secs_f64() / self.rtt;
        self.stepped_at = now;
        let held_back = std::mem::take(&mut self.held_back);
        if queueing <= target * EMPTY_SHARE {
            self.empty_at = now;
        }
        if let Some(Drain { until, rate }) = self.drains {
            if now < until {
                return;
            }
            // The round trip is a shorter one now: as much in it would be another rate.
            self.window = (rate * self.rtt).max(WINDOW_MIN);
            (self.drains, self.empty_at) = (None, now);
        } else if now.saturating_duration_since(self.empty_at) > DRAIN_EVERY {
            let takes = Duration::from_secs_f64(2.0 * self.rtt + 2.0 * queueing);
            self.drains = Some(Drain { until: now + takes, rate: self.rate() });
            return;
        }
        let off = 1.0 - queueing / target;
        self.feel(now, queueing >= target * FELT_SHARE);
        if off < 0.0 {
            self.window *= 1.0 - (-off * DOWN).min(DOWN_MAX) * rounds.min(1.0);
        } else if held_back {
            let step = if self.starts { STEP_FIRST } else { STEP };
            self.window += off * step * self.window * rounds.min(1.0);
        }
        self.window = self.window.clamp(WINDOW_MIN, RATE_MAX * self.rtt);
    }

    /// Ends the first growth where a queue is felt, and begins it again where none was for long.
    fn feel(&mut self, now: Instant, felt: bool) {
        if felt {
            self.felt_at = now;
        }
        if felt && self.starts {
            self.starts = false;
            self.window *= FELT_LEFT;
        }
        let unfelt = now.saturating_duration_since(self.felt_at);
        self.starts |= unfelt > UNFELT_FOR.max(Duration::from_secs_f64(self.rtt * UNFELT_ROUNDS));
    }
}

impl Base {
    fn observe(&mut self, now: Instant, rtt: f64) {
        let slot = BASE_FOR / u32::try_from(BASE_SLOTS).unwrap_or(1);
        for _ in 0..BASE_SLOTS {
            if now.saturating_duration_since(self.since) < slot {
                break;
            }
            self.slots.rotate_right(1);
            (self.slots[0], self.since) = (f64::INFINITY, self.since + slot);
        }
        if now.saturating_duration_since(self.since) >= slot {
            self.since = now;
        }
        self.slots[0] = self.slots[0].min(rtt);
    }

    fn shortest(&self) -> f64 {
        self.slots.iter().copied().fold(f64::INFINITY, f64::min)
    }
}
