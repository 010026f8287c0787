//! Predictions of worlds whose numbers can be worked out by hand: six layers, a round trip of 50 ms.

use super::*;
use crate::demo::models;
use crate::drafting::SourceChoice;
use crate::experiment::delayed;
use crate::experiment::share::Share;
use crate::experiment::world::Paces;
use base::DraftLength;
use partitioner::Speculation;
use protocol::Source;

const DEVICE: Pace = Pace { decode_ms: 12.0, per_row_ms: 0.0 };
const TARGET: Pace = Pace { decode_ms: 40.0, per_row_ms: 2.0 };

fn world(mode: Mode) -> WorldConfig {
    let paces = Paces { device: DEVICE, gateway: TARGET, cloud: TARGET };
    let plain = WorldConfig::new(models::find(None).unwrap(), mode, Some(delayed(25, "")), 1);
    WorldConfig { paces, gateway: mode == Mode::Split, draft_length: DraftLength::NONE, ..plain }
}

/// Of 101 tokens after a prompt of 10.
fn of(world: &WorldConfig) -> Option<Predicted> {
    predicted(world, 10, 101).unwrap()
}

/// Equal but for the few bytes of a token on a link that is wide, and for times that are kept as `f32`.
#[track_caller]
fn close(world: &WorldConfig, ttft_ms: f64, itl_ms: f64) {
    let found = of(world).unwrap();
    assert!((found.ttft_ms - ttft_ms).abs() < 0.05, "{found:?}, not {ttft_ms} first");
    assert!((found.itl_ms - itl_ms).abs() < 0.05, "{found:?}, not {itl_ms}");
}

#[test]
fn a_target_that_streams_takes_the_pace_of_one_row_behind_two_round_trips() {
    close(&world(Mode::Remote), 100.0 + 40.0 + 10.0 * 2.0, 42.0);
}

#[test]
fn the_draft_model_alone_takes_its_own_pace() {
    close(&world(Mode::Local), 12.0, 12.0);
}

#[test]
fn a_split_takes_each_tiers_share_and_a_round_trip() {
    let even = world(Mode::Split);
    close(&even, 100.0 + 4.0 + (40.0 + 20.0) * 2.0 / 3.0, 50.0 + 4.0 + 42.0 * 2.0 / 3.0);
    let most = WorldConfig { share: Share::UpTo { device: 4, gateway: 5 }, ..even };
    close(&most, 100.0 + 8.0 + (40.0 + 20.0) / 3.0, 50.0 + 8.0 + 42.0 / 3.0);
}

#[test]
fn rounds_take_drafts_a_round_trip_and_a_pass() {
    let draft_length = DraftLength::Fixed(2);
    let drafts = Drafts::RightAt { accept: 0.5, seed: 1 };
    let speculation = Speculation::Rounds;
    let world = WorldConfig { draft_length, drafts, speculation, ..world(Mode::Speculative) };
    let found = of(&world).unwrap().itl_ms;
    assert!((found - (2.0 * 12.0 + 50.0 + 46.0) / 1.75).abs() < 0.05, "{found}");
}

#[test]
fn what_is_not_known_beforehand_is_not_predicted() {
    let model = Drafts::From(SourceChoice::Only(Source::Model));
    let drafting = WorldConfig { draft_length: DraftLength::Fixed(4), ..world(Mode::Speculative) };
    assert_eq!(of(&WorldConfig { drafts: model, ..drafting }), None);
    let free = Paces { cloud: Pace::default(), ..world(Mode::Remote).paces };
    assert_eq!(of(&WorldConfig { paces: free, ..world(Mode::Remote) }), None);
}

#[test]
fn a_split_past_the_targets_end_is_refused() {
    let share = Share::UpTo { device: 6, gateway: 7 };
    let world = WorldConfig { share, ..world(Mode::Split) };
    let error = predicted(&world, 10, 101).unwrap_err().to_string();
    assert_eq!(error, "layer range 7..6 ends before it starts");
}
