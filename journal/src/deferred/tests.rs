//! Deferred requests: their order, their bounds, their answers.

use super::{Answered, Deferred, Request, State, Wake};
use crate::tests::{Home, NOON, id, limits, said};
use crate::{By, Journal, JournalError, RequestId, Route, Turn, UnixTime, Vouched};
use base::Privacy;
use std::time::Duration;

const NEVER: UnixTime = UnixTime(u64::MAX);

fn request(number: u128, conversation: u128) -> Request {
    Request {
        id: RequestId(number),
        key: format!("key-{number}"),
        conversation: id(conversation),
        body: format!("body {number}"),
        callback: None,
        expires: NEVER,
    }
}

fn defer(journal: &mut Journal, request: Request) -> Result<Deferred, JournalError> {
    let question = said(NOON.0, &format!("question {}", request.id.0));
    journal.defer(request, Privacy::Anywhere, &question)
}

fn texts(journal: &Journal, conversation: u128) -> Vec<String> {
    let turns = journal.last_turns(id(conversation), 99, 1 << 20).unwrap();
    turns.into_iter().map(|turn| turn.text).collect()
}

fn due(journal: &Journal, now: UnixTime) -> Vec<u128> {
    journal.due(now).unwrap().iter().map(|deferred| deferred.request.id.0).collect()
}

fn state(journal: &Journal, number: u128) -> State {
    journal.deferred(RequestId(number)).unwrap().unwrap().state
}

fn answer(journal: &mut Journal, number: u128, text: &str) -> Result<Answered, JournalError> {
    journal.answer(RequestId(number), text, Vouched::Verified, NOON)
}

#[test]
fn a_request_is_asked_and_answered_in_its_conversation() {
    let home = Home::new();
    let mut journal = home.open();
    let deferred = defer(&mut journal, request(1, 1)).unwrap();
    assert_eq!((deferred.arrival, deferred.state), (0, State::NEW));
    assert_eq!(journal.next_wake().unwrap(), Some((UnixTime(0), Wake::Send)));
    assert_eq!(journal.sent(RequestId(1)).unwrap(), 1);
    assert_eq!(answer(&mut journal, 1, "so").unwrap(), Answered::Recorded { turn: 1 });
    assert_eq!(state(&journal, 1), State::Delivered { at: NOON });
    assert_eq!(texts(&journal, 1), ["question 1", "so"]);
    let by = By::Model { route: Route::Deferred, vouched: Vouched::Verified };
    let turns = journal.last_turns(id(1), 1, 99).unwrap();
    assert_eq!(turns, [Turn { at: NOON, by, text: "so".to_owned() }]);
    assert_eq!(journal.next_wake().unwrap(), None);
}

#[test]
fn the_same_key_is_the_same_request_and_says_its_question_once() {
    let home = Home::new();
    let mut journal = home.open();
    let first = defer(&mut journal, request(1, 1)).unwrap();
    // Its caller asks again, under a new id, as it did not hear of the first one.
    let again = Request { id: RequestId(2), ..request(1, 1) };
    assert_eq!(defer(&mut journal, again.clone()).unwrap(), first);
    drop(journal);
    let mut journal = home.open();
    journal.sent(RequestId(1)).unwrap();
    answer(&mut journal, 1, "so").unwrap();
    assert_eq!(defer(&mut journal, again.clone()).unwrap().state, State::Delivered { at: NOON });
    assert_eq!(texts(&journal, 1), ["question 1", "so"]);
    let others = [
        Request { body: "other".to_owned(), ..again.clone() },
        Request { conversation: id(2), ..again.clone() },
        Request { key: "other".to_owned(), id: RequestId(1), ..again },
    ];
    for other in others {
        let error = defer(&mut journal, other).unwrap_err();
        assert!(matches!(error, JournalError::Taken { .. }), "{error}");
    }
    assert_eq!(journal.conversations().unwrap().len(), 1);
}

