//! Conversations and what fired, call by call.

use super::{Home, NOON, contains, id, limits, said, say};
use crate::{Action, By, Journal, JournalError, Limits, Outcome, Route, Turn, UnixTime, Vouched};
use base::Privacy;

fn action(at: u64, intent: &str, outcome: Outcome) -> Turn {
    let action = Action { intent: intent.to_owned(), slots: r#"{"to":21}"#.to_owned(), outcome };
    Turn { at: UnixTime(at), by: By::Action(action), text: format!("{intent}: 21 degrees") }
}

#[test]
fn people_models_and_actions_share_one_log_over_a_restart() {
    let home = Home::new();
    let turns = [
        said(1, "make it warm"),
        action(2, "climate", Outcome::Done),
        said(3, "and why is the sky blue?"),
        Turn {
            at: UnixTime(4),
            by: By::Model {
                route: Route::Hybrid,
                vouched: Vouched::Mixed { verified: 7, unverified: 2 },
            },
            text: "Rayleigh \"scattering\"\n\u{1f30a}".to_owned(),
        },
        action(5, "climate", Outcome::Failed("no heater".to_owned())),
    ];
    let mut journal = home.open();
    for (number, turn) in turns.iter().enumerate() {
        let privacy = if number == 2 { Privacy::Site } else { Privacy::Anywhere };
        assert_eq!(journal.append(id(1), privacy, turn).unwrap(), number as u64);
    }
    drop(journal);
    let journal = home.open();
    assert_eq!(journal.last_turns(id(1), 10, 1 << 20).unwrap(), turns);
    let fired = journal.last_fired(10).unwrap();
    assert_eq!(fired.len(), 2);
    assert_eq!((fired[1].at, fired[1].conversation), (UnixTime(5), id(1)));
    assert_eq!(fired[1].action.outcome, Outcome::Failed("no heater".to_owned()));
    let conversation = journal.conversation(id(1)).unwrap().unwrap();
    assert_eq!((conversation.created, conversation.used), (UnixTime(1), UnixTime(5)));
    // The strictest class that any turn had.
    assert_eq!((conversation.turns, conversation.privacy), (5, Privacy::Site));
}

#[test]
fn a_question_and_its_answer_come_together_or_not_at_all() {
    let home = Home::new();
    let mut journal = home.open();
    let too_long = said(2, &"x".repeat(limits().text_bytes_max + 1));
    let refused = journal.append_all(id(1), Privacy::Anywhere, &[said(1, "why?"), too_long]);
    assert!(matches!(refused, Err(JournalError::TooLong { .. })), "{refused:?}");
    assert_eq!(journal.conversation(id(1)).unwrap(), None);
    let both = [said(1, "why?"), said(2, "therefore")];
    assert_eq!(journal.append_all(id(1), Privacy::Device, &both).unwrap(), 1);
    assert_eq!(journal.last_turns(id(1), 9, 100).unwrap(), both);
}

#[test]
fn the_last_turns_are_bounded_by_their_number_and_by_their_text() {
    let home = Home::new();
    let mut journal = home.open();
    for (at, text) in ["one", "two", "three"].iter().enumerate() {
        say(&mut journal, 1, at as u64, text);
    }
    let last = |turns, bytes| -> Vec<String> {
        let turns = journal.last_turns(id(1), turns, bytes).unwrap();
        turns.into_iter().map(|turn| turn.text).collect()
    };
    assert_eq!(last(2, 100), ["two", "three"]);
    assert_eq!(last(9, 8), ["two", "three"]);
    assert_eq!(last(9, 7), ["three"]);
    assert!(last(9, 4).is_empty() && last(0, 100).is_empty());
    assert!(journal.last_turns(id(2), 9, 100).unwrap().is_empty());
}

#[test]
fn the_conversation_that_was_used_last_comes_first() {
    let home = Home::new();
    let mut journal = home.open();
    for (conversation, at) in [(1, 5), (2, 9), (3, 7), (1, 8)] {
        say(&mut journal, conversation, at, "hello");
    }
    let order = |journal: &Journal| -> Vec<u128> {
        journal.conversations().unwrap().iter().map(|known| known.id.0).collect()
    };
    assert_eq!(order(&journal), [2, 1, 3]);
    // A clock that went back does not make a conversation old.
    say(&mut journal, 2, 1, "hello again");
    assert_eq!(order(&journal), [2, 1, 3]);
}

#[test]
fn a_long_conversation_lets_its_oldest_turns_go() {
    let home = Home::new();
    let mut journal = home.open();
    for at in 0..40 {
        say(&mut journal, 1, at, &"x".repeat(1_000));
    }
    let conversation = journal.conversation(id(1)).unwrap().unwrap();
    assert!(conversation.bytes <= limits().conversation_bytes_max, "{conversation:?}");
    assert!(conversation.turns >= 14, "{conversation:?}");
    let turns = journal.last_turns(id(1), 99, 1 << 20).unwrap();
    assert_eq!(turns.len() as u64, conversation.turns);
    assert_eq!(turns.last().unwrap().at, UnixTime(39));
}

#[test]
fn intents_that_fired_outlive_their_turns_and_are_bounded_in_number() {
    let home = Home::new();
    let mut journal = home.open();
    for at in 0..8 {
        let turn = action(at, &format!("intent-{at}"), Outcome::Done);
        journal.append(id(1), Privacy::Device, &turn).unwrap();
    }
    let names = |count| -> Vec<u64> {
        journal.last_fired(count).unwrap().iter().map(|fired| fired.at.0).collect()
    };
    assert_eq!(names(99), [3, 4, 5, 6, 7]);
    assert_eq!(names(2), [6, 7]);
    assert!(names(0).is_empty());
}

#[test]
fn a_text_at_its_limit_is_kept_and_one_beyond_is_refused() {
    let home = Home::new();
    let mut journal = home.open();
    let bytes_max = limits().text_bytes_max;
    say(&mut journal, 1, 1, &"x".repeat(bytes_max));
    let long = said(2, &"x".repeat(bytes_max + 1));
    let error = journal.append(id(1), Privacy::Anywhere, &long).unwrap_err();
    assert!(matches!(error, JournalError::TooLong { bytes, .. } if bytes == bytes_max + 1));
    let mut turn = action(2, &"x".repeat(2_039), Outcome::Done);
    journal.append(id(2), Privacy::Anywhere, &turn).unwrap();
    if let By::Action(action) = &mut turn.by {
        action.outcome = Outcome::Failed("y".to_owned());
    }
    let error = journal.append(id(2), Privacy::Anywhere, &turn).unwrap_err();
    assert!(matches!(error, JournalError::TooLong { bytes: 2_049, .. }), "{error}");
    assert_eq!(journal.conversation(id(1)).unwrap().unwrap().turns, 1);
    // What JSON makes of a text may be six times as long: it is kept too, alone.
    say(&mut journal, 1, 3, &"\u{1}".repeat(bytes_max));
    let turns = journal.last_turns(id(1), 9, 1 << 20).unwrap();
    assert_eq!(turns.len(), 1);
    assert_eq!(turns[0].text.len(), bytes_max);
}

#[test]
fn a_call_that_changes_nothing_writes_nothing() {
    let home = Home::new();
    let mut journal = home.open();
    say(&mut journal, 1, 1, "hello");
    let before = std::fs::read(home.path()).unwrap();
    assert!(journal.expire(NOON).unwrap().is_empty());
    assert!(contains(&before, "hello"));
    assert!(std::fs::read(home.path()).unwrap() == before, "an idle call wrote to the disk");
}

#[test]
fn limits_that_do_not_fit_each_other_are_refused() {
    let home = Home::new();
    let refused = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        Journal::open(&home.path(), limits, NOON).unwrap_err().to_string()
    };
    assert!(refused(|limits| limits.file_bytes_max.0 = 1_000).contains("1 MiB"));
    assert!(refused(|limits| limits.conversation_bytes_max = 60 << 20).contains("a tenth"));
    assert!(refused(|limits| limits.text_bytes_max = 4 << 20).contains("fit twice"));
    assert!(refused(|limits| limits.fired_max = 0).contains("one intent"));
    assert!(refused(|limits| limits.budgets.utc_offset_s = 90_000).contains("18 hours"));
    Journal::open(&home.path(), Limits::default(), NOON).unwrap();
}
