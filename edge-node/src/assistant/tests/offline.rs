//! What goes on while the target is out of reach.

use super::{CUT_OFF, Stage, ask, said, seconds, turns};
use crate::assistant::Ask;
use intents::Action;
use journal::{By, Outcome, Vouched};
use partitioner::Mode;
use routing::{Forecast, Hindrance, Hybrid, Route, Standing};
use std::time::Duration;

fn topic(action: &Action) -> (&str, &str) {
    let Action::Mqtt { topic, payload, .. } = action else { panic!("{action:?}") };
    (topic, payload)
}

/// Goal: in a tunnel intents act, questions are answered, and both are one conversation, in which "warmer" is known
/// to be of the temperature before.
#[test]
fn intents_act_and_questions_are_answered_in_one_conversation() {
    let stage = Stage::new(&[(2, 600)]).alike(0.7);
    stage.play(async |assistant| {
        seconds(CUT_OFF).await;
        assistant.probe().await;
        seconds(5).await;
        let set = ask(assistant, said(None, "set the heating to 21 degrees")).await.unwrap();
        assert_eq!((set.route, set.outcome), (Route::Action, Some(Outcome::Done)));
        assert!(set.text.contains("21 degrees"), "{}", set.text);
        let here = Some(set.conversation);
        let question = ask(assistant, said(here, "who invented the telephone")).await.unwrap();
        assert_eq!(question.route, Route::Local);
        let hybrid = &question.decision.considered[2].standing;
        let Standing::Impossible(Hindrance::OutOfReach { since }) = hybrid else {
            panic!("{hybrid:?}")
        };
        let since = since.as_secs();
        assert_eq!(since, 5, "since somebody has looked");
        let warmer = ask(assistant, said(here, "make it two degrees warmer")).await.unwrap();
        assert_eq!(warmer.intent.as_deref(), Some("car_warmer"));
        let turns = turns(assistant, set.conversation);
        let by: Vec<&By> = turns.iter().map(|turn| &turn.by).collect();
        let (unverified, route) = (Vouched::Unverified, journal::Route::Local);
        assert_eq!(by[3], &By::Model { route, vouched: unverified });
        let By::Action(action) = by[5] else { panic!("{by:?}") };
        assert!(action.slots.contains("23.0"), "{}", action.slots);
        assert_eq!((turns.len(), &turns[3].text), (6, &question.text));
    });
    let done = stage.recorder.done();
    let done: Vec<_> = done.iter().map(|(action, _)| topic(action)).collect();
    let wanted =
        [("car/climate/set", r#"{"celsius":21}"#), ("car/climate/change", r#"{"degrees":2}"#)];
    assert_eq!(done, wanted);
}

#[test]
fn an_action_that_fails_says_so_and_changes_nothing_that_is_spoken_of() {
    let stage = Stage::new(&[]);
    stage.recorder.refuses.store(1, std::sync::atomic::Ordering::Relaxed);
    stage.play(async |assistant| {
        let failed = ask(assistant, said(None, "set the heating to 21 degrees")).await.unwrap();
        assert_eq!(failed.text, "That did not work: nobody is there.");
        assert_eq!(failed.outcome, Some(Outcome::Failed("nobody is there".to_owned())));
        let here = Some(failed.conversation);
        ask(assistant, said(here, "make it two degrees warmer")).await.unwrap();
        let turns = turns(assistant, failed.conversation);
        let By::Action(action) = &turns[3].by else { panic!("{turns:?}") };
        let slots: serde_json::Value = serde_json::from_str(&action.slots).unwrap();
        assert!(slots.get("temperature").is_none() && slots.get("delta").is_some(), "{slots}");
    });
}

/// Goal: an intent that lacks something asks for it, and the answer is understood, in its conversation alone.
#[test]
fn what_is_missing_is_asked_for() {
    let stage = Stage::new(&[]);
    stage.play(async |assistant| {
        let lacking = ask(assistant, said(None, "set the heating to 50 degrees")).await.unwrap();
        assert_eq!(lacking.route, Route::Action);
        assert_eq!(lacking.text, "To how many degrees? (15 to 28)");
        let elsewhere = ask(assistant, said(None, "driver's window")).await.unwrap();
        assert_ne!(elsewhere.route, Route::Action, "{elsewhere:?}");
        let here = Some(lacking.conversation);
        let answered = ask(assistant, said(here, "24 degrees")).await.unwrap();
        assert_eq!(answered.intent.as_deref(), Some("car_temperature"));
    });
    let done = stage.recorder.done();
    assert_eq!(topic(&done[0].0), ("car/climate/set", r#"{"celsius":24}"#));
    assert_eq!(done.len(), 1, "{done:?}");
}

/// Goal: a device without a journal converses, and puts nothing off.
#[test]
fn without_a_journal_conversations_live_in_memory() {
    let mut stage = Stage::new(&[(2, 600)]).alike(0.2);
    stage.settings.journal = None;
    stage.play(async |assistant| {
        let first = ask(assistant, said(None, "why do cats purr")).await.unwrap();
        assert_eq!(first.route, Route::Hybrid);
        assert!(first.reply.as_ref().unwrap().verified.iter().all(|verified| *verified));
        seconds(CUT_OFF).await;
        let here = Some(first.conversation);
        let second = ask(assistant, said(here, "and dogs")).await.unwrap();
        assert_eq!(second.route, Route::Local, "{:?}", second.decision);
        let waits = &second.decision.considered[3].standing;
        assert!(matches!(waits, Standing::Impossible(Hindrance::NoRoom(_))), "{waits:?}");
        assert_eq!(turns(assistant, first.conversation).len(), 4);
    });
}

/// Goal: what cannot be is an error that says why, and leaves no trace.
#[test]
fn a_refused_request_hears_of_every_route_and_is_forgotten() {
    let stage = Stage::new(&[(2, 600)]);
    stage.play(async |assistant| {
        seconds(CUT_OFF).await;
        let hybrid = Ask { demanded: Some(Route::Hybrid), ..said(None, "why do cats purr") };
        let refused = ask(assistant, hybrid).await.unwrap_err().to_string();
        for part in
            ["action: the request asks for hybrid", "local: ", "hybrid: the target has been out"]
        {
            assert!(refused.contains(part), "{refused}");
        }
        let unknown = said(Some(journal::ConversationId(7)), "hello");
        let unknown = ask(assistant, unknown).await.unwrap_err().to_string();
        assert!(unknown.contains("no conversation 000"), "{unknown}");
        let callback = Ask { callback: Some("file:///etc".to_owned()), ..said(None, "hello") };
        assert!(ask(assistant, callback).await.unwrap_err().to_string().contains("http://"));
        assert!(ask(assistant, said(None, " \n")).await.is_err());
        let long = "x".repeat(assistant.mind.limits.text_bytes_max + 1);
        assert!(ask(assistant, said(None, &long)).await.is_err());
        assert_eq!(assistant.kept(|journal| journal.conversations()).unwrap(), []);
    });
}

/// Goal: a deadline keeps a request from routes that take longer, by what answers took before.
#[test]
fn a_deadline_is_held_against_what_answers_took() {
    let mut stage = Stage::new(&[]);
    stage.config.paces.cloud = settings::Pace { decode_ms: 200.0, per_row_ms: 0.0 };
    stage.play(async |assistant| {
        assistant.device.config.measured = None;
        ask(assistant, said(None, "why do cats purr")).await.unwrap();
        let deadline = Some(Duration::from_secs(1));
        let soon = Ask { deadline, ..said(None, "why do dogs bark") };
        let soon = ask(assistant, soon).await.unwrap();
        assert_eq!(soon.route, Route::Local, "{:?}", soon.decision);
        let hybrid = &soon.decision.considered[2].standing;
        assert!(matches!(hybrid, Standing::Impossible(Hindrance::Late { .. })), "{hybrid:?}");
    });
}

/// Goal: a fixed plan of nodes that were never measured has a forecast too.
#[test]
fn what_was_never_measured_is_foreseen_by_rule_of_thumb() {
    for mode in [Mode::Remote, Mode::Speculative, Mode::Split, Mode::Local] {
        let mut stage = Stage::new(&[]);
        stage.config.mode = mode;
        stage.play(async |assistant| {
            assistant.device.config.measured = None;
            let weighed = assistant.weigh(&said(None, "why"), super::NOON).await.unwrap();
            let hybrid = weighed.foreseen.hybrid;
            match mode {
                Mode::Local => assert_eq!(hybrid, Hybrid::None),
                Mode::Remote | Mode::Speculative | Mode::Split => {
                    let enough = |forecast: &Forecast| forecast.metered_bytes > 32_768;
                    let planned = matches!(&hybrid, Hybrid::Planned(forecast) if enough(forecast));
                    assert!(planned, "{hybrid:?}");
                }
            }
        });
    }
}
