//! What may not leave the device does not, on any route.

use super::{Stage, ask, said};
use crate::assistant::Ask;
use base::Privacy;
use partitioner::Mode;
use routing::{Hindrance, Policy, Route, Rule, Standing};

/// Goal: no route sends anything of class device. Method: every route demanded, and none, in every mode.
#[test]
fn no_route_sends_what_is_confined() {
    for mode in [Mode::Local, Mode::Remote, Mode::Speculative, Mode::Split] {
        let mut stage = Stage::new(&[]).alike(0.2);
        stage.config.mode = mode;
        stage.play(async |assistant| {
            let before = assistant.device.uplinks.traffic();
            for demanded in Route::ALL.map(Some).into_iter().chain([None]) {
                let class = Some(Privacy::Device);
                let secret = Ask { class, demanded, ..said(None, "my salary is secret") };
                match ask(assistant, secret).await {
                    Ok(answer) => assert_eq!(answer.route, Route::Local, "{mode} {demanded:?}"),
                    Err(error) => {
                        assert!(demanded.is_some_and(|route| route != Route::Local), "{error}");
                    }
                }
            }
            assert_eq!(assistant.device.uplinks.traffic(), before, "{mode}");
        });
    }
}

/// Goal: a conversation is as strict as its strictest turn, for good.
#[test]
fn a_conversation_with_one_secret_stays_here() {
    let stage = Stage::new(&[]);
    stage.play(async |assistant| {
        let open = ask(assistant, said(None, "why do cats purr")).await.unwrap();
        assert_eq!(open.route, Route::Hybrid);
        let here = Some(open.conversation);
        let class = Some(Privacy::Device);
        ask(assistant, Ask { class, ..said(here, "my salary is secret") }).await.unwrap();
        let before = assistant.device.uplinks.traffic().frames;
        let later = ask(assistant, said(here, "why do dogs bark")).await.unwrap();
        assert_eq!((later.route, later.decision.class), (Route::Local, Privacy::Device));
        let hybrid = &later.decision.considered[2].standing;
        assert!(matches!(hybrid, Standing::Impossible(Hindrance::Privacy { .. })), "{hybrid:?}");
        assert_eq!(assistant.device.uplinks.traffic().frames, before);
        let elsewhere = ask(assistant, said(None, "why do dogs bark")).await.unwrap();
        assert_eq!(elsewhere.route, Route::Hybrid, "another conversation is none of it");
    });
}

/// Goal: a rule of the operator's makes what is said about a thing stay here, and the conversation with it.
#[test]
fn a_rule_keeps_a_word_here() {
    let mut stage = Stage::new(&[]).alike(0.7);
    let rule = Rule {
        name: "health".to_owned(),
        says: Some(vec!["blood pressure".to_owned()]),
        class: Some(Privacy::Device),
        ..Rule::default()
    };
    stage.settings.routing.as_mut().unwrap().policy =
        Policy { rules: vec![rule], ..Policy::default() };
    stage.play(async |assistant| {
        let secret = ask(assistant, said(None, "My blood pressure is high.")).await.unwrap();
        assert_eq!((secret.route, secret.decision.rules), (Route::Local, vec!["health".into()]));
        let class = assistant.mind.memory.class(secret.conversation).unwrap();
        assert_eq!(class, Some(Privacy::Device));
        let told = [("user", "My blood pressure is high."), ("assistant", "oh"), ("user", "why?")];
        let turns = told.map(|(role, words)| runtime::Turn::said(role, words)).to_vec();
        let before = assistant.device.uplinks.traffic();
        let kept = Ask { turns: Some(turns), ..said(None, "why?") };
        let later = ask(assistant, kept).await.unwrap();
        assert_eq!((later.route, later.decision.class), (Route::Local, Privacy::Device));
        assert_eq!(assistant.device.uplinks.traffic(), before, "its caller keeps it, and so do we");
    });
}
