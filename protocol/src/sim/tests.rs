//! What holds in every simulated world.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it expects, and panics on the rest"
)]

mod any_world;

use super::link::Weather;
use super::model;
use super::scenario::{Fate, Scenario, Speed, ms};
use super::world::World;
use crate::{AfterOutage, DrafterEvent, FinishReason};
use std::cell::Cell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// The one clock reading of these tests: where simulated time begins.
#[expect(clippy::disallowed_methods, reason = "any instant will do; it is never read again")]
pub(super) fn dawn() -> Instant {
    Instant::now()
}

/// The worlds to run: what `SIM_SEED` says, one seed or a range, or all up to a number.
pub(super) fn seeds(worlds: u64, slow: u64) -> Range<u64> {
    let number = |text: &str| text.parse::<u64>().expect("SIM_SEED is like 7 or 7..90");
    match std::env::var("SIM_SEED").as_deref().map(|seeds| seeds.split_once("..").ok_or(seeds)) {
        Ok(Ok((from, to))) => number(from)..number(to),
        Ok(Err(one)) => number(one)..number(one) + 1,
        Err(_) if std::env::var("SLOW_TESTS").is_ok_and(|value| value == "1") => 0..slow,
        Err(_) => {
            println!("{worlds} random worlds; SLOW_TESTS=1 runs {slow}");
            0..worlds
        }
    }
}

/// Runs `scenario` and `check`s the world at its end. A failure names the scenario.
fn run(scenario: Scenario, check: impl Fn(&mut World)) {
    let told = scenario.clone();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(scenario, dawn());
        world.run();
        check(&mut world);
    }));
    if let Err(panic) = outcome {
        eprintln!("seed {} failed: {told:?}", told.seed);
        std::panic::resume_unwind(panic);
    }
}

fn is_reference(world: &mut World) {
    let Scenario { prompt, tokens_max, .. } = &world.scenario;
    let reference = model::reference(prompt, *tokens_max as usize);
    assert_eq!(world.shown, reference);
    assert!(world.drafter.log().verified().iter().all(|verified| *verified));
    let ended = reference.last() == Some(&model::END);
    let reason = if ended { FinishReason::End } else { FinishReason::Length };
    assert_eq!(world.drafter.finished(), Some(reason));
}

/// Goal: drafts, draft length, window, mode, stages, loss, repetition and order change nothing in the
/// text.
#[test]
fn without_cuts_the_text_is_the_references_in_every_mode_and_weather() {
    for seed in 0..8 {
        for weather in [Scenario::calm, Scenario::stormy] {
            for (draft_length, chunks) in (0..=8).flat_map(|k| [(k, 1), (k, 3)]) {
                for (hop, head_stage) in
                    [(false, false), (true, false), (false, true), (true, true)]
                {
                    let stages = Scenario { hop, head_stage, ..weather(seed) };
                    let ring = hop && stages.weather.is_reliable();
                    for ring in [false].into_iter().chain(ring.then_some(true)) {
                        let stages = Scenario { ring, ..stages.clone() };
                        run(
                            Scenario { draft_length, chunks, never_lost: true, ..stages },
                            is_reference,
                        );
                    }
                }
                for extend in [1, 2, 7, 40] {
                    let drafts = Scenario { draft_length, chunks, ..weather(seed) };
                    run(Scenario { extend, never_lost: true, ..drafts }, is_reference);
                }
            }
        }
    }
}

/// Goal: KV that forgets costs a replay and never a token. Method: stages whose KV is cut back by a
/// few positions only, under drafts that are rolled back by more. A middle stage has calm links: a
/// repeated pass is a rollback to it, and one gap after the other is given up on.
#[test]
fn stages_that_forget_what_is_far_back_change_nothing_in_the_text() {
    let forgotten = Cell::new(0);
    for seed in 0..30 {
        for reach in [0, 1, 3, 7] {
            for (hop, head_stage) in [(false, false), (true, false), (true, true)] {
                let weather = if hop { Scenario::calm(seed) } else { Scenario::stormy(seed) };
                let (reach, draft_length) = (Some(reach), u32::try_from(seed % 9).unwrap());
                let stages = Scenario { hop, head_stage, reach, draft_length, ..weather };
                run(Scenario { never_lost: true, ..stages }, |world| {
                    is_reference(world);
                    forgotten.set(forgotten.get() + world.engine.forgotten);
                });
            }
        }
    }
    assert!(forgotten.get() > 300, "only {} times", forgotten.get());
}

