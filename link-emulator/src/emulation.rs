//! From a checked profile to a link under way: which part draws which numbers.

use crate::capacity::Capacity;
use crate::dice::Dice;
use crate::loss::Loss;
use crate::outages::{Outages, seconds};
use crate::profile::{Direction, LinkProfile, Moves};
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
            // Both directions draw the same ones.
            outages: Outages::new(
                self.profile.outages.clone(),
                Dice::new(seed, 2 * Purpose::Outages as u64),
            ),
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
        let at = self.moves.at_s.iter().map(|at| seconds(*at)).filter(|at| *at > time);
        let every = self.moves.every_s.map(|every| {
            let passed = (time.as_secs_f64() / every).floor();
            let next = seconds((passed + 1.0) * every);
            if next > time { next } else { seconds((passed + 2.0) * every) }
        });
        at.chain(every).min()
    }
}
