//! Which datagrams are lost on the way: evenly, in bursts, or both.

use crate::dice::Dice;
use crate::profile::Burst;
use crate::series::Series;
use std::time::Duration;

/// Loss of one direction. Bursts are those of Gilbert and Elliott (Bell System Technical Journal 39 and
/// 42): a chain of a good and a bad state that moves once a datagram.
#[derive(Debug, Clone)]
pub(crate) struct Loss {
    evenly: Series,
    burst: Option<Burst>,
    bad: bool,
    dice: Dice,
}

impl Loss {
    /// In the good state.
    pub(crate) const fn new(evenly: Series, burst: Option<Burst>, dice: Dice) -> Self {
        Self { evenly, burst, bad: false, dice }
    }

    /// Whether the next datagram is lost, that leaves at `time`.
    pub(crate) fn takes(&mut self, time: Duration) -> bool {
        let evenly = self.dice.chance(self.evenly.at(time));
        let Some(Burst { enter, leave, loss }) = self.burst else { return evenly };
        let moves = self.dice.chance(if self.bad { leave } else { enter });
        self.bad ^= moves;
        evenly | (self.bad && self.dice.chance(loss))
    }
}
