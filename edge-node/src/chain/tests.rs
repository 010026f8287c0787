//! Chains that come back for the head: real nodes in virtual time.

use crate::config::Switch;
use crate::demo::{models, nodes};
use crate::experiment::{World, WorldConfig, delayed, in_virtual_time};
use crate::prompt::Prompt;
use crate::show::Unseen;
use crate::{Reply, Request};
use base::{LayerRange, Privacy, Role, Sampling, WireCodec};
use partitioner::{LocalChoice, Mode, RequestedStage};
use settings::Pace;
use tokio_util::sync::CancellationToken;

const PROMPT: &str = "I would like to book a table for";
const TOKENS: u32 = 40;

/// Bytes of a row of the demo target's hidden states, as they are.
const ROW: u64 = 256 * 4;

/// Of a target of six layers: on the device itself, on the gateway, and past that.
pub(crate) const RINGS: [&[(Role, u32, u32)]; 6] = [
    &[(Role::Device, 0, 2), (Role::Cloud, 2, 6), (Role::Device, 6, 6)],
    &[(Role::Device, 0, 2), (Role::Gateway, 2, 6), (Role::Device, 6, 6)],
    &[(Role::Gateway, 0, 3), (Role::Cloud, 3, 6), (Role::Gateway, 6, 6)],
    &[(Role::Device, 0, 2), (Role::Gateway, 2, 4), (Role::Cloud, 4, 6), (Role::Gateway, 6, 6)],
    &[(Role::Device, 0, 2), (Role::Gateway, 2, 4), (Role::Cloud, 4, 6), (Role::Device, 6, 6)],
    &[(Role::Gateway, 0, 3), (Role::Cloud, 3, 6), (Role::Device, 6, 6)],
];

pub(crate) fn ring(stages: &[(Role, u32, u32)]) -> Vec<RequestedStage> {
    let stage = |(role, start, end): &(Role, u32, u32)| RequestedStage {
        node: nodes::name(*role),
        layers: LayerRange::new(*start, *end).unwrap(),
        codec: WireCodec::F32,
    };
    stages.iter().map(stage).collect()
}

fn config(mode: Mode, outages: &str) -> WorldConfig {
    let link = delayed(25, &format!("[outages]\n{outages}"));
    let mut config = WorldConfig::new(models::find(None).unwrap(), mode, Some(link), 1);
    (config.local, config.gateway) = (LocalChoice::Target, true);
    // Never due, so that the device dials both.
    config.switches = vec![Switch { after: 10_000, mode: Mode::Remote, stages: None }];
    let pace = Pace { decode_ms: 20.0, per_row_ms: 1.0 };
    (config.paces.device, config.paces.gateway, config.paces.cloud) = (pace, pace, pace);
    config
}

/// The replies to a conversation of `prompts`, each with all that was said before it. So hot that every token
/// depends on the noise at its place.
fn ask(config: &WorldConfig, stages: Option<&[(Role, u32, u32)]>, prompts: &[&str]) -> Vec<Reply> {
    ask_of(Privacy::Anywhere, config, stages, prompts)
}

/// The same, of texts of `class`.
fn ask_of(
    class: Privacy,
    config: &WorldConfig,
    stages: Option<&[(Role, u32, u32)]>,
    prompts: &[&str],
) -> Vec<Reply> {
    let run = async {
        let mut world = World::start(config).await.unwrap();
        // Until all links stand.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let device = world.device();
        if let Some(stages) = stages {
            device.config.plan.stages = ring(stages);
        }
        let (mut text, mut replies) = (Vec::new(), Vec::new());
        for prompt in prompts {
            text.extend(device.models.tokenizer.prompt(prompt));
            let request = Request {
                keep: true,
                grammar: None,
                past_end: true,
                ..Request::new(
                    Prompt::new(text.clone(), class),
                    Sampling::new(1.5, 0, 1.0, 7).unwrap(),
                    TOKENS,
                )
            };
            let cancel = CancellationToken::new();
            let reply = device.generate(&request, &mut Unseen, &cancel).await.unwrap();
            text.extend(reply.tokens.iter().map(|token| base::TokenId(*token)));
            replies.push(reply);
        }
        world.end().await;
        replies
    };
    in_virtual_time(run).unwrap()
}

/// Goal: wherever the head is, the text is that of a target in one piece, vouched for to the last token, also
/// in the conversation's next request. That one sends what is new, and nobody computes the rest again.
#[test]
fn every_ring_says_what_the_target_says() {
    let prompts = [PROMPT, " and then"];
    let expected = ask(&config(Mode::Remote, ""), None, &prompts);
    for stages in RINGS {
        let replies = ask(&config(Mode::Split, ""), Some(stages), &prompts);
        for (reply, expected) in replies.iter().zip(&expected) {
            let what = &reply.plan;
            assert_eq!(reply.tokens, expected.tokens, "{what}");
            assert!(reply.verified.iter().all(|verified| *verified), "{what}");
            assert_eq!((reply.usage.failovers, reply.usage.judged), (0, 0), "{what}");
            assert!(reply.usage.target_passes > 0, "{what}");
        }
        let (first, second) = (&replies[0].usage, &replies[1].usage);
        assert!(second.prompt_tokens > first.prompt_tokens + TOKENS as usize);
        let most = u64::from(TOKENS) * 3 * ROW;
        assert!(second.frame_bytes_sent < most, "{} up", second.frame_bytes_sent);
    }
}

