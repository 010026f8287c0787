//! One direction of a link: when, and how often, does a frame arrive.

use crate::dice::Dice;
use std::time::{Duration, Instant};

/// How a link treats frames, in both directions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) delay: Duration,
    pub(super) jitter: Duration,
    /// In percent. Any of the three makes the link a datagram link: nothing is repeated by itself.
    pub(super) loss: u64,
    pub(super) repeat: u64,
    pub(super) reorder: bool,
}

impl Weather {
    pub(super) const fn is_reliable(&self) -> bool {
        self.loss == 0 && self.repeat == 0 && !self.reorder
    }

    /// Long enough that an answer was due.
    pub(super) fn retransmit(&self) -> Option<Duration> {
        (!self.is_reliable()).then(|| (self.delay + self.jitter) * 4 + Duration::from_millis(60))
    }
}

#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) weather: Weather,
    /// When the link carries nothing. A reliable link delivers after it, as QUIC does.
    pub(super) cuts: Vec<(Instant, Instant)>,
    last: Option<Instant>,
}

/// What becomes of a frame that was on its way to an address that is no more.
#[derive(Debug, Clone, Copy)]
pub(super) enum Astray {
    /// Nobody sends it again.
    Lost,
    /// The carrier notices after so long, and sends it to the new address.
    Late(Duration),
}

impl Pipe {
    pub(super) const fn new(weather: Weather, cuts: Vec<(Instant, Instant)>) -> Self {
        Self { weather, cuts, last: None }
    }

    pub(super) fn cut_until(&self, now: Instant) -> Option<Instant> {
        self.cuts.iter().find(|(from, to)| (*from..*to).contains(&now)).map(|(_, to)| *to)
    }

    /// The receiver has another address from now on.
    pub(super) fn readdress(&mut self) -> Astray {
        if !self.weather.is_reliable() {
            return Astray::Lost;
        }
        let late = (self.weather.delay + self.weather.jitter) * 3;
        self.last = self.last.map(|last| last + late);
        Astray::Late(late)
    }

    /// When the copies of a frame that is sent now arrive.
    pub(super) fn arrivals(&mut self, now: Instant, dice: &mut Dice) -> Vec<Instant> {
        let Weather { delay, jitter, loss, repeat, reorder } = self.weather;
        let cut = self.cut_until(now);
        if !self.weather.is_reliable() && (cut.is_some() || dice.percent(loss)) {
            return Vec::new();
        }
        let copies = if dice.percent(repeat) { 2 } else { 1 };
        let sent = cut.unwrap_or(now);
        let mut arrivals = Vec::new();
        for _ in 0..copies {
            let late = u32::try_from(dice.below(101)).unwrap();
            let mut at = sent + delay + jitter * late / 100;
            if !reorder {
                at = self.last.map_or(at, |last| last.max(at));
                self.last = Some(at);
            }
            arrivals.push(at);
        }
        arrivals
    }
}
