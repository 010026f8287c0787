//! A device that plans itself: real nodes in virtual time.

use crate::demo::models;
use crate::experiment::{World, WorldConfig, delayed, emulated, in_virtual_time};
use crate::{Notice, Reply, Request, Show};
use base::Sampling;
use partitioner::Mode;
use settings::Pace;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const PROMPT: &str = "I would like to book a table for";
const TOKENS: u32 = 240;

/// A pass of the cloud, and each of its rows.
const CLOUD: Pace = Pace { decode_ms: 40.0, per_row_ms: 3.0 };

#[derive(Default)]
struct Notices(Vec<Notice>);

impl Show for Notices {
    fn piece(&mut self, _: &str, _: bool) {}

    fn notice(&mut self, notice: &Notice) {
        self.0.push(notice.clone());
    }
}

/// A device that takes `device_ms` for a token of either model, and a cloud behind a round trip of 50 ms.
fn planning(device_ms: f64, outages: &str) -> WorldConfig {
    let models = models::find(None).unwrap();
    let link = delayed(25, &format!("[outages]\n{outages}"));
    let mut config = WorldConfig::new(models, Mode::Remote, Some(link), 1);
    config.auto = true;
    config.paces.device = Pace { decode_ms: device_ms, per_row_ms: 0.0 };
    config.paces.cloud = CLOUD;
    config
}

fn ask(config: &WorldConfig) -> (Reply, Notices) {
    ask_about(config, PROMPT)
}

/// A reply so hot that every token of it depends on the noise at its place.
fn ask_about(config: &WorldConfig, prompt: &str) -> (Reply, Notices) {
    let run = async {
        let mut world = World::start(config).await.unwrap();
        // Until all links stand.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let device = world.device();
        let request = Request {
            past_end: true,
            ..Request::new(
                device.raw_prompt(prompt),
                Sampling::new(1.0, 0, 1.0, 7).unwrap(),
                TOKENS,
            )
        };
        let mut notices = Notices::default();
        let reply = device.generate(&request, &mut notices, &CancellationToken::new()).await;
        world.end().await;
        (reply.unwrap(), notices)
    };
    in_virtual_time(run).unwrap()
}

fn plans(reply: &Reply) -> Vec<&str> {
    let first = std::iter::once(reply.plan.as_str());
    first.chain(reply.switches.iter().map(|switch| switch.plan.as_str())).collect()
}

#[test]
fn a_slow_device_has_its_cloud_speak_and_a_fast_one_speaks_itself() {
    let (slow, _) = ask(&planning(200.0, ""));
    assert!(slow.plan.starts_with("remote: cloud"), "{}", slow.plan);
    let (fast, _) = ask(&planning(10.0, ""));
    assert!(fast.plan.starts_with("local"), "{}", fast.plan);
    assert!(fast.verified.iter().all(|verified| *verified), "the target speaks here");
    assert_eq!(slow.tokens, fast.tokens, "the plan changes no token");
    assert!(slow.switches.is_empty() && fast.switches.is_empty(), "{slow:?} {fast:?}");
}

/// Goal: a target that is lost for long is run on the device, and by the cloud again when that is back.
#[test]
fn an_outage_is_spent_with_the_target_on_the_device() {
    let outage = "scheduled = [{ at_s = 3, for_s = 12 }]\n";
    let (reply, notices) = ask(&planning(120.0, outage));
    let plans = plans(&reply);
    assert!(plans[0].contains("cloud"), "{plans:?}");
    assert!(plans.iter().any(|plan| plan.starts_with("local")), "{plans:?} {:?}", notices.0);
    assert!(plans.last().unwrap().contains("cloud"), "{plans:?}");
    assert!(plans.len() <= 4, "no plan is changed again and again: {plans:?}");
    assert_eq!(reply.tokens.len(), TOKENS as usize);
}

#[test]
fn a_link_that_wavers_changes_no_plan() {
    let text = "[up]\ndelay_ms = { p0 = 10, p50 = 25, p100 = 60 }\nloss = 0.02\n\
                [down]\ndelay_ms = { p0 = 10, p50 = 25, p100 = 60 }\nloss = 0.02\n";
    let mut config = planning(60.0, "");
    config.link = Some(emulated(text));
    let (reply, _) = ask(&config);
    assert!(reply.switches.len() <= 1, "{:?}", plans(&reply));
}

/// Goal: a device that keeps up with its target is the target at once when that is lost. Method: a long prompt on a
/// device that takes seconds to read it; the time from the last word before the outage to the target's own
/// next one, on the device.
#[test]
fn a_device_on_standby_is_the_target_at_once() {
    let run = |standby| {
        let mut config = planning(120.0, "scheduled = [{ at_s = 4, for_s = 30 }]\n");
        config.paces.device = Pace { decode_ms: 60.0, per_row_ms: 60.0 };
        config.segments.standby = standby;
        ask_about(&config, &PROMPT.repeat(24))
    };
    let ((behind, _), (ready, notices)) = (run(false), run(true));
    assert_eq!(ready.tokens.len(), TOKENS as usize);
    let local = |reply: &Reply| {
        let switch = reply.switches.iter().find(|switch| switch.plan.starts_with("local"));
        switch.map(|switch| (switch.after, switch.pause_ms.unwrap_or(f64::INFINITY)))
    };
    let (_, pause) =
        local(&ready).unwrap_or_else(|| panic!("{:?} {:?}", ready.switches, notices.0));
    println!("on standby {:?}, behind {:?}", local(&ready), local(&behind));
    assert!(pause < 4_000.0, "{pause} ms");
    assert!(local(&behind).is_none_or(|(_, later)| pause < later / 2.0), "{:?}", local(&behind));
}