/// Goal: whatever is cut or dies, every token is shown once, every verified one is the target's word
/// after the text before it, and the request ends. Method: `World::check` after every step.
#[test]
fn with_cuts_and_deaths_what_is_verified_is_true_and_every_request_ends() {
    let judged = Cell::new(0);
    for seed in 0..800 {
        let reach = [None, Some(5)][usize::from(seed % 3 == 0)];
        run(Scenario { reach, ..Scenario::broken(seed) }, |world| {
            let ended = world.shown.last() == Some(&model::END);
            assert!(ended || world.shown.len() == world.scenario.tokens_max as usize);
            assert!(world.shown.iter().rev().skip(1).all(|token| *token != model::END));
            let is_judged = |(_, event): &&(_, _)| matches!(event, DrafterEvent::Judged { .. });
            judged.set(judged.get() + world.events.iter().filter(is_judged).count());
        });
    }
    assert!(judged.get() > 200, "only {} resumes were judged", judged.get());
}

/// Goal: a device that has its words revised ends with the reference text, whatever is cut or dies,
/// but for what it says after the target is lost for good.
#[test]
fn with_cuts_and_deaths_revised_text_is_the_references() {
    let revised = Cell::new(0);
    for seed in 0..800 {
        let reach = [None, Some(5)][usize::from(seed % 3 == 0)];
        let after_outage = AfterOutage::Revise;
        run(Scenario { reach, after_outage, ..Scenario::broken(seed) }, |world| {
            let verified = world.drafter.log().verified();
            let vouched = verified.iter().take_while(|verified| **verified).count();
            assert!(!verified[vouched..].contains(&true), "only the end is unverified");
            if vouched == verified.len() {
                is_reference(world);
            }
            let is_revised = |(_, event): &&(_, _)| matches!(event, DrafterEvent::Revised { .. });
            revised.set(revised.get() + world.events.iter().filter(is_revised).count());
        });
    }
    assert!(revised.get() > 100, "only {} revisions", revised.get());
}

/// Goal: a reader of the events alone knows what is verified, and failover is within the deadline.
/// Method: links that are cut but lose nothing; the longest silence between two commits.
#[test]
fn a_cut_never_silences_the_stream_for_longer_than_the_deadline() {
    for seed in 0..100 {
        let mut scenario = Scenario::calm(seed);
        scenario.tokens_max = 80;
        scenario.draft_length = u32::try_from(seed % 9).unwrap();
        scenario.extend = if seed % 9 == 0 { 16 } else { 0 };
        scenario.fates = vec![(ms(150 + seed), Fate::Cut(ms(1000 + 37 * seed)))];
        run(scenario, |world| {
            let commits = world.events.iter().filter_map(|(at, event)| match event {
                DrafterEvent::Commit { .. } => Some(*at),
                _ => None,
            });
            let commits: Vec<_> = commits.collect();
            let gap = commits.windows(2).map(|pair| pair[1] - pair[0]).max();
            assert!(gap.is_none_or(|gap| gap < ms(2100)), "silent for {gap:?}");
        });
    }
}

