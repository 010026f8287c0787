//! What is forgotten is gone: as rows, and as bytes.

use super::{Home, NOON, contains, dump, id, limits, said, say};
use crate::{Action, By, JournalError, Outcome, Request, RequestId, Turn, UnixTime, Vouched};
use base::Privacy;
use std::fs;

/// Words that stand nowhere else.
const SECRET: &str = "where the key to the cellar lies";

/// Whether any file of the folder has the secret in it.
fn found(home: &Home) -> bool {
    let files = fs::read_dir(home.folder()).unwrap();
    files.map(|file| fs::read(file.unwrap().path()).unwrap()).any(|bytes| contains(&bytes, SECRET))
}

/// Goal: after `forget` none of a conversation's words is in the file. Method: they are put into each
/// place that keeps words, among those of others, some of them written several times; then the raw
/// file is searched.
#[test]
fn none_of_a_forgotten_conversation_s_bytes_is_left_in_the_file() {
    let home = Home::new();
    let mut journal = home.open();
    for round in 0..30 {
        say(&mut journal, 2, round, &format!("hello {round}"));
        say(&mut journal, 1, round, &format!("{round}: {SECRET}. {}", "la ".repeat(300)));
    }
    let action = Action {
        intent: "open".to_owned(),
        slots: format!("[\"{SECRET}\"]"),
        outcome: Outcome::Done,
    };
    let turn = Turn { at: UnixTime(40), by: By::Action(action), text: "opened".to_owned() };
    journal.append(id(1), Privacy::Device, &turn).unwrap();
    let request = Request {
        id: RequestId(5),
        key: "key".to_owned(),
        conversation: id(1),
        body: SECRET.to_owned(),
        callback: Some(format!("http://here/{SECRET}")),
        expires: UnixTime(99),
    };
    journal.defer(request, Privacy::Anywhere, &said(41, SECRET)).unwrap();
    journal.sent(RequestId(5)).unwrap();
    journal.answer(RequestId(5), SECRET, Vouched::Verified, UnixTime(42)).unwrap();
    assert!(found(&home));

    journal.forget(id(1)).unwrap();
    assert!(!found(&home));
    assert!(journal.conversation(id(1)).unwrap().is_none());
    assert!(journal.deferred(RequestId(5)).unwrap().is_none());
    assert!(journal.last_fired(9).unwrap().is_empty());
    // Others lose nothing, now and later.
    assert_eq!(journal.last_turns(id(2), 99, 1 << 20).unwrap().len(), 30);
    let rows = dump(&journal);
    drop(journal);
    assert!(dump(&home.open()) == rows && !found(&home));
}

#[test]
fn nobody_is_forgotten_twice() {
    let home = Home::new();
    let mut journal = home.open();
    say(&mut journal, 1, 1, "hello");
    journal.forget(id(1)).unwrap();
    let error = journal.forget(id(1)).unwrap_err();
    assert!(matches!(error, JournalError::NoConversation(found) if found == id(1)), "{error}");
}

/// Goal: a file that cannot be written anew is no reason to forget that it must be. Method: a folder
/// stands where the new file would; then it is taken away.
#[test]
fn what_could_not_be_scrubbed_is_scrubbed_by_the_next_call_or_the_next_process() {
    for next_process in [false, true] {
        let home = Home::new();
        let mut journal = home.open();
        say(&mut journal, 1, 1, SECRET);
        say(&mut journal, 2, 1, "hello");
        let in_the_way = home.folder().join("journal.new");
        fs::create_dir(&in_the_way).unwrap();
        journal.forget(id(1)).unwrap_err();
        assert!(journal.conversation(id(1)).unwrap().is_none() && found_in(&home));
        // The journal itself goes on.
        say(&mut journal, 2, 2, "hello again");
        fs::remove_dir(&in_the_way).unwrap();
        if next_process {
            drop(journal);
            let (opened, recovery) = crate::Journal::open(&home.path(), limits(), NOON).unwrap();
            assert!(recovery.scrubbed);
            journal = opened;
        } else {
            journal.forget(id(1)).unwrap();
        }
        assert!(!found(&home));
        assert_eq!(journal.last_turns(id(2), 9, 99).unwrap().len(), 2);
    }
}

fn found_in(home: &Home) -> bool {
    contains(&fs::read(home.path()).unwrap(), SECRET)
}

#[test]
fn a_conversation_that_expires_is_gone_from_the_file_too() {
    let home = Home::new();
    let mut journal = home.open();
    say(&mut journal, 1, NOON.0, SECRET);
    say(&mut journal, 2, NOON.0 + 1, "hello");
    let kept = limits().conversation_kept;
    let tidied = journal.tidy(UnixTime(NOON.0 - 1).after(kept)).unwrap();
    assert!(tidied.conversations.is_empty() && tidied.rewritten.is_none() && found(&home));
    let tidied = journal.tidy(NOON.after(kept)).unwrap();
    assert_eq!(tidied.conversations, [id(1)]);
    assert!(tidied.rewritten.is_some() && !found(&home));
    assert!(journal.conversation(id(2)).unwrap().is_some());
}
