//! Texts that may not leave, on a device with every reason to ask: real nodes in virtual time.

use crate::demo::models;
use crate::experiment::{World, WorldConfig, in_virtual_time};
use crate::prompt::Prompt;
use crate::{Notice, Reply, Request, Show};
use base::{Privacy, Sampling};
use partitioner::{LocalChoice, Mode};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use transport::Traffic;

const TOKENS: u32 = 24;

#[derive(Default)]
struct Tokens {
    verified: Vec<bool>,
    text: String,
}

impl Show for Tokens {
    fn piece(&mut self, text: &str, _: bool) {
        self.text.push_str(text);
    }

    fn token(&mut self, verified: bool) {
        self.verified.push(verified);
    }

    fn notice(&mut self, notice: &Notice) {
        panic!("nothing happens to a target that is not asked: {notice:?}");
    }
}

/// A hot reply, and what the device's links carried for it.
fn ask(mode: Mode, local: LocalChoice, class: Privacy, stop: &[&str]) -> (Reply, Tokens, Traffic) {
    let mut config = WorldConfig::new(models::find(None).unwrap(), mode, None, 1);
    config.local = local;
    let run = async {
        let mut world = World::start(&config).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let device = world.device();
        let text = device.models.tokenizer.prompt("I would like to book a table for");
        let request = Request {
            stop: stop.iter().map(ToString::to_string).collect(),
            past_end: true,
            ..Request::new(Prompt::new(text, class), Sampling::new(1.5, 0, 1.0, 7).unwrap(), TOKENS)
        };
        let (mut show, before) = (Tokens::default(), device.uplinks.traffic());
        let reply = device.generate(&request, &mut show, &CancellationToken::new()).await;
        let crossed = device.uplinks.traffic() - before;
        assert!(
            device.said.is_empty() || class != Privacy::Device,
            "no later request builds on it"
        );
        world.end().await;
        (reply.unwrap(), show, crossed)
    };
    in_virtual_time(run).unwrap()
}

/// Goal: what is confined is answered as a device without a network answers, and no link carries a byte for it.
/// Method: the same question in every mode.
#[test]
fn no_mode_sends_what_is_confined() {
    let (alone, ..) = ask(Mode::Local, LocalChoice::Draft, Privacy::Anywhere, &[]);
    for mode in [Mode::Local, Mode::Remote, Mode::Speculative, Mode::Split] {
        let (reply, show, crossed) = ask(mode, LocalChoice::Draft, Privacy::Device, &[]);
        assert_eq!(reply.tokens, alone.tokens, "{mode}");
        assert_eq!(show.text, reply.text);
        assert_eq!(show.verified, vec![false; TOKENS as usize], "{mode}");
        assert_eq!(reply.verified, show.verified);
        assert_eq!(crossed, Traffic::default(), "{mode}");
        assert_eq!(reply.plan, "confined to the device: the draft model");
    }
    let (sent, _, crossed) = ask(Mode::Remote, LocalChoice::Draft, Privacy::Anywhere, &[]);
    assert!(sent.verified.iter().all(|verified| *verified) && crossed != Traffic::default());
}

/// Goal: where the whole target is here, it answers, and vouches for it.
#[test]
fn the_target_answers_where_it_is_here() {
    let (travelling, ..) = ask(Mode::Remote, LocalChoice::Target, Privacy::Anywhere, &[]);
    let (reply, show, crossed) = ask(Mode::Local, LocalChoice::Target, Privacy::Device, &[]);
    assert_eq!(reply.tokens, travelling.tokens);
    assert_eq!(show.verified, vec![true; TOKENS as usize]);
    assert_eq!(crossed, Traffic::default());
}

#[test]
fn a_confined_answer_ends_before_a_stop_string() {
    let (whole, ..) = ask(Mode::Local, LocalChoice::Draft, Privacy::Device, &[]);
    let word = whole.text.split_whitespace().nth(4).unwrap();
    let (reply, show, _) = ask(Mode::Local, LocalChoice::Draft, Privacy::Device, &[word]);
    assert!(whole.text.starts_with(&reply.text) && !reply.text.contains(word));
    assert_eq!((reply.finish_reason, show.text), ("stop", reply.text.clone()));
}
