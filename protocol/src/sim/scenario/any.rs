//! Any world at all: every mode, policy, link and mishap, drawn from a seed.

use super::{Fate, Scenario, Speed, Turn, ms, word};
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
        scenario.draw_mode(&mut dice);
        if !scenario.never_lost {
            scenario.fates = fates(&mut dice);
        }
        scenario.turns = (0..dice.below(4)).map(|_| turn(&mut dice)).collect();
        scenario
    }

    /// Who runs what, and how drafts and verdicts follow each other.
    fn draw_mode(&mut self, dice: &mut Dice) {
        self.hop = dice.percent(25);
        self.head_stage = dice.percent(20);
        let extend = if self.is_staged() { 0 } else { 1 + dice.below_u32(40) };
        // Of a window of all that may be under way to single chunks; without drafts it is remote.
        (self.draft_length, self.chunks, self.extend) = match dice.below(4) {
            0 => (1 + dice.below_u32(8), 1, 0),
            1 => (1 + dice.below_u32(8), 1 + dice.below_u32(7), 0),
            2 => (1 + dice.below_u32(8), 1 + dice.below_u32(7), extend),
            _ => (0, 1, extend),
        };
        self.auto = self.draft_length > 0 && dice.percent(40);
        // To a middle stage a repeated pass is a rollback; KV that forgets answers each with a gap.
        if self.hop && !self.weather.is_reliable() {
            self.reach = None;
        }
    }
}

fn speed(dice: &mut Dice) -> Speed {
    Speed {
        draft: ms(1 + dice.below(12)),
        word: ms(5 + dice.below(100)),
        pass: ms(1 + dice.below(60)),
        row: Duration::from_micros(dice.below(2000)),
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

fn turn(dice: &mut Dice) -> Turn {
    let more = (0..1 + dice.below(12)).map(|_| word(dice)).collect();
    Turn { pause: ms(dice.below(400)), more, tokens_max: dice.below_u32(60) }
}

fn index(dice: &mut Dice, bound: usize) -> usize {
    usize::try_from(dice.below(bound as u64)).unwrap()
}