#[test]
fn a_conversation_s_requests_go_out_one_after_the_other_in_the_order_of_their_arrival() {
    let home = Home::new();
    let mut journal = home.open();
    // Ids do not follow the order of arrival.
    for (number, conversation) in [(9, 1), (3, 2), (1, 1), (2, 2)] {
        defer(&mut journal, request(number, conversation)).unwrap();
    }
    assert_eq!(due(&journal, NOON), [9, 3]);
    journal.sent(RequestId(9)).unwrap();
    assert_eq!(due(&journal, NOON), [3]);
    journal.failed(RequestId(9), UnixTime(NOON.0 + 60)).unwrap();
    assert_eq!(due(&journal, UnixTime(NOON.0 + 59)), [3]);
    assert_eq!(due(&journal, UnixTime(NOON.0 + 60)), [9, 3]);
    journal.sent(RequestId(3)).unwrap();
    assert_eq!(journal.next_wake().unwrap(), Some((UnixTime(NOON.0 + 60), Wake::Send)));
    answer(&mut journal, 3, "so").unwrap();
    journal.refused(RequestId(9), "no such model", NOON).unwrap();
    assert_eq!(due(&journal, NOON), [1, 2]);
    assert_eq!(texts(&journal, 2), ["question 3", "question 2", "so"]);
}

#[test]
fn what_was_under_way_when_its_process_died_is_asked_again_with_the_same_id() {
    let home = Home::new();
    let mut journal = home.open();
    defer(&mut journal, request(1, 1)).unwrap();
    defer(&mut journal, request(2, 2)).unwrap();
    journal.sent(RequestId(1)).unwrap();
    drop(journal);
    let (mut journal, recovery) = Journal::open(&home.path(), limits(), NOON).unwrap();
    assert_eq!(recovery.asked_again, [RequestId(1)]);
    assert_eq!(due(&journal, NOON), [1, 2]);
    assert_eq!(journal.sent(RequestId(1)).unwrap(), 2);
}

#[test]
fn an_answer_that_comes_twice_is_said_once() {
    let home = Home::new();
    let mut journal = home.open();
    defer(&mut journal, Request { callback: Some("there".to_owned()), ..request(1, 1) }).unwrap();
    let error = answer(&mut journal, 1, "guessed").unwrap_err();
    assert!(matches!(error, JournalError::NoSuchStep { .. }), "{error}");
    journal.sent(RequestId(1)).unwrap();
    // The link was thought lost; the answer had been on its way.
    journal.failed(RequestId(1), NEVER).unwrap();
    assert_eq!(answer(&mut journal, 1, "so").unwrap(), Answered::Recorded { turn: 1 });
    assert_eq!(answer(&mut journal, 1, "so").unwrap(), Answered::Again);
    drop(journal);
    let mut journal = home.open();
    assert_eq!(answer(&mut journal, 1, "so").unwrap(), Answered::Again);
    assert_eq!(texts(&journal, 1), ["question 1", "so"]);
    // The call back goes on until it is acknowledged, and no longer.
    let callbacks = journal.callbacks().unwrap();
    assert_eq!(callbacks.len(), 1);
    assert_eq!((callbacks[0].request, callbacks[0].to.as_str()), (RequestId(1), "there"));
    assert_eq!(callbacks[0].answer.as_ref().unwrap().text, "so");
    journal.called_back(RequestId(1), NOON).unwrap();
    journal.called_back(RequestId(1), NOON).unwrap();
    assert!(journal.callbacks().unwrap().is_empty());
    assert_eq!(state(&journal, 1), State::Delivered { at: NOON });
}

#[test]
fn a_request_expires_while_it_waits_and_not_while_it_is_asked() {
    let home = Home::new();
    let mut journal = home.open();
    let (early, late) = (UnixTime(NOON.0 + 10), UnixTime(NOON.0 + 20));
    for (number, conversation) in [(1, 1), (2, 1), (3, 2)] {
        let expires = if number == 2 { late } else { early };
        defer(&mut journal, Request { expires, ..request(number, conversation) }).unwrap();
    }
    journal.sent(RequestId(3)).unwrap();
    assert!(journal.expire(UnixTime(NOON.0 + 9)).unwrap().is_empty());
    // Who has expired holds up nobody, noted or not.
    assert_eq!(due(&journal, early), [2]);
    let expired = journal.expire(early).unwrap();
    assert_eq!(expired.len(), 1);
    assert_eq!(
        (expired[0].request.id, &expired[0].state),
        (RequestId(1), &State::Expired { at: early })
    );
    assert_eq!(due(&journal, early), [2]);
    assert_eq!(answer(&mut journal, 3, "just in time").unwrap(), Answered::Recorded { turn: 1 });
    journal.sent(RequestId(2)).unwrap();
    journal.failed(RequestId(2), UnixTime(0)).unwrap();
    assert_eq!(journal.next_wake().unwrap(), Some((UnixTime(0), Wake::Send)));
    assert_eq!(journal.expire(late).unwrap().len(), 1);
    assert_eq!(answer(&mut journal, 2, "too late").unwrap(), Answered::TooLate);
    assert_eq!(texts(&journal, 1), ["question 1", "question 2"]);
}

