//! Requests that wait, and the answers that they get.

use super::{CUT_OFF, Recorder, Stage, ask, said, seconds, turns};
use crate::assistant::{Ask, AskError, Assistant, Tended};
use base::Sampling;
use intents::Action;
use journal::{By, Caps, ConversationId, State, Vouched};
use routing::Route;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const QUESTION: &str = "explain how black holes form";
const BACK: &str = "http://127.0.0.1:9/answer";

async fn tend(assistant: &mut Assistant<Recorder>) -> Tended {
    assistant.tend(&CancellationToken::new()).await.unwrap()
}

/// A question so hot that every token of its answer depends on the seed.
fn hot(conversation: Option<ConversationId>, text: &str) -> Ask {
    Ask { sampling: Some(Sampling::new(1.5, 0, 1.0, 7).unwrap()), ..said(conversation, text) }
}

/// Goal: a question that the device cannot answer well waits for the link, and its answer comes once: into the
/// conversation, and to whoever wanted to be called back, who was not there at first.
#[test]
fn a_hard_question_is_answered_once_when_the_link_is_back() {
    let stage = Stage::new(&[(2, 30)]).alike(0.2);
    stage.recorder.refuses.store(1, Ordering::Relaxed);
    let asked = stage.play(async |assistant| {
        seconds(CUT_OFF).await;
        let wanted = Ask { callback: Some(BACK.to_owned()), ..hot(None, QUESTION) };
        let waits = ask(assistant, wanted).await.unwrap();
        assert_eq!((waits.route, waits.text.as_str()), (Route::Deferred, ""));
        let here = waits.conversation;
        assert_eq!(tend(assistant).await, Tended::default(), "the link is down");
        assert_eq!(turns(assistant, here).len(), 1);
        seconds(40).await;
        let tended = tend(assistant).await;
        assert_eq!(tended.answered.len(), 1, "{tended:?}");
        assert_eq!(tended.called_back, [], "nobody was there");
        assert_eq!(tend(assistant).await, Tended::default(), "too early for the next attempt");
        seconds(6).await;
        let id = waits.deferred.unwrap();
        assert_eq!(tend(assistant).await.called_back, [id]);
        assert_eq!(tend(assistant).await, Tended::default());
        assert_eq!(assistant.next_tending().unwrap(), Some(Duration::from_secs(3_600)));
        let turns = turns(assistant, here);
        let vouched = Vouched::Verified;
        assert_eq!(turns[1].by, By::Model { route: journal::Route::Deferred, vouched });
        assert_eq!((turns.len(), &turns[1].text), (2, &tended.answered[0].2));
        (id, turns[1].text.clone())
    });
    let done = stage.recorder.done();
    let [(Action::Http { url, body: Some(body), .. }, id)] = &done[..] else { panic!("{done:?}") };
    assert_eq!((url.as_str(), *id), (BACK, asked.0.0));
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["text"], asked.1);
}

/// Goal: what can never be answered is given up at once, and not tried until it expires.
#[test]
fn a_question_whose_answer_nothing_can_be_is_given_up() {
    let stage = Stage::new(&[(2, 30)]).alike(0.2);
    stage.play(async |assistant| {
        seconds(CUT_OFF).await;
        let grammar = Some(base::Grammar::Regex("(".to_owned()));
        let waits = ask(assistant, Ask { grammar, ..hot(None, QUESTION) }).await.unwrap();
        assert_eq!(waits.route, Route::Deferred);
        seconds(40).await;
        let refused = tend(assistant).await.refused;
        let [(id, why)] = &refused[..] else { panic!("{refused:?}") };
        assert_eq!(Some(*id), waits.deferred);
        assert!(why.starts_with("the reply cannot be held to what it must be: "), "{why}");
    });
}

