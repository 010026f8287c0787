//! Any world at all: every mode, policy, link and mishap, drawn from a seed.

use super::{Fate, Scenario, Speed, Turn, Way, Weather, ms, word};
use crate::AfterOutage;
use crate::dice::Dice;
use std::time::Duration;

impl Scenario {
    /// Everything that may vary, does.
    pub(in crate::sim) fn any(seed: u64) -> Self {
        let mut dice = Dice(seed ^ 0xa417);
        let stormy = dice.percent(35);
        let base = if stormy { Self::stormy(seed) } else { Self::calm(seed) };
        let mut scenario = Self {
            tokens_max: dice.below_u32(90),
            never_lost: stormy && dice.percent(30),
            dry: [0, 0, 10, 60][index(&mut dice, 4)],
            looked_up: [0, 0, 30, 100][index(&mut dice, 4)],
            positions_max: if dice.percent(10) { 60 } else { 400 },
            pass_rows_max: [2, 5, 16, 64][index(&mut dice, 4)],
            reach: [None, None, None, Some(0), Some(5)][index(&mut dice, 5)],
            after_outage: [AfterOutage::Keep, AfterOutage::Revise][index(&mut dice, 2)],
            speed: speed(&mut dice),
            ..base
        };
        scenario.go(Way::any(&mut dice));
        if !scenario.never_lost {
            scenario.fates = fates(&mut dice);
        }
        if dice.percent(40) {
            scenario.fates.extend((0..1 + dice.below(5)).map(|_| switch(&mut dice)));
        }
        scenario.carry_rings();
        scenario.spare_middle_stages();
        scenario.turns = (0..dice.below(4)).map(|_| turn(&mut dice)).collect();
        scenario
    }

    /// Verdicts go up behind the passes before them, on a stream that loses nothing.
    fn carry_rings(&mut self) {
        if self.ways().any(|way| way.ring) {
            let Weather { delay, jitter, .. } = self.weather;
            self.weather = Weather { delay, jitter, loss: 0, repeat: 0, reorder: false };
        }
    }

    /// KV that forgets answers each rollback with a gap, and to a middle stage a repeated pass is one.
    fn spare_middle_stages(&mut self) {
        if !self.weather.is_reliable() && self.ways().any(|way| way.hop) {
            self.reach = None;
        }
    }
}

fn speed(dice: &mut Dice) -> Speed {
    let row_us_max = [2_000, 2_000, 60_000][index(dice, 3)];
    Speed {
        draft: ms(1 + dice.below(12)),
        word: ms(5 + dice.below(100)),
        pass: ms(1 + dice.below(60)),
        row: Duration::from_micros(dice.below(row_us_max)),
        accept: [0, 40, 70, 90, 100][index(dice, 5)],
    }
}

fn fates(dice: &mut Dice) -> Vec<(Duration, Fate)> {
    let one = |dice: &mut Dice| {
        let fate = match dice.below(10) {
            0..=2 => Fate::Cut(ms(30 + dice.below(1500))),
            3 => Fate::Cut(ms(30 + dice.below(5000))),
            4 => Fate::Restart,
            5 => Fate::RestartUpstream,
            6 | 7 => Fate::Move,
            8 => Fate::Refuse(ms(dice.below(800))),
            _ => Fate::Stop,
        };
        (ms(dice.below(3000)), fate)
    };
    (0..dice.below(7)).map(|_| one(dice)).collect()
}

/// Most are from one remote way to another.
fn switch(dice: &mut Dice) -> (Duration, Fate) {
    let way = match dice.below(8) {
        0 => Way::alone(true),
        1 => Way::alone(false),
        _ => Way::any(dice),
    };
    (ms(dice.below(2500)), Fate::Switch(way))
}

fn turn(dice: &mut Dice) -> Turn {
    let more = (0..1 + dice.below(12)).map(|_| word(dice)).collect();
    Turn { pause: ms(dice.below(400)), more, tokens_max: dice.below_u32(60) }
}

fn index(dice: &mut Dice, bound: usize) -> usize {
    usize::try_from(dice.below(bound as u64)).unwrap()
}
