//! From a checked profile to a link under way: which part draws which numbers.

use crate::capacity::Capacity;
use crate::dice::Dice;
use crate::loss::Loss;
use crate::outages::{Outages, seconds};
use crate::profile::{Direction, LinkProfile, Moves, Outage};
use crate::series::Series;
use crate::trace::{Opportunities, Seconds};
use crate::{Pipe, Tally};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// A profile that was checked, with its traces: starts from any seed.
#[derive(Debug, Clone)]
pub struct Emulation {
    pub(crate) profile: Arc<LinkProfile>,
    pub(crate) up: Option<Opportunities>,
    pub(crate) down: Option<Opportunities>,
    pub(crate) seconds: Option<Seconds>,
}

/// A link under way.
#[derive(Debug)]
pub struct Running {
    /// From the node that dials.
    pub up: Pipe,
    /// Towards it.
    pub down: Pipe,
    moves: Moves,
}

/// What each part of a link draws its numbers for, so that one does not disturb another.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Outages,
    Delay,
    Rate,
    Loss,
    Order,
}

impl Emulation {
    /// What it stands for.
    pub fn about(&self) -> &str {
        &self.profile.about
    }

    /// A link that begins now, in the weather that `seed` makes of the profile.
    pub fn start(&self, seed: u64) -> Running {
        let seconds = self.seconds.as_ref();
        let up = (&self.profile.up, &self.up, seconds.and_then(|table| table.up_rate.clone()));
        let down =
            (&self.profile.down, &self.down, seconds.and_then(|table| table.down_rate.clone()));
        Running {
            up: self.pipe(up, seed, 0),
            down: self.pipe(down, seed, 1),
            moves: self.profile.moves.clone(),
        }
    }

    /// The same link with further outages, each as (from, for), in time since the link begins.
    #[must_use]
    pub fn with_outages(&self, outages: impl IntoIterator<Item = (Duration, Duration)>) -> Self {
        let mut profile = LinkProfile::clone(&self.profile);
        profile.outages.scheduled.extend(outages.into_iter().map(|(from, length)| Outage {
            at_s: from.as_secs_f64(),
            for_s: length.as_secs_f64(),
            every_s: None,
        }));
        Self { profile: Arc::new(profile), ..self.clone() }
    }

    /// The outages that a link started from `seed` has before `until`, as (from, to), in time since it
    /// begins: in order, merged where they touch. One that lasts to `until` or beyond ends there.
    pub fn outages(&self, seed: u64, until: Duration) -> Vec<(Duration, Duration)> {
        self.outages_of(seed).before(until)
    }

    /// When the node's address changes before `until`, in time since the link begins: in order.
    pub fn moves(&self, until: Duration) -> Vec<Duration> {
        let moves = &self.profile.moves;
        let all = std::iter::successors(moves.after(Duration::ZERO), |at| moves.after(*at));
        all.take_while(|at| *at < until).collect()
    }

    /// Both directions have the same ones.
    fn outages_of(&self, seed: u64) -> Outages {
        let dice = Dice::new(seed, 2 * Purpose::Outages as u64);
        Outages::new(self.profile.outages.clone(), dice)
    }

    fn pipe(
        &self,
        (direction, trace, rates): (&Direction, &Option<Opportunities>, Option<Arc<[f64]>>),
        seed: u64,
        side: u64,
    ) -> Pipe {
        let dice = |purpose: Purpose| Dice::new(seed, 2 * purpose as u64 + side);
        let ms = |ms: f64| Duration::from_secs_f64(ms / 1e3);
        let a_second = Duration::from_secs(1);
        let seconds = self.seconds.as_ref();
        let capacity = match (rates, trace, &direction.rate_mbps) {
            (Some(rates), ..) => Capacity::Rate(Series::rows(rates, a_second)),
            (None, Some(trace), _) => Capacity::Recorded(trace.clone()),
            (None, None, Some(mbps)) => {
                let hold = ms(direction.rate_hold_ms);
                Capacity::Rate(Series::drawn(mbps.scaled(1e6 / 8.0), hold, dice(Purpose::Rate)))
            }
            (None, None, None) => Capacity::Unlimited,
        };
        let delay = seconds.and_then(|table| table.delay.clone());
        let delay = match delay {
            Some(rows) => Series::rows(rows, a_second),
            None => {
                let (delay, hold) = (direction.delay_ms.scaled(1e-3), ms(direction.delay_hold_ms));
                Series::drawn(delay, hold, dice(Purpose::Delay))
            }
        };
        let evenly = seconds.and_then(|table| table.loss.clone());
        let evenly = evenly.unwrap_or_else(|| [direction.loss].into());
        Pipe {
            outages: self.outages_of(seed),
            capacity,
            queue_bytes_max: direction.queue_bytes_max,
            loss: Loss::new(Series::rows(evenly, a_second), direction.burst, dice(Purpose::Loss)),
            delay,
            reorder: direction.reorder,
            repeat: direction.repeat,
            dice: dice(Purpose::Order),
            queue: VecDeque::new(),
            waiting: 0,
            arrived_last: Duration::ZERO,
            tally: Tally::default(),
        }
    }
}

impl Running {
    /// When the node's address changes next, after `time`.
    pub fn moves_after(&self, time: Duration) -> Option<Duration> {
        self.moves.after(time)
    }
}

impl Moves {
    /// The first change after `time`.
    fn after(&self, time: Duration) -> Option<Duration> {
        let at = self.at_s.iter().map(|at| seconds(*at)).filter(|at| *at > time);
        let every = self.every_s.map(|every| {
            let passed = (time.as_secs_f64() / every).floor();
            let next = seconds((passed + 1.0) * every);
            if next > time { next } else { seconds((passed + 2.0) * every) }
        });
        at.chain(every).min()
    }
}
