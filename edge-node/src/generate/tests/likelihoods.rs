//! How likely tokens were is told by whoever chose them, and is the same however a reply is run.

use super::{SAID, config};
use crate::chain::tests::{RINGS, ring};
use crate::device::Device;
use crate::experiment::{World, WorldConfig, in_virtual_time};
use crate::{Notice, Reply, Request, Show};
use base::{Likelihoods, Privacy, Sampling};
use partitioner::{LocalChoice, Mode};
use protocol::AfterOutage;
use settings::Pace;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const TOP: usize = 3;

/// What was told of the tokens that stand.
#[derive(Default)]
struct Told(Vec<Likelihoods>);

impl Show for Told {
    fn piece(&mut self, _: &str, _: bool) {}

    fn likelihoods(&mut self, likelihoods: &Likelihoods) {
        self.0.push(likelihoods.clone());
    }

    fn notice(&mut self, notice: &Notice) {
        if let Notice::Revised { removed, .. } = notice {
            self.0.truncate(self.0.len() - removed);
        }
    }
}

/// Replies at two temperatures, and what was told of each.
fn told(
    config: &WorldConfig,
    class: Privacy,
    tune: impl FnOnce(&mut Device),
) -> Vec<(Reply, Vec<Likelihoods>)> {
    let run = async {
        let mut world = World::start(config).await.unwrap();
        // Until all links stand.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let device = world.device();
        tune(device);
        let mut replies = Vec::new();
        for (said, temperature) in SAID.into_iter().zip([0.0, 1.5]) {
            let prompt = device.raw_prompt_of(said, class);
            let sampling = Sampling::new(temperature, 0, 1.0, 5).unwrap();
            let request = Request {
                likelihoods: Some(u8::try_from(TOP).unwrap()),
                past_end: true,
                keep: true,
                ..Request::new(prompt, sampling, 24)
            };
            let (mut told, cancel) = (Told::default(), CancellationToken::new());
            let reply = device.generate(&request, &mut told, &cancel).await.unwrap();
            replies.push((reply, told.0));
        }
        world.end().await;
        replies
    };
    let replies = in_virtual_time(run).unwrap();
    for (reply, told) in &replies {
        let tokens: Vec<_> = told.iter().map(|token| token.chosen.0.0).collect();
        assert_eq!(tokens, reply.tokens, "one for each token");
        let counts = |token: &Likelihoods| token.top.len() == TOP && token.chosen.1 <= 0.0;
        assert!(told.iter().all(counts), "{told:?}");
    }
    replies
}

/// Goal: drafts, layers and heads change neither a token nor how likely it was. Method: the same requests by the cloud
/// alone, with drafts, by the target on the device, in a split, and in chains that come back for the head, also veiled.
#[test]
fn no_plan_changes_how_likely_a_token_was() {
    let told_of = |config: &WorldConfig| told(config, Privacy::Anywhere, |_| {});
    let only = |replies: Vec<(Reply, Vec<Likelihoods>)>| -> Vec<_> {
        replies.into_iter().map(|(_, told)| told).collect()
    };
    let expected = only(told_of(&config(Mode::Remote, "")));
    let likeliest = |token: &Likelihoods| token.top[0] == token.chosen;
    assert!(expected[0].iter().all(likeliest) && !expected[1].iter().all(likeliest));
    let drafted = told_of(&config(Mode::Speculative, ""));
    assert!(drafted.iter().all(|(reply, _)| reply.usage.accepted > 0));
    assert_eq!(only(drafted), expected, "with drafts");
    assert_eq!(only(told_of(&config(Mode::Local, ""))), expected, "the target here");
    assert_eq!(only(told_of(&config(Mode::Split, ""))), expected, "a split over three");
    for stages in RINGS {
        let tune = |device: &mut Device| device.config.plan.stages = ring(stages);
        for class in [Privacy::Anywhere, Privacy::Site] {
            let found = told(&config(Mode::Split, ""), class, tune);
            assert_eq!(only(found), expected, "{stages:?}, {class:?}");
        }
    }
}

/// Goal: through outages every token has its own, whoever said it. Method: links that are cut again and again, with and
/// without revisions.
#[test]
fn through_outages_every_token_has_its_own() {
    let cut = |n: u32| format!("{{ at_s = {:.1}, for_s = 0.8 }}", 0.5 + 1.4 * f64::from(n));
    let cuts = (0..40).map(cut).collect::<Vec<_>>().join(", ");
    for (mode, policy) in [
        (Mode::Remote, AfterOutage::Keep),
        (Mode::Speculative, AfterOutage::Keep),
        (Mode::Speculative, AfterOutage::Revise),
    ] {
        let mut config = config(mode, &format!("scheduled = [{cuts}]"));
        config.local = LocalChoice::Draft;
        let pace = Pace { decode_ms: 60.0, per_row_ms: 1.0 };
        (config.paces.device, config.paces.cloud) = (pace, pace);
        let tune = |device: &mut Device| device.config.plan.after_outage = policy;
        let found = told(&config, Privacy::Anywhere, tune);
        let alone = found.iter().flat_map(|(reply, _)| &reply.verified).filter(|word| !**word);
        assert!(alone.count() > 0 || policy == AfterOutage::Revise, "nothing was said alone");
        assert!(found.iter().any(|(reply, _)| reply.usage.failovers > 0), "{mode:?}");
    }
}
