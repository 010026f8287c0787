//! A link with a narrow place, and a QUIC of few words that sends over it: tokens first, then parts.
//!
//! The narrow place serves packets in order, at its rate, and drops what its buffer does not hold. The
//! sender has a congestion window (slow start, then a packet a round trip; half of it after a loss, as RFC
//! 9002 has it), paces packets at 5/4 of that window a round trip, smooths round trips by an eighth, sends
//! again what was lost, and takes parts as long as its stream's buffer has room.

use super::dawn;
use crate::dice::Dice;
use crate::{SegmentRequest, Serving, TextName};
use base::LayerRange;
use bytes::Bytes;
use std::time::{Duration, Instant};

const PACKET: f64 = 1200.0;

/// Bytes of parts that wait within QUIC.
const STREAM_BUFFER: f64 = 256.0 * 1024.0;

/// A timer fires on the millisecond.
const TICK: f64 = 0.001;

/// How often the shell looks at the path.
const LOOK_EVERY: f64 = 0.02;

/// Two verdicts after each other.
const TOKEN_EVERY: f64 = 0.02;

#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) mbps: f64,
    pub(super) base_ms: f64,
    /// What the narrow place's buffer holds, in the time that it takes to send.
    pub(super) buffer_ms: f64,
    /// Of a round trip, evenly spread, on top of the base.
    pub(super) jitter_ms: f64,
    /// What tokens take of the link.
    pub(super) tokens: f64,
}

/// What a stretch of time has seen.
#[derive(Debug)]
pub(super) struct Seen {
    /// How long each token waited behind others' packets, in milliseconds, ascending.
    pub(super) waits_ms: Vec<f64>,
    /// Of what tokens leave of the link, the share that parts got.
    pub(super) used: f64,
    /// Tokens that were dropped.
    pub(super) dropped: usize,
}

#[derive(Debug)]
struct Packet {
    bytes: f64,
    sent_at: f64,
    /// When the sender hears of it, or of its loss.
    heard_at: f64,
    lost: bool,
    part: bool,
}

#[derive(Debug)]
pub(super) struct Link {
    way: Way,
    dice: Dice,
    dawn: Instant,
    /// Seconds since then.
    now: f64,
    /// When the narrow place has sent all that it holds.
    free_at: f64,
    flying: Vec<Packet>,
    in_flight: f64,
    window: f64,
    threshold: f64,
    recovers_from: f64,
    budget: f64,
    srtt: f64,
    /// Bytes of parts that QUIC has taken, and not sent or has to send again.
    stream: f64,
    delivered: f64,
    waits_ms: Vec<f64>,
    dropped: usize,
    serving: Serving,
    segment: Bytes,
    requests: u32,
}

impl Seen {
    /// The longest wait of `percent` of the tokens.
    pub(super) fn wait_ms(&self, percent: usize) -> f64 {
        self.waits_ms[(self.waits_ms.len() * percent / 100).min(self.waits_ms.len() - 1)]
    }
}

impl Link {
    pub(super) fn new(way: Way, seed: u64) -> Self {
        let dawn = dawn();
        Self {
            way,
            dice: Dice(seed),
            dawn,
            now: 0.0,
            free_at: 0.0,
            flying: Vec::new(),
            in_flight: 0.0,
            window: 10.0 * PACKET,
            threshold: f64::INFINITY,
            recovers_from: 0.0,
            budget: 0.0,
            srtt: (way.base_ms + way.jitter_ms / 2.0) / 1e3,
            stream: 0.0,
            delivered: 0.0,
            waits_ms: Vec::new(),
            dropped: 0,
            serving: Serving::new(dawn),
            segment: vec![0; 1 << 20].into(),
            requests: 0,
        }
    }

    /// The way changes under way.
    pub(super) fn change(&mut self, way: Way) {
        self.way = way;
    }