/// Goal: a process that is killed loses nothing: the conversation and its open question are there, and the answer is
/// the text that the question has by its seed. Method: an assistant that is dropped, another that opens its
/// journal, and a third that was never cut off.
#[test]
fn what_waits_outlives_the_process_and_has_the_same_text() {
    let (first, mut later) = (Stage::new(&[(2, 600)]).alike(0.2), Stage::new(&[]));
    later.settings = first.settings.clone();
    let (here, id) = first.play(async |assistant| {
        let known = ask(assistant, said(None, "set the heating to 21 degrees")).await.unwrap();
        seconds(CUT_OFF).await;
        let waits = ask(assistant, hot(Some(known.conversation), QUESTION)).await.unwrap();
        // It was under way when the process died.
        let id = waits.deferred.unwrap();
        assistant.kept(|journal| journal.sent(id)).unwrap();
        (known.conversation, id)
    });
    let answered = later.play(async |assistant| {
        assert_eq!(turns(assistant, here).len(), 3);
        let tended = tend(assistant).await;
        assert_eq!(tended.answered[0].0, id);
        assert_eq!(turns(assistant, here).len(), 4);
        tended.answered[0].2.clone()
    });
    let direct = Stage::new(&[]).alike(0.2).play(async |assistant| {
        let known = ask(assistant, said(None, "set the heating to 21 degrees")).await.unwrap();
        let direct = ask(assistant, hot(Some(known.conversation), QUESTION)).await.unwrap();
        assert_eq!(direct.route, Route::Hybrid);
        direct.text
    });
    assert_eq!(answered, direct);
    drop(first.folder);
}

/// Goal: what waits keeps its limits, and is asked whole or not at all. Method: a question whose answer may take next
/// to nothing of the links, and one in a conversation of its caller's that is longer than what is kept.
#[test]
fn what_waits_keeps_the_limits_that_it_was_asked_with() {
    let mut stage = Stage::new(&[(2, 30)]).alike(0.2);
    stage.limits().text_bytes_max = 2 << 10;
    stage.play(async |assistant| {
        seconds(CUT_OFF).await;
        let scant = Ask { bytes_max: Some(10), ..hot(None, QUESTION) };
        let waits = ask(assistant, scant).await.unwrap();
        assert_eq!(waits.route, Route::Deferred);
        let rules = "Be brief. ".repeat(220);
        let turns = [("system", rules.as_str()), ("user", QUESTION)];
        let turns = turns.map(|(role, text)| runtime::Turn::said(role, text)).to_vec();
        let long = Ask { turns: Some(turns), ..hot(None, QUESTION) };
        let refused = ask(assistant, Ask { demanded: Some(Route::Deferred), ..long }).await;
        assert!(matches!(refused, Err(AskError::TooLongToWait { .. })), "{refused:?}");
        seconds(40).await;
        let tended = tend(assistant).await;
        assert_eq!(tended.refused[0].0, waits.deferred.unwrap(), "{tended:?}");
        assert!(tended.refused[0].1.contains("took more"), "{tended:?}");
    });
}

/// Goal: the same key is the same request; another text under it is refused.
#[test]
fn a_request_that_is_asked_twice_waits_once() {
    let stage = Stage::new(&[(2, 600)]).alike(0.2);
    stage.play(async |assistant| {
        seconds(CUT_OFF).await;
        let keyed = || Ask { key: Some("k1".to_owned()), ..said(None, QUESTION) };
        let (first, again) =
            (ask(assistant, keyed()).await.unwrap(), ask(assistant, keyed()).await.unwrap());
        assert_eq!((first.deferred, first.conversation), (again.deferred, again.conversation));
        let other = Ask { text: "another".to_owned(), ..keyed() };
        assert!(ask(assistant, other).await.unwrap_err().to_string().contains("journal"));
        assert_eq!(assistant.kept(|journal| journal.all_deferred()).unwrap().len(), 1);
    });
}