/// Goal: after the end nobody works on, and the session's next turn builds on what is held.
/// Method: rows that the verifier's engine ran in the second turn.
#[test]
fn a_finished_request_leaves_the_target_idle_and_the_next_turn_only_sends_what_is_new() {
    for seed in 0..60 {
        let mut scenario = Scenario::calm(seed);
        scenario.draft_length = u32::try_from(seed % 5).unwrap();
        scenario.extend = if seed % 5 == 0 { 32 } else { 0 };
        scenario.hop = seed % 5 == 3;
        run(scenario, |world| {
            world.run_for(ms(300));
            let (rows, length) = (world.engine.rows, world.drafter.log().len());
            world.run_for(ms(2000));
            assert_eq!(world.engine.rows, rows, "the target works on");
            assert!(world.verifier.held().index() <= length, "the target holds what was cut");
            world.next_turn(&[model::END, model::END, model::END], 1);
            world.run();
            is_reference(world);
            assert!(world.engine.rows - rows <= 5, "{} rows", world.engine.rows - rows);
        });
    }
}

/// Goal: the target is asked ahead of time: in `Remote` its engine never waits for the device.
/// Method: passes follow each other at pass time, although a round trip takes ten of them.
#[test]
fn in_remote_mode_the_target_never_waits_for_a_renewal() {
    for seed in 0..20 {
        let mut scenario = Scenario { extend: 64, ..Scenario::calm(seed) };
        scenario.tokens_max = 150;
        scenario.prompt.truncate(5);
        run(scenario, |world| {
            let tokens = u32::try_from(world.shown.len()).unwrap();
            let most = ms(60) + ms(5) * (tokens + 10) + ms(10);
            let took = world.now - world.start;
            assert!(took < most, "{tokens} tokens took {took:?}, at most {most:?}");
        });
    }
}

/// Milliseconds of simulated time for each token, over ten texts.
fn ms_per_token(scenario: impl Fn(u64) -> Scenario) -> f64 {
    let (took, tokens) = (Cell::new(Duration::ZERO), Cell::new(0));
    for seed in 0..10 {
        let mut scenario = scenario(seed);
        scenario.tokens_max = 120;
        scenario.prompt.truncate(5);
        (scenario.pass_rows_max, scenario.never_lost) = (64, true);
        run(scenario, |world| {
            took.set(took.get() + (world.now - world.start));
            tokens.set(tokens.get() + u32::try_from(world.shown.len()).unwrap());
        });
    }
    took.get().as_secs_f64() * 1e3 / f64::from(tokens.get())
}

/// Goal: with a target that goes on by itself where no draft waits, drafting is never slower than
/// plain streaming, with chunks of four and with chunks as they pay; where drafts are good and the link
/// is not too long it is much faster; rounds lose on long links. Method: passes of 40 + 3 ms a row, drafts of 8 ms, as in the published
/// simulation of such systems.
#[test]
fn a_streaming_drafter_is_never_slower_than_the_target_alone() {
    for (accept, rtt_ms, at_least) in [
        (55, 10, 1.15),
        (55, 50, 1.0),
        (55, 200, 0.98),
        (70, 100, 1.1),
        (70, 200, 1.0),
        (85, 10, 2.0),
        (85, 50, 1.6),
        (85, 100, 1.3),
        (85, 200, 1.1),
    ] {
        let speed = Speed { draft: ms(8), word: ms(8), pass: ms(40), row: ms(3), accept };
        let delay = ms(rtt_ms) / 2;
        let weather = Weather { delay, jitter: ms(0), loss: 0, repeat: 0, reorder: false };
        let with = |draft_length, chunks, extend| {
            let plain = move |seed| Scenario { weather, speed, ..Scenario::calm(seed) };
            move |seed| Scenario { draft_length, chunks, extend, ..plain(seed) }
        };
        let alone = ms_per_token(with(0, 1, 64));
        let as_it_pays = with(24, 1, 64);
        let as_it_pays = move |seed| Scenario { auto: true, ..as_it_pays(seed) };
        for drafting in [ms_per_token(with(4, 6, 64)), ms_per_token(as_it_pays)] {
            let gain = alone / drafting;
            assert!(gain >= at_least, "{accept} %, {rtt_ms} ms: {gain:.2}");
        }
        if rtt_ms == 200 {
            assert!(ms_per_token(with(4, 1, 0)) > alone * 1.2, "rounds at {accept} %");
        }
    }
}
