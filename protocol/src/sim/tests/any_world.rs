//! Worlds at random: every mode, policy, link and mishap, and several requests of a session.

use super::{run, seeds};
use crate::sim::model;
use crate::sim::scenario::Scenario;
use crate::sim::world::World;
use crate::{AfterOutage, DrafterEvent, FinishReason};
use std::cell::Cell;

/// Random worlds of every run of the tests, and of one with time: `SLOW_TESTS=1`.
const WORLDS: u64 = 1_500;
const WORLDS_SLOW: u64 = 10_000;

/// Goal: whatever the mode, the policy, the link and the mishaps, all that `World::check` says is true
/// after every step, and a session's every request ends as it should. Method: worlds at random.
#[test]
fn in_any_world_every_request_ends_with_the_text_that_is_due() {
    let (seeds, tally) = (seeds(WORLDS, WORLDS_SLOW), Cell::new(Tally::default()));
    let told = seeds.end == seeds.start + 1;
    for seed in seeds.clone() {
        run(Scenario { told, ..Scenario::any(seed) }, |world| {
            is_due(world);
            tally.set(tally.get().and(world));
            for turn in world.scenario.turns.clone() {
                world.run_for(turn.pause);
                world.next_turn(&turn.more, turn.tokens_max);
                world.run();
                is_due(world);
                tally.set(tally.get().and(world));
            }
        });
    }
    // Worlds in which little happens would show little.
    let Tally { requests, failovers, accepted, judged, revised, forgotten, switched, spoken_on } =
        tally.get();
    let enough = requests > 2_000 && failovers > 1_000 && accepted > 10_000 && switched > 1_000;
    let enough = enough && judged > 500 && revised > 100 && forgotten > 500 && spoken_on > 50;
    assert!(enough || seeds.end - seeds.start < WORLDS, "{:?}", tally.get());
}

/// What befell the requests of many worlds.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    requests: u64,
    failovers: u64,
    accepted: u64,
    judged: usize,
    revised: usize,
    forgotten: usize,
    switched: u64,
    spoken_on: u64,
}

impl Tally {
    /// And that of the newest request of `world`.
    fn and(mut self, world: &World) -> Self {
        let counts = world.drafter.counts();
        let count = |is: fn(&DrafterEvent) -> bool| {
            world.events.iter().filter(|(_, event)| is(event)).count()
        };
        self.requests += 1;
        self.failovers += counts.failovers;
        self.accepted += counts.accepted;
        self.judged += count(|event| matches!(event, DrafterEvent::Judged { .. }));
        self.revised += count(|event| matches!(event, DrafterEvent::Revised { .. }));
        self.forgotten += world.engine.forgotten;
        self.switched += world.switched;
        self.spoken_on += world.spoken_on;
        self
    }
}

/// The text of a finished request is the reference's as far as the target has had its say, and ends for
/// the reason that is given.
fn is_due(world: &mut World) {
    let Scenario { prompt, tokens_max, positions_max, after_outage, .. } = &world.scenario;
    let room = (*tokens_max as usize).min((*positions_max as usize).saturating_sub(prompt.len()));
    let reference = model::reference(prompt, room);
    let (shown, verified) = (&world.shown, world.drafter.log().verified());
    let vouched = verified.iter().take_while(|verified| **verified).count();
    assert_eq!(shown[..vouched], reference[..vouched]);
    if *after_outage == AfterOutage::Revise {
        assert!(!verified[vouched..].contains(&true), "only the end is unverified");
    }
    let unvouched = world.scenario.ways().any(|way| way.local == Some(false));
    if world.drafter.counts().failovers == 0 && !unvouched {
        assert_eq!(vouched, shown.len(), "nobody spoke but the target");
    }
    assert!(shown.iter().rev().skip(1).all(|token| *token != model::END), "on past the end");
    let ended = shown.last() == Some(&model::END);
    match world.drafter.finished().expect("it is over") {
        FinishReason::End => assert!(ended),
        FinishReason::Length => assert!(shown.len() == room && !ended),
        FinishReason::Stopped => assert!(shown.len() < room && !ended),
        FinishReason::Rejected => panic!("nobody rejects"),
    }
}