/// Goal: a ring is a plan like any other in mid-reply. Method: from a target in one piece to each ring, and on
/// to the next one.
#[test]
fn between_rings_the_text_stays() {
    let expected = ask(&config(Mode::Remote, ""), None, &[PROMPT]).remove(0).tokens;
    for (there, on) in RINGS.iter().zip(RINGS.iter().cycle().skip(1)) {
        let switch =
            |after, stages: &[_]| Switch { after, mode: Mode::Split, stages: Some(ring(stages)) };
        let mut config = config(Mode::Remote, "");
        config.switches = vec![switch(5, there), switch(20, on)];
        let reply = ask(&config, None, &[PROMPT]).remove(0);
        assert_eq!(reply.tokens, expected, "{reply:?}");
        assert!(reply.verified.iter().all(|verified| *verified), "{reply:?}");
        assert_eq!(reply.switches.len(), 2, "{reply:?}");
    }
}

/// Goal: a prompt's rows do not come back, but for the one that the first token is chosen from.
#[test]
fn of_a_long_prompt_one_row_comes_back() {
    let prompt = PROMPT.repeat(60);
    for stages in [RINGS[0], RINGS[4]] {
        let mut config = config(Mode::Split, "");
        config.models.draft = None;
        let reply = ask(&config, Some(stages), &[&prompt]).remove(0);
        assert!(reply.usage.prompt_tokens > 480, "{:?}", reply.usage);
        // Passes name their tokens on the way back, too.
        let most = u64::from(TOKENS) * (ROW + 100) + 6_000;
        let came = reply.usage.frame_bytes_received;
        println!(
            "{} tokens of prompt, {came} bytes of frames came down",
            reply.usage.prompt_tokens
        );
        assert!(came < most, "{came} bytes came down, at most {most} were due");
    }
}

/// Goal: cut off in mid-ring the device goes on alone, and what it said is judged when the link is back: the
/// chain holds what it held, and the head knows it. Method: a cut of 0.7 s, longer than silence is borne.
#[test]
fn a_ring_that_was_cut_closes_again() {
    let expected = ask(&config(Mode::Remote, ""), None, &[PROMPT]).remove(0).tokens;
    for stages in [RINGS[0], RINGS[2], RINGS[4]] {
        let config = config(Mode::Split, "scheduled = [{ at_s = 1.0, for_s = 0.7 }]");
        let reply = ask(&config, Some(stages), &[PROMPT]).remove(0);
        let (usage, verified) = (&reply.usage, &reply.verified);
        assert!(usage.failovers == 1 && usage.judged > 0, "{reply:?}");
        let vouched = verified.iter().take_while(|verified| **verified).count();
        assert!(vouched > 0 && reply.tokens[..vouched] == expected[..vouched], "{reply:?}");
        assert!(verified.ends_with(&[true]), "{reply:?}");
    }
}

/// Goal: a text that clouds may not read is run by one all the same where embedding and head are on the site, and
/// says the same, over both links and in the conversation's next request; no id of it goes up as it is. Where the
/// cloud would read it, it is refused before anything is sent.
#[test]
fn a_cloud_runs_layers_of_a_text_that_it_may_not_read() {
    let prompts = [PROMPT, " and then"];
    let expected = ask(&config(Mode::Remote, ""), None, &prompts);
    for stages in RINGS {
        let replies = ask_of(Privacy::Site, &config(Mode::Split, ""), Some(stages), &prompts);
        for (reply, expected) in replies.iter().zip(&expected) {
            assert_eq!(reply.tokens, expected.tokens, "{}", reply.plan);
            assert!(reply.verified.iter().all(|verified| *verified), "{}", reply.plan);
            assert_eq!((reply.usage.failovers, reply.usage.judged), (0, 0), "{}", reply.plan);
        }
        let most = u64::from(TOKENS) * 3 * ROW;
        let sent = replies[1].usage.frame_bytes_sent;
        assert!(
            sent < most,
            "what was read once is not sent again: {sent} bytes, {}",
            replies[1].plan
        );
    }
}

/// Goal: the same after an outage in mid-reply, when above has to be told again what it holds.
#[test]
fn a_veiled_text_survives_an_outage() {
    let outages = "scheduled = [{ at_s = 1.2, for_s = 0.9 }]";
    let stages = RINGS[0];
    let expected = ask(&config(Mode::Split, outages), Some(stages), &[PROMPT]).remove(0);
    let veiled = ask_of(Privacy::Site, &config(Mode::Split, outages), Some(stages), &[PROMPT]);
    assert!(expected.usage.failovers > 0, "there was an outage");
    assert_eq!(veiled[0].tokens, expected.tokens);
    assert_eq!(veiled[0].usage.failovers, expected.usage.failovers);
}
