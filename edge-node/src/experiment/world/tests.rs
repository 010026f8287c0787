//! Conversations of worlds in virtual time: that they take moments, and that they can be had again to
//! the nanosecond and the byte.

use super::*;
use crate::demo::models;
use crate::experiment::{delayed, in_virtual_time};
use crate::{Notice, Reply, Request, Show};
use base::Sampling;
use link_emulator::LinkProfile;
use runtime::Turn;
use std::time::Instant;
use tokio_util::sync::CancellationToken;
use transport::clock;

/// Of gateway and cloud.
const PACE: Pace = Pace { decode_ms: 40.0, per_row_ms: 3.0 };

/// Of the device.
const SLOW: Pace = Pace { decode_ms: 25.0, per_row_ms: 0.0 };

/// A reply, and when what of it was shown.
#[derive(Debug, PartialEq)]
struct Shown {
    pieces: Vec<(Duration, String, bool)>,
    notices: Vec<(Duration, Notice)>,
    reply: Reply,
}

/// Takes the times, from the request on.
struct Watch {
    began: Instant,
    pieces: Vec<(Duration, String, bool)>,
    notices: Vec<(Duration, Notice)>,
}

impl Show for Watch {
    fn piece(&mut self, text: &str, verified: bool) {
        self.pieces.push((clock::now() - self.began, text.to_owned(), verified));
    }

    fn notice(&mut self, notice: &Notice) {
        self.notices.push((clock::now() - self.began, notice.clone()));
    }
}

fn config(mode: Mode, link: Emulation, seed: u64) -> WorldConfig {
    let pair = models::find(None).unwrap();
    let paces = Paces { device: SLOW, gateway: PACE, cloud: PACE };
    WorldConfig { paces, ..WorldConfig::new(pair, mode, Some(link), seed) }
}

/// A round trip of 100 ms, and the rest of a profile's file.
fn link(rest: &str) -> Emulation {
    delayed(50, rest)
}

/// One reply of `tokens`: so hot that it does not end by itself.
async fn ask(world: &mut World, tokens: u32) -> Shown {
    let device = world.device();
    let content = "I'd like a table for two tonight.".to_owned();
    let request = Request::new(
        device.chat_prompt(&[Turn::said("user", content)]).unwrap(),
        Sampling::new(20.0, 0, 1.0, 1).unwrap(),
        tokens,
    );
    let mut watch = Watch { began: clock::now(), pieces: Vec::new(), notices: Vec::new() };
    let reply = device.generate(&request, &mut watch, &CancellationToken::new()).await.unwrap();
    assert_eq!(reply.tokens.len(), tokens as usize);
    let Watch { pieces, notices, .. } = watch;
    Shown { pieces, notices, reply }
}

/// One reply of a world in a virtual time of its own.
fn run(config: &WorldConfig, tokens: u32) -> Shown {
    let run = async {
        let mut world = World::start(config).await.unwrap();
        let shown = ask(&mut world, tokens).await;
        world.end().await;
        shown
    };
    in_virtual_time(run).unwrap()
}

/// A greedy reply of `tokens` to a prompt as it stands, past all end tokens.
fn greedy(config: &WorldConfig, prompt: &str, tokens: u32) -> Reply {
    reply(config, prompt, tokens, Sampling::GREEDY)
}

/// A reply of `tokens` to a prompt as it stands, past all end tokens.
fn reply(config: &WorldConfig, prompt: &str, tokens: u32, sampling: Sampling) -> Reply {
    let run = async {
        let mut world = World::start(config).await.unwrap();
        let device = world.device();
        let request =
            Request { past_end: true, ..Request::new(device.raw_prompt(prompt), sampling, tokens) };
        let mut watch = Watch { began: clock::now(), pieces: Vec::new(), notices: Vec::new() };
        let reply = device.generate(&request, &mut watch, &CancellationToken::new()).await;
        world.end().await;
        reply.unwrap()
    };
    in_virtual_time(run).unwrap()
}

