//! Other modes in mid-reply: real nodes in virtual time.

use crate::config::Switch;
use crate::demo::models;
use crate::experiment::{World, WorldConfig, delayed, in_virtual_time};
use crate::{Notice, Reply, Request, Show};
use base::Sampling;
use partitioner::{LocalChoice, Mode};
use settings::Pace;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use transport::clock;

const PROMPT: &str = "I would like to book a table for";
const TOKENS: u32 = 60;

/// A pass of gateway and cloud, and each of its rows.
const PASS: Pace = Pace { decode_ms: 20.0, per_row_ms: 1.0 };

/// What was told, and when the reply grew.
#[derive(Default)]
struct Watch {
    notices: Vec<Notice>,
    at: Vec<Instant>,
}

impl Show for Watch {
    fn piece(&mut self, _: &str, _: bool) {}

    fn token(&mut self, _: bool) {
        self.at.push(clock::now());
    }

    fn notice(&mut self, notice: &Notice) {
        self.notices.push(notice.clone());
    }
}

impl Watch {
    fn longest_pause(&self) -> Duration {
        self.at.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
    }
}

fn config(mode: Mode, switches: &[(u32, Mode)], outages: &str) -> WorldConfig {
    let link = delayed(25, &format!("[outages]\n{outages}"));
    let mut config = WorldConfig::new(models::find(None).unwrap(), mode, Some(link), 1);
    config.switches = switches
        .iter()
        .map(|(after, mode)| Switch { after: *after, mode: *mode, stages: None })
        .collect();
    (config.local, config.gateway) = (LocalChoice::Target, true);
    (config.paces.gateway, config.paces.cloud) = (PASS, PASS);
    config.paces.device = Pace { decode_ms: 20.0, per_row_ms: 0.0 };
    config
}

fn ask(config: &WorldConfig) -> (Reply, Watch) {
    ask_about(config, PROMPT)
}

/// A reply so hot that every token of it depends on the noise at its place.
fn ask_about(config: &WorldConfig, prompt: &str) -> (Reply, Watch) {
    let run = async {
        let mut world = World::start(config).await.unwrap();
        // Until all links stand.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let device = world.device();
        let request = Request {
            past_end: true,
            ..Request::new(
                device.raw_prompt(prompt),
                Sampling::new(1.5, 0, 1.0, 7).unwrap(),
                TOKENS,
            )
        };
        let mut watch = Watch::default();
        let reply = device.generate(&request, &mut watch, &CancellationToken::new()).await;
        world.end().await;
        (reply.unwrap(), watch)
    };
    in_virtual_time(run).unwrap()
}

/// Goal: from any mode to any other, and back, the text is that of no switch at all, the target vouches
/// for every token, and nobody was lost. Method: all pairs, early and late, over one device, gateway
/// and cloud.
#[test]
fn between_any_two_modes_the_text_stays() {
    let expected = ask(&config(Mode::Remote, &[], "")).0.tokens;
    for from in Mode::ALL {
        for to in Mode::ALL.into_iter().filter(|to| *to != from) {
            for (there, back) in [(1, 30), (9, 40)] {
                let (reply, watch) = ask(&config(from, &[(there, to), (back, from)], ""));
                println!("{from} to {to} and back: longest pause {:?}", watch.longest_pause());
                let what = format!("{from} to {to} after {there}, back after {back}: {reply:?}");
                assert_eq!(reply.tokens, expected, "{what}");
                assert!(reply.verified.iter().all(|verified| *verified), "{what}");
                assert_eq!((reply.usage.failovers, reply.usage.judged), (0, 0), "{what}");
                let [first, second] = &reply.switches[..] else { panic!("{what}") };
                assert!(first.after >= there as usize && second.after >= back as usize, "{what}");
                assert!(first.plan.starts_with(to.as_str()), "{what}");
                assert!(second.plan.starts_with(from.as_str()), "{what}");
            }
        }
    }
}

/// Goal: nobody waits for a prefill. Method: a prompt of which two nodes need half a second each; while they
/// read it the present stages go on.
#[test]
fn a_plan_is_taken_over_when_its_stages_have_read_the_text() {
    let pass = Pace { decode_ms: 20.0, per_row_ms: 3.0 };
    let mut config = config(Mode::Remote, &[(10, Mode::Split)], "");
    (config.paces.gateway, config.paces.cloud) = (pass, pass);
    let (reply, watch) = ask_about(&config, &PROMPT.repeat(20));
    assert_eq!(reply.switches.len(), 1, "{:?}", watch.notices);
    let prompt_tokens = reply.usage.prompt_tokens;
    println!("a prompt of {prompt_tokens} tokens, longest pause {:?}", watch.longest_pause());
    assert!(prompt_tokens > 160, "{prompt_tokens}");
    assert!(watch.longest_pause() < Duration::from_millis(500), "{:?}", watch.longest_pause());
}

/// A mode with the same stages has nothing to open: what is under way goes on.
#[test]
fn drafting_for_a_target_that_led_costs_no_pause() {
    let paused = |switches| ask(&config(Mode::Remote, switches, "")).1.longest_pause();
    let (plain, switched) = (paused(&[]), paused(&[(10, Mode::Speculative), (20, Mode::Remote)]));
    assert!(switched <= plain + Duration::from_millis(25), "{switched:?}, without {plain:?}");
}

/// Goal: the device alone by choice speaks with its draft model, without a word of a lost target, and
/// what it said is judged when the target is asked again.
#[test]
fn alone_by_choice_is_no_failure() {
    let mut plan = config(Mode::Remote, &[(10, Mode::Local), (20, Mode::Remote)], "");
    plan.paces.device = Pace { decode_ms: 30.0, per_row_ms: 0.0 };
    let (reply, watch) = ask(&WorldConfig { local: LocalChoice::Draft, ..plan });
    assert!(reply.verified[..10].iter().all(|verified| *verified));
    assert!(!reply.verified[10..].iter().all(|verified| *verified));
    assert!(*reply.verified.last().unwrap());
    assert_eq!(reply.usage.failovers, 0);
    let [Notice::Switched { .. }, Notice::Switched { .. }, Notice::Judged { said, .. }] =
        watch.notices[..]
    else {
        panic!("{:?}", watch.notices)
    };
    assert_eq!(said, reply.usage.judged);
    assert!(said >= 10, "{said}");
}

/// Goal: a switch waits for a peer that cannot be reached. Method: the links are down when it is due;
/// the device is the target, and says on what nobody else can.
#[test]
fn a_plan_whose_peer_is_out_of_reach_waits_for_it() {
    let expected = ask(&config(Mode::Remote, &[], "")).0.tokens;
    let down = "scheduled = [{ at_s = 0.8, for_s = 4 }]";
    let mut config = config(Mode::Local, &[(5, Mode::Remote)], down);
    config.paces.device = Pace { decode_ms: 250.0, per_row_ms: 0.0 };
    let (reply, watch) = ask(&config);
    assert_eq!(reply.tokens, expected);
    assert!(reply.verified.iter().all(|verified| *verified), "{reply:?}");
    let last = reply.switches.last().unwrap();
    assert!(last.after >= 10 && last.plan.starts_with("remote"), "{:?}", reply.switches);
    assert!(reply.usage.rounds > 0, "the target has its say in the end");
    // A word of the device that is not needed any more, and a round trip.
    assert!(watch.longest_pause() < Duration::from_millis(400), "{:?}", watch.longest_pause());
}