#[test]
fn a_call_back_that_nobody_takes_ends_and_its_answer_stays() {
    let home = Home::new();
    let mut journal = home.open();
    defer(&mut journal, Request { callback: Some("there".to_owned()), ..request(1, 1) }).unwrap();
    journal.sent(RequestId(1)).unwrap();
    answer(&mut journal, 1, "so").unwrap();
    let end = NOON.after(limits().callback_kept);
    assert_eq!(journal.next_wake().unwrap(), Some((end, Wake::Expire)));
    // Until then its conversation stays, however old.
    let before = UnixTime(end.0 - 1);
    assert!(journal.tidy(before).unwrap().conversations.is_empty());
    assert_eq!(journal.tidy(end).unwrap().expired.len(), 1);
    assert!(journal.callbacks().unwrap().is_empty());
    assert_eq!(texts(&journal, 1), ["question 1", "so"]);
    let error = journal.called_back(RequestId(1), end).unwrap_err();
    assert!(matches!(error, JournalError::NoSuchStep { .. }), "{error}");
}

#[test]
fn requests_are_bounded_in_number_and_those_that_ended_give_way() {
    let home = Home::new();
    let mut journal = home.open();
    let max = limits().deferred_max as u128;
    for number in 0..max {
        defer(&mut journal, request(number, number)).unwrap();
    }
    let error = defer(&mut journal, request(max, 1)).unwrap_err();
    assert!(matches!(error, JournalError::DeferredFull { requests: 6, .. }), "{error}");
    // It left nothing: neither itself nor its question.
    assert_eq!(texts(&journal, 1), ["question 1"]);
    journal.refused(RequestId(4), "no", UnixTime(NOON.0 + 1)).unwrap();
    journal.refused(RequestId(2), "no", NOON).unwrap();
    assert_eq!(defer(&mut journal, request(max, 1)).unwrap().arrival, 6);
    assert!(journal.deferred(RequestId(2)).unwrap().is_none(), "it ended first");
    assert!(journal.deferred(RequestId(4)).unwrap().is_some());
}

#[test]
fn requests_are_bounded_in_bytes() {
    let home = Home::new();
    let mut journal = home.open();
    let long = |number| Request { body: "x".repeat(7_900), ..request(number, number) };
    defer(&mut journal, long(1)).unwrap();
    defer(&mut journal, long(2)).unwrap();
    let error = defer(&mut journal, long(3)).unwrap_err();
    assert!(matches!(error, JournalError::DeferredFull { requests: 2, .. }), "{error}");
    defer(&mut journal, request(4, 4)).unwrap();
    let error =
        defer(&mut journal, Request { body: "x".repeat(9_000), ..request(5, 5) }).unwrap_err();
    assert!(matches!(error, JournalError::TooLong { .. }), "{error}");
    let error = defer(&mut journal, Request { key: "x".repeat(257), ..request(5, 5) }).unwrap_err();
    assert!(matches!(error, JournalError::TooLong { what: "an idempotency key", .. }), "{error}");
}

#[test]
fn a_request_that_ended_long_ago_is_forgotten_with_its_key() {
    let home = Home::new();
    let mut journal = home.open();
    defer(&mut journal, request(1, 1)).unwrap();
    journal.refused(RequestId(1), "no", NOON).unwrap();
    let kept = limits().ended_kept;
    assert!(journal.tidy(NOON.after(kept - Duration::from_secs(1))).unwrap().dropped.is_empty());
    let tidied = journal.tidy(NOON.after(kept)).unwrap();
    assert_eq!(tidied.dropped, [RequestId(1)]);
    assert!(tidied.rewritten.is_some());
    let error = journal.sent(RequestId(1)).unwrap_err();
    assert!(matches!(error, JournalError::NoRequest(RequestId(1))), "{error}");
}