/// Goal: a run is a function of its seed, and its text not even of that. Method: the same seed twice
/// and another one; a reply has its times, its bytes on the wire and its text.
#[test]
fn a_run_repeats_to_the_nanosecond_and_the_byte_and_another_seed_changes_the_times_alone() {
    let driving = LinkProfile::named("lte-driving").unwrap();
    let mut texts = Vec::new();
    for mode in [Mode::Remote, Mode::Speculative] {
        let [first, again, other] =
            [1, 1, 2].map(|seed| run(&config(mode, driving.clone(), seed), 60));
        assert_eq!(first, again, "{mode:?}");
        assert_ne!(first.pieces, other.pieces, "{mode:?}");
        assert!(first.reply.usage.bytes_sent > 3_000, "{:?}", first.reply.usage);
        let plain = [1, 1].map(|seed| run(&config(mode, link(""), seed), 60));
        assert_eq!(plain[0], plain[1], "{mode:?}");
        texts.extend([first, other].map(|shown| shown.reply.tokens));
        texts.extend(plain.map(|shown| shown.reply.tokens));
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "the seed of the text was the same everywhere");
}

/// Goal: what takes time is the link and the paces, as much as they say. Method: 100 ms of round trip;
/// the target says on in passes of one row, or verifies four drafts and what follows in one of five.
#[test]
fn times_are_those_of_the_link_and_of_the_pace() {
    let remote = config(Mode::Remote, link(""), 1);
    assert_eq!(run(&remote, 60).reply.usage.itl_ms_p50, Some(40.0 + 3.0));
    let (draft_length, speculation) = (DraftLength::Fixed(4), Speculation::Rounds);
    let plain = config(Mode::Speculative, link(""), 1);
    let rounds = WorldConfig { draft_length, speculation, ..plain };
    let round_ms = 4.0 * 25.0 + 100.0 + 40.0 + 5.0 * 3.0;
    assert_eq!(run(&rounds, 60).reply.usage.itl_ms_p95, Some(round_ms));
}

/// Goal: speculation stays cheap on the wire, frames and UDP payload, both ways together and the prompt
/// included. Method: the demo pair as it is, over plain links and over a bad one, in both streaming
/// ways; a device of 8 ms a draft, a target of 40 ms and 3 a row. Sampling makes a text that drafts hit
/// less often, so that more of them are sent in vain.
#[test]
fn a_token_takes_few_bytes() {
    let quick = Pace { decode_ms: 8.0, per_row_ms: 0.0 };
    let driving = LinkProfile::named("lte-driving").unwrap();
    let sampled = Sampling::new(0.8, 0, 0.95, 5).unwrap();
    let links = [5, 50, 100].map(|ms| delayed(ms, "")).into_iter().chain([driving]);
    for (sampling, frames_max) in [(Sampling::GREEDY, 12.0), (sampled, 15.0)] {
        for link in links.clone() {
            for speculation in [Speculation::Streaming, Speculation::WorkConserving] {
                let plain = config(Mode::Speculative, link.clone(), 3);
                let paces = Paces { device: quick, ..plain.paces };
                let config = WorldConfig { speculation, paces, ..plain };
                let prompt = "I'd like a table for two tonight.";
                let Reply { usage, tokens, .. } = reply(&config, prompt, 250, sampling);
                let per_token = |bytes: u64| bytes as f64 / tokens.len() as f64;
                let frames = per_token(usage.frame_bytes_sent + usage.frame_bytes_received);
                let udp = per_token(usage.bytes_sent + usage.bytes_received);
                assert!(frames <= frames_max, "{speculation:?}: {frames:.1} bytes of frames");
                assert!(udp <= 120.0, "{speculation:?}: {udp:.1} bytes of UDP payload");
            }
        }
    }
}

/// Goal: where drafts come from changes no token. Method: the draft model, look-ups, both, the best of
/// them found by trying, and test drafters that are hardly ever and mostly right; over a text that
/// repeats itself, so that look-ups find something.
#[test]
fn where_drafts_come_from_decides_speed_alone() {
    let greedy = |drafts| {
        let plain = config(Mode::Speculative, link(""), 1);
        let again = "a table for two, a table for two, a table for two, a table for";
        greedy(&WorldConfig { drafts, ..plain }, again, 60)
    };
    let right_at = |accept| greedy(Drafts::RightAt { accept, seed: 7 });
    let (hardly, mostly) = (right_at(0.1), right_at(0.9));
    assert!(mostly.usage.target_passes < hardly.usage.target_passes);
    let share = |reply: &Reply| reply.usage.accepted as f64 / reply.usage.drafted as f64;
    assert!(share(&mostly) > 0.5 && share(&hardly) < 0.3, "{:?} {:?}", mostly.usage, hardly.usage);
    for source in Source::ALL.map(SourceChoice::Only).into_iter().chain([SourceChoice::Auto]) {
        let reply = greedy(Drafts::From(source));
        assert_eq!(reply.tokens, mostly.tokens, "{source:?}");
        assert!(reply.usage.drafted > 0, "{source:?}: {:?}", reply.usage);
    }
    assert_eq!(hardly.tokens, mostly.tokens);
}

