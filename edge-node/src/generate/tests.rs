//! Replies that are held to a grammar, by real nodes in virtual time.

mod likelihoods;
mod outages;
mod refusals;
mod same_text;
mod shapes;

use crate::config::Switch;
use crate::demo::models;
use crate::device::Device;
use crate::experiment::{World, WorldConfig, delayed, in_virtual_time};
use crate::prompt::Prompt;
use crate::show::Unseen;
use crate::{Reply, Request};
use base::{Grammar, Privacy, Sampling};
use partitioner::{LocalChoice, Mode};
use runtime::Turn;
use settings::Pace;
use shapes::{Random, Shape};
use tokio_util::sync::CancellationToken;

/// What people ask.
const SAID: [&str; 8] = [
    "I'd like a table for two tonight.",
    "Where is the nearest hospital?",
    "Book me a cheap hotel in the north, please.",
    "What can you do?",
    "I need a train to Cambridge on Friday.",
    "Thanks, and the phone number?",
    "Is there parking?",
    "A taxi from the museum at 17:15.",
];

/// One request: what is said, and what the reply must be.
struct Case {
    said: &'static str,
    shape: Shape,
    sampling: Sampling,
}

/// The first `count` of a list that never ends: every fourth reply is the likeliest, others are hot.
fn cases(count: usize) -> Vec<Case> {
    let mut random = Random(11);
    (0..count)
        .map(|n| {
            let temperature = [0.0, 0.7, 1.0, 1.3][n % 4];
            let sampling = Sampling::new(temperature, 0, 1.0, n as u64).unwrap();
            Case {
                said: SAID[random.below(SAID.len())],
                shape: Shape::any(&mut random, 2),
                sampling,
            }
        })
        .collect()
}

/// So many of a test's cases, and all with `SLOW_TESTS=1`.
fn some(some: usize, all: usize) -> Vec<Case> {
    cases(if std::env::var("SLOW_TESTS").is_ok_and(|value| value == "1") { all } else { some })
}

/// Device, gateway and cloud, of which the device is the fastest: its drafts pay.
fn config(mode: Mode, outages: &str) -> WorldConfig {
    let link = delayed(20, &format!("[outages]\n{outages}"));
    let mut config = WorldConfig::new(models::find(None).unwrap(), mode, Some(link), 1);
    (config.local, config.gateway) = (LocalChoice::Target, true);
    // Never due, so that the device dials both.
    config.switches = vec![Switch { after: 10_000, mode: Mode::Remote, stages: None }];
    let pace = |decode_ms| Pace { decode_ms, per_row_ms: 0.5 };
    (config.paces.device, config.paces.gateway, config.paces.cloud) =
        (pace(3.0), pace(15.0), pace(30.0));
    config
}

/// The replies to `cases`, one after the other, of a device that `tune` has changed. Every second one is the
/// session's next, and keeps what is known of the beginning.
fn ask(
    config: &WorldConfig,
    class: Privacy,
    tune: impl FnOnce(&mut Device),
    cases: &[Case],
) -> Vec<Reply> {
    let run = async {
        let mut world = World::start(config).await.unwrap();
        // Until all links stand.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let device = world.device();
        tune(device);
        let mut replies = Vec::new();
        for (n, case) in cases.iter().enumerate() {
            let turn = Turn::said("user", case.said);
            let request = Request {
                grammar: Some(Grammar::JsonSchema(case.shape.schema().to_string())),
                keep: n % 2 == 0,
                ..Request::new(device.chat_prompt_of(&[turn], class).unwrap(), case.sampling, 300)
            };
            let cancel = CancellationToken::new();
            let reply = device.generate(&request, &mut Unseen, &cancel).await;
            replies
                .push(reply.unwrap_or_else(|error| panic!("{error:?}: {}", case.shape.schema())));
        }
        world.end().await;
        replies
    };
    in_virtual_time(run).unwrap()
}

/// Each reply is whole, JSON, and of its shape.
fn check(replies: &[Reply], cases: &[Case]) {
    for (reply, case) in replies.iter().zip(cases) {
        let what = format!("{} for {}", reply.text, case.shape.schema());
        assert_eq!(reply.finish_reason, "stop", "{what}");
        let value = serde_json::from_str(&reply.text);
        let value = value.unwrap_or_else(|error| panic!("{error}: {what}"));
        assert!(case.shape.accepts(&value), "{what}");
    }
}
