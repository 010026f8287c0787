//! What a simulated run is made of; everything follows from the seed.

mod any;
mod way;

use super::link::Weather;
use crate::AfterOutage;
use crate::dice::Dice;
use base::TokenId;
use std::time::Duration;
pub(super) use way::Way;

#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) seed: u64,
    pub(super) prompt: Vec<TokenId>,
    pub(super) tokens_max: u32,
    pub(super) draft_length: u32,
    /// Chunks that may wait for a verdict.
    pub(super) chunks: u32,
    /// Chunks as they pay, in place of `draft_length`; the window stays.
    pub(super) auto: bool,
    pub(super) extend: u32,
    /// A middle stage stands between device and verifier.
    pub(super) hop: bool,
    /// The device runs the first layers itself and sends hidden states.
    pub(super) head_stage: bool,
    /// The middle stage has the last layer, and the device the head.
    pub(super) ring: bool,
    /// The device is alone by choice; whether it runs the whole target.
    pub(super) local: Option<bool>,
    /// How far the KV of the nodes may be cut back; `None` is any length.
    pub(super) reach: Option<usize>,
    pub(super) pass_rows_max: usize,
    pub(super) weather: Weather,
    pub(super) speed: Speed,
    /// Silence that the device takes for loss: the default's, or never in this run.
    pub(super) never_lost: bool,
    pub(super) fates: Vec<(Duration, Fate)>,
    /// Share of texts after which the device has nothing to draft, in percent.
    pub(super) dry: u64,
    /// Share of drafts that are looked up: the device does not say these itself.
    pub(super) looked_up: u64,
    pub(super) positions_max: u32,
    /// The session's requests after the first.
    pub(super) turns: Vec<Turn>,
    /// All that happens is printed.
    pub(super) told: bool,
    pub(super) after_outage: AfterOutage,
}

/// How fast the simulated machines are, and how good the draft model is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speed {
    /// One draft.
    pub(super) draft: Duration,
    /// One word that the device says alone.
    pub(super) word: Duration,
    /// A target pass, before its rows.
    pub(super) pass: Duration,
    /// Each of its rows.
    pub(super) row: Duration,
    /// Share of drafts that are right, in percent.
    pub(super) accept: u64,
}

/// What befalls the world.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    /// The device's link carries nothing for so long.
    Cut(Duration),
    /// The node that the device talks to starts anew and knows nothing.
    Restart,
    /// The node behind the middle stage starts anew; the middle stage notices.
    RestartUpstream,
    /// The device has another address: what was on its way to the old one does not arrive, and the
    /// connection lives on.
    Move,
    /// The deciding node has no room for the next works, for so long.
    Refuse(Duration),
    /// The request goes on by another way, as soon as it can.
    Switch(Way),
    /// The user has read enough.
    Stop,
}

/// One more request of a session.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    /// From the end of the request before.
    pub(super) pause: Duration,
    /// What is added to the text.
    pub(super) more: Vec<TokenId>,
    pub(super) tokens_max: u32,
}

pub(super) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl Scenario {
    /// A calm link, a prompt of 5 to 40 tokens in chunks of 16 rows.
    pub(super) fn calm(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let prompt = (0..5 + dice.below(36)).map(|_| word(&mut dice)).collect();
        Self {
            seed,
            prompt,
            tokens_max: 1 + u32::try_from(dice.below(40)).unwrap(),
            draft_length: 0,
            chunks: 1,
            auto: false,
            extend: 0,
            hop: false,
            head_stage: false,
            ring: false,
            local: None,
            reach: None,
            pass_rows_max: 16,
            weather: Weather { delay: ms(20), jitter: ms(5), loss: 0, repeat: 0, reorder: false },
            speed: Speed {
                draft: ms(3),
                word: ms(8),
                pass: ms(4),
                row: Duration::from_micros(300),
                accept: 70,
            },
            never_lost: false,
            fates: Vec::new(),
            dry: 0,
            looked_up: 0,
            positions_max: 200,
            turns: Vec::new(),
            told: false,
            after_outage: AfterOutage::Keep,
        }
    }

    pub(super) const fn is_staged(&self) -> bool {
        self.hop || self.head_stage
    }

    /// The same on a link that loses, repeats and reorders.
    pub(super) fn stormy(seed: u64) -> Self {
        let mut dice = Dice(seed ^ 0x5702);
        let weather = Weather {
            delay: ms(1 + dice.below(60)),
            jitter: ms(dice.below(80)),
            loss: dice.below(25),
            repeat: dice.below(25),
            reorder: dice.percent(70),
        };
        Self { weather, ..Self::calm(seed) }
    }

    /// With cuts and deaths at random times; rain or not.
    pub(super) fn broken(seed: u64) -> Self {
        let mut dice = Dice(seed ^ 0xb20c);
        let mut scenario = if dice.percent(50) { Self::calm(seed) } else { Self::stormy(seed) };
        scenario.tokens_max = 30 + u32::try_from(dice.below(50)).unwrap();
        scenario.hop = dice.percent(40);
        scenario.head_stage = dice.percent(30);
        scenario.draft_length = u32::try_from(dice.below(9)).unwrap();
        scenario.chunks = 1 + u32::try_from(dice.below(5)).unwrap();
        scenario.auto = scenario.draft_length > 0 && dice.percent(30);
        if !scenario.is_staged() && dice.percent(60) {
            scenario.extend = 1 + u32::try_from(dice.below(40)).unwrap();
        }
        for _ in 0..1 + dice.below(4) {
            let at = ms(dice.below(2500));
            let fate = match dice.below(4) {
                0 | 1 => Fate::Cut(ms(50 + dice.below(4000))),
                2 => Fate::Restart,
                _ => Fate::RestartUpstream,
            };
            scenario.fates.push((at, fate));
        }
        scenario
    }
}

fn word(dice: &mut Dice) -> TokenId {
    TokenId(1 + u32::try_from(dice.below(6)).unwrap())
}