/// Goal: what waits too long expires, and as many wait as may.
#[test]
fn a_request_waits_as_long_as_it_is_worth_it_and_only_so_many_do() {
    let mut stage = Stage::new(&[(2, 600)]).alike(0.2);
    stage.limits().deferred_max = 2;
    stage.play(async |assistant| {
        seconds(CUT_OFF).await;
        let short = Ask { deadline: Some(Duration::from_secs(90)), ..said(None, QUESTION) };
        let short = ask(assistant, short).await.unwrap();
        let long = ask(assistant, said(None, QUESTION)).await.unwrap();
        assert_eq!((short.route, long.route), (Route::Deferred, Route::Deferred));
        let third = ask(assistant, said(None, QUESTION)).await.unwrap();
        assert_eq!(third.route, Route::Local, "no room: {:?}", third.decision);
        seconds(91).await;
        assert_eq!(tend(assistant).await.expired, [short.deferred.unwrap()]);
        let fourth = ask(assistant, said(None, QUESTION)).await.unwrap();
        assert_eq!(fourth.route, Route::Deferred);
    });
}

/// Goal: a conversation that has become the device's own is not sent later, though it might have been before.
#[test]
fn what_waits_goes_no_further_than_its_conversation_may_by_then() {
    let stage = Stage::new(&[(2, 30)]).alike(0.2);
    stage.play(async |assistant| {
        seconds(CUT_OFF).await;
        let waits = ask(assistant, said(None, QUESTION)).await.unwrap();
        let class = Some(base::Privacy::Device);
        let secret = Ask { class, ..said(Some(waits.conversation), "my salary is secret") };
        assert_eq!(ask(assistant, secret).await.unwrap().route, Route::Local);
        seconds(40).await;
        let before = assistant.device.uplinks.traffic().frames;
        let tended = tend(assistant).await;
        assert!(tended.refused[0].1.contains("must not leave"), "{tended:?}");
        assert_eq!(assistant.device.uplinks.traffic().frames, before);
        let id = waits.deferred.unwrap();
        let known = assistant.kept(|journal| journal.deferred(id)).unwrap().unwrap();
        assert!(matches!(known.state, State::Refused { .. }), "{:?}", known.state);
    });
}

/// Goal: what waited for the target is the target's own to its end. Method: a slow cloud that is cut off in the middle of
/// the late answer, which the device would go on with alone.
#[test]
fn an_answer_that_was_cut_off_is_asked_for_again() {
    let mut stage = Stage::new(&[(2, 10), (21, 10)]).alike(0.2);
    stage.config.paces.cloud = settings::Pace { decode_ms: 400.0, per_row_ms: 0.0 };
    stage.play(async |assistant| {
        seconds(CUT_OFF).await;
        let waits = ask(assistant, hot(None, QUESTION)).await.unwrap();
        let id = waits.deferred.unwrap();
        seconds(11).await;
        assert_eq!(tend(assistant).await, Tended::default(), "it was cut off");
        let known = assistant.kept(|journal| journal.deferred(id)).unwrap().unwrap();
        assert!(matches!(known.state, State::Waiting { attempts: 1, .. }), "{:?}", known.state);
        seconds(20).await;
        assert_eq!(tend(assistant).await.answered.len(), 1);
        let turns = turns(assistant, waits.conversation);
        let vouched = Vouched::Verified;
        assert_eq!(turns[1].by, By::Model { route: journal::Route::Deferred, vouched });
    });
}

/// Goal: a link that was lost while it was idle is noticed before anything goes out.
#[test]
fn nothing_is_sent_over_a_link_that_was_lost_while_it_was_idle() {
    let mut stage = Stage::new(&[(2, 600)]).alike(0.2);
    stage.limits().budgets.day = Caps { tokens: Some(1), ..Caps::default() };
    stage.play(async |assistant| {
        let waits = ask(assistant, said(None, QUESTION)).await.unwrap();
        assert_eq!(waits.route, Route::Deferred, "for a budget: {:?}", waits.decision);
        stage.ahead.store(13 * 3_600, Ordering::Relaxed);
        let mind = std::sync::Arc::get_mut(&mut assistant.mind).unwrap();
        mind.limits.budgets.day = Caps::default();
        seconds(CUT_OFF).await;
        assert_eq!(tend(assistant).await, Tended::default());
        let id = waits.deferred.unwrap();
        let known = assistant.kept(|journal| journal.deferred(id)).unwrap().unwrap();
        assert!(matches!(known.state, State::Waiting { attempts: 0, .. }), "{:?}", known.state);
    });
}