/// Goal: failover and rejoin repeat as well. Method: nothing is carried from the third to the eighth
/// second, in the middle of a reply.
#[test]
fn an_outage_in_mid_reply_is_survived_and_repeats() {
    let link = link("[outages]\nscheduled = [{ at_s = 3, for_s = 5 }]");
    for mode in [Mode::Remote, Mode::Speculative] {
        let [first, again] = [1, 1].map(|seed| run(&config(mode, link.clone(), seed), 300));
        assert_eq!(first, again, "{mode:?}");
        let told: Vec<_> = first.notices.iter().map(|(_, notice)| notice).collect();
        let [Notice::Alone { .. }, rest @ ..] = &told[..] else { panic!("{mode:?}: {told:?}") };
        let rejoined = rest.iter().filter(|told| matches!(told, Notice::Rejoined { .. })).count();
        let judged = rest.iter().map(|told| match told {
            Notice::Judged { said, .. } => *said,
            Notice::Rejoined { .. } => 0,
            Notice::Alone { .. }
            | Notice::Switched { .. }
            | Notice::Stayed { .. }
            | Notice::Revised { .. } => panic!("{mode:?}: {told:?}"),
        });
        let alone = first.pieces.iter().filter(|(_, _, verified)| !verified).count();
        assert_eq!((rejoined, judged.sum::<usize>()), (1, alone), "{mode:?}: {told:?}");
        assert!(first.pieces.last().unwrap().2, "the target has the last word");
        let gap = |pair: &[(Duration, String, bool)]| pair[1].0 - pair[0].0;
        let longest = first.pieces.windows(2).map(gap).max().unwrap();
        assert!(longest < Duration::from_secs(1), "{mode:?}: {longest:?}");
    }
}

#[test]
fn a_split_over_three_nodes_repeats_and_says_the_same() {
    let expected = run(&config(Mode::Remote, link(""), 1), 20).reply.tokens;
    let config = WorldConfig { gateway: true, ..config(Mode::Split, link(""), 1) };
    let [first, again] = [(); 2].map(|()| run(&config, 20));
    assert_eq!(first, again);
    assert_eq!(first.reply.tokens, expected);
    assert!(first.reply.plan.contains("gateway"), "{}", first.reply.plan);
}

/// Real time is looked at because this is about it; it is a few hundredths of the bound.
#[test]
fn a_conversation_of_ten_minutes_takes_far_less() {
    let real = Instant::now();
    let conversation = async {
        let began = clock::now();
        let driving = LinkProfile::named("lte-driving").unwrap();
        let mut world = World::start(&config(Mode::Speculative, driving, 1)).await.unwrap();
        for _ in 0..3 {
            ask(&mut world, 60).await;
            tokio::time::sleep(Duration::from_mins(3) + Duration::from_secs(20)).await;
        }
        world.end().await;
        clock::now() - began
    };
    let virtual_time = in_virtual_time(conversation).unwrap();
    assert!(virtual_time > Duration::from_mins(10), "{virtual_time:?}");
    assert!(real.elapsed() < virtual_time / 10, "{:?}", real.elapsed());
}

/// Goal: the same world runs in real time too, with its engines on threads of their own.
#[tokio::test(flavor = "multi_thread")]
async fn a_world_in_real_time_says_the_same() {
    let pair = models::find(None).unwrap();
    let config = WorldConfig::new(pair, Mode::Speculative, None, 1);
    let expected = tokio::task::spawn_blocking({
        let config = config.clone();
        move || run(&config, 20)
    });
    let expected = expected.await.unwrap();
    let mut world = World::start(&config).await.unwrap();
    assert_eq!(ask(&mut world, 20).await.reply.tokens, expected.reply.tokens);
    world.end().await;
}
