//! The text of a reply that is held to a grammar is the target's, however it is run.

use super::{Case, ask, check, config, some};
use crate::Reply;
use crate::chain::tests::{RINGS, ring};
use crate::drafting::SourceChoice;
use crate::experiment::{Drafts, Share, WorldConfig};
use base::{DraftLength, Privacy};
use partitioner::{Mode, Speculation};
use protocol::Source;

fn said(config: &WorldConfig, cases: &[Case]) -> Vec<Reply> {
    ask(config, Privacy::Anywhere, |_| {}, cases)
}

fn same(replies: &[Reply], expected: &[Reply], cases: &[Case], what: &str) {
    for ((reply, expected), case) in replies.iter().zip(expected).zip(cases) {
        let shape = case.shape.schema();
        assert_eq!(reply.tokens, expected.tokens, "{what}: {shape}: {}", reply.text);
        assert!(reply.verified.iter().all(|verified| *verified), "{what}: {shape}");
    }
}

/// Goal: speculation changes no token of a reply that is held to a schema, and the reply is JSON of that schema.
/// Method: schemas at random, prompts and seeds, with and without drafts, of models and of look-ups.
/// `SLOW_TESTS=1`: two hundred, and more ways to draft.
#[test]
fn speculation_changes_no_token_of_structured_replies() {
    let cases = some(24, 200);
    let expected = said(&config(Mode::Remote, ""), &cases);
    check(&expected, &cases);
    let mut speculative = config(Mode::Speculative, "");
    let mut ways = vec![("by itself", speculative.clone())];
    if cases.len() > 24 {
        speculative.speculation = Speculation::Rounds;
        for length in [1, 5] {
            speculative.draft_length = DraftLength::Fixed(length);
            ways.push(("in rounds", speculative.clone()));
        }
        speculative.speculation = Speculation::Streaming;
        speculative.drafts = Drafts::From(SourceChoice::Only(Source::Lookup));
        ways.push(("by look-ups", speculative));
    }
    for (what, config) in ways {
        let replies = said(&config, &cases);
        same(&replies, &expected, &cases, what);
        let drafted: u64 = replies.iter().map(|reply| reply.usage.drafted).sum();
        assert!(drafted > 100, "{what}: {drafted}");
    }
}

/// Goal: the same wherever layers and head are. Method: the target on the device, in a split, and in chains that come
/// back for the head to the device and to the gateway, also veiled.
#[test]
fn no_plan_changes_a_token_of_structured_replies() {
    let cases = some(3, 40);
    let expected = said(&config(Mode::Remote, ""), &cases);
    check(&expected, &cases);
    same(&said(&config(Mode::Local, ""), &cases), &expected, &cases, "the target here");
    let mut split = config(Mode::Split, "");
    same(&said(&split, &cases), &expected, &cases, "a split over three");
    (split.share, split.gateway) = (Share::Even, false);
    split.switches.clear();
    same(&said(&split, &cases), &expected, &cases, "a split over two");
    for stages in RINGS {
        let tune = |device: &mut crate::device::Device| device.config.plan.stages = ring(stages);
        for class in [Privacy::Anywhere, Privacy::Site] {
            let replies = ask(&config(Mode::Split, ""), class, tune, &cases);
            same(&replies, &expected, &cases, &format!("{stages:?}, {class:?}"));
        }
    }
}

/// What stays on the device is answered by the target there, and so is the same.
#[test]
fn confined_replies_are_held_to_their_schemas() {
    let cases = some(6, 50);
    let here = config(Mode::Local, "");
    let confined = ask(&here, Privacy::Device, |_| {}, &cases);
    check(&confined, &cases);
    same(&confined, &said(&here, &cases), &cases, "confined");
}