    /// What happens in the next `seconds`, while tokens flow or not.
    pub(super) fn run(&mut self, seconds: f64, tokens_flow: bool) -> Seen {
        let (from, delivered) = (self.now, self.delivered);
        (self.waits_ms, self.dropped) = (Vec::new(), 0);
        let (mut look_at, mut token_at) = (self.now, self.now + TOKEN_EVERY);
        while self.now < from + seconds {
            self.now += TICK;
            self.hear();
            if tokens_flow && self.now >= token_at {
                token_at += TOKEN_EVERY;
                self.say();
            }
            if self.now >= look_at {
                look_at += LOOK_EVERY;
                let rtt = Duration::from_secs_f64(self.srtt);
                self.serving.handle_path(self.instant(), rtt, tokens_flow);
            }
            self.pull();
            self.send();
        }
        let tokens = if tokens_flow { self.way.tokens } else { 0.0 };
        let left = self.rate() * (1.0 - tokens) * seconds;
        self.waits_ms.sort_by(f64::total_cmp);
        Seen {
            waits_ms: std::mem::take(&mut self.waits_ms),
            used: (self.delivered - delivered) / left,
            dropped: self.dropped,
        }
    }

    /// Bytes a second.
    fn rate(&self) -> f64 {
        self.way.mbps * 1e6 / 8.0
    }

    fn instant(&self) -> Instant {
        self.dawn + Duration::from_secs_f64(self.now)
    }

    /// Acknowledgements and losses.
    fn hear(&mut self) {
        let now = self.now;
        let mut heard: Vec<Packet> = self.flying.extract_if(.., |p| p.heard_at <= now).collect();
        heard.sort_by(|a, b| a.heard_at.total_cmp(&b.heard_at));
        for packet in heard {
            self.in_flight -= packet.bytes;
            if packet.lost {
                if packet.part {
                    self.stream += packet.bytes;
                }
                if packet.sent_at > self.recovers_from {
                    self.window = (self.window / 2.0).max(2.0 * PACKET);
                    (self.threshold, self.recovers_from) = (self.window, now);
                }
                continue;
            }
            self.srtt += (packet.heard_at - packet.sent_at - self.srtt) / 8.0;
            if packet.part {
                self.delivered += packet.bytes;
            }
            if self.in_flight > self.window / 2.0 {
                let slow_start = self.window < self.threshold;
                let share = if slow_start { 1.0 } else { PACKET / self.window };
                self.window += packet.bytes * share;
            }
        }
    }

    /// The next token, and what belongs to it.
    fn say(&mut self) {
        let mut bytes = self.rate() * TOKEN_EVERY * self.way.tokens;
        let backlog = (self.free_at - self.now).max(0.0);
        self.waits_ms.push(backlog * 1e3);
        while bytes > 0.0 {
            if !self.enqueue(bytes.min(PACKET), false) {
                self.dropped += 1;
            }
            bytes -= PACKET;
        }
    }

    /// Whether the packet has got room in the narrow place's buffer.
    fn enqueue(&mut self, bytes: f64, part: bool) -> bool {
        let backlog = (self.free_at - self.now).max(0.0);
        let lost = backlog + bytes / self.rate() > self.way.buffer_ms / 1e3;
        if !lost {
            self.free_at = self.free_at.max(self.now) + bytes / self.rate();
        }
        let queued = if lost { backlog } else { self.free_at - self.now };
        let jitter_ms = self.dice.unit() * self.way.jitter_ms;
        let heard_at = self.now + queued + (self.way.base_ms + jitter_ms) / 1e3;
        self.in_flight += bytes;
        self.flying.push(Packet { bytes, sent_at: self.now, heard_at, lost, part });
        !lost
    }

    /// The shell hands on what the machine gives, while QUIC takes it.
    fn pull(&mut self) {
        let now = self.instant();
        while self.stream < STREAM_BUFFER {
            if self.serving.poll_work().is_some() {
                self.serving.handle_segment(Some(self.segment.clone()));
            }
            if let Some(frame) = self.serving.poll_transmit(now) {
                self.stream += frame.payload.len() as f64 + 16.0;
                continue;
            }
            if self.serving.poll_timeout().is_some() {
                return;
            }
            self.requests += 1;
            let texts = vec![TextName([0; 32]); 1024];
            let (request, layers) = (self.requests, LayerRange::all(1));
            let request = SegmentRequest { request, layers, format: 0, have: 0, texts };
            self.serving.handle_request(request).unwrap();
        }
    }

    fn send(&mut self) {
        let pace = 1.25 * self.window / self.srtt;
        self.budget = (self.budget + pace * TICK).min((pace * 2.0 * TICK).max(10.0 * PACKET));
        while self.stream > 0.0 && self.budget > 0.0 && self.in_flight + PACKET <= self.window {
            let bytes = self.stream.min(PACKET);
            self.stream -= bytes;
            self.budget -= bytes;
            self.enqueue(bytes, true);
        }
    }
}
