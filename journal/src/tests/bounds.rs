//! The file stays within its bound, whatever is put into it.

use super::disk::Disk;
use super::{Home, NOON, id, limits, said, say, slow};
use crate::transaction;
use crate::{Journal, JournalError, Limits, Request, RequestId, UnixTime, Vouched};
use base::{ByteCount, Privacy};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

/// Goal: the file is never larger than its limit. Method: turns of all sizes in many conversations, and
/// a tidying whenever the journal is full; the file is measured after each call.
#[test]
fn the_file_never_outgrows_its_limit() {
    let seeds = if slow() { 0..20 } else { 0..1 };
    for longest in [20, 100, 400, 1_000, 3_000, 8_000] {
        let largest = seeds.clone().map(|seed| largest_file(seed, longest)).max().unwrap();
        println!("turns up to {longest}: largest file {} bytes", largest.0);
        assert!(largest <= limits().file_bytes_max, "turns up to {longest}: {largest}");
    }
}

/// The largest file of a journal that is filled several times.
fn largest_file(seed: u64, longest: usize) -> ByteCount {
    let disk = Disk::default();
    let opened = Journal::open_on(Box::new(disk.clone()), limits(), NOON);
    let mut journal = opened.unwrap().0;
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let (mut largest, mut tidied, mut at) = (ByteCount(0), 0, 0);
    while tidied < 3 {
        at += 1;
        assert!(at < 20_000, "never full");
        let words = "x".repeat(dice.next_u32() as usize % longest);
        let conversation = id(u128::from(dice.next_u32() % 64));
        let turn = said(NOON.0 + at, &words);
        match journal.append(conversation, Privacy::Anywhere, &turn) {
            Ok(_) => {}
            Err(JournalError::Full { .. }) => {
                let report = journal.tidy(UnixTime(NOON.0 + at)).unwrap();
                assert!(!report.conversations.is_empty());
                // No page of a new file is free.
                let rows = journal.store.read(transaction::bytes).unwrap();
                assert!(report.bytes.0 < rows.0 * 5 / 4 + (64 << 10), "{report:?}, {rows}");
                tidied += 1;
            }
            Err(other) => panic!("{other}"),
        }
        disk.take_log();
        largest = largest.max(journal.bytes().unwrap());
    }
    largest
}

#[test]
fn the_oldest_conversation_gives_way_and_one_that_waits_for_an_answer_does_not() {
    let home = Home::new();
    let mut journal = home.open();
    journal.defer(request(1), Privacy::Anywhere, &said(1, "and then?")).unwrap();
    say(&mut journal, 2, 2, "hello");
    let full = (3_u64..).find_map(|at| {
        let turn = said(NOON.0 + at, &"x".repeat(4_000));
        journal.append(id(u128::from(at)), Privacy::Anywhere, &turn).err()
    });
    assert!(matches!(full, Some(JournalError::Full { .. })));
    let removed = journal.tidy(NOON).unwrap().conversations;
    assert_eq!(removed[..2], [id(2), id(3)]);
    assert!(journal.conversation(id(1)).unwrap().is_some());
    assert!(removed.len() < 40, "{} of 65 were removed", removed.len());
}

#[test]
fn money_is_counted_however_full_the_journal_is() {
    let home = Home::new();
    let limits = Limits { file_bytes_max: ByteCount(1 << 20), ..limits() };
    let mut journal = home.open_with(limits);
    let turn = said(1, &"x".repeat(4_000));
    while journal.append(id(1), Privacy::Anywhere, &turn).is_ok()
        && journal.conversation(id(1)).unwrap().unwrap().bytes < 12_000
    {}
    for conversation in 2.. {
        if journal.append(id(conversation), Privacy::Anywhere, &turn).is_err() {
            break;
        }
    }
    let amount = crate::Amount { tokens: 10, ..crate::Amount::default() };
    journal.reserve(RequestId(1), amount, NOON).unwrap().unwrap();
    journal.settle(RequestId(1), amount, NOON).unwrap();
    assert_eq!(journal.standing(NOON).unwrap().day, amount);
}

/// Goal: what waits for answers cannot lock the journal up. Method: every conversation waits for one, and
/// the journal is full of them.
#[test]
fn a_journal_full_of_open_questions_has_room_for_their_answers() {
    let home = Home::new();
    let limits = Limits { deferred_max: 100, deferred_bytes_max: 90 << 10, ..limits() };
    let mut journal = home.open_with(limits);
    let mut asked = 0;
    let full = loop {
        let request = request(asked);
        let question = said(NOON.0, &"x".repeat(6_000));
        match journal.defer(request, Privacy::Anywhere, &question) {
            Ok(_) => asked += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, JournalError::Full { .. }), "{full}");
    assert!(journal.tidy(NOON).unwrap().conversations.is_empty());
    for number in 0..asked {
        let id = RequestId(number);
        journal.sent(id).unwrap();
        let text = "y".repeat(6_000);
        while let Err(error) = journal.answer(id, &text, Vouched::Verified, NOON) {
            assert!(matches!(error, JournalError::Full { .. }), "{error}");
            assert!(!journal.tidy(NOON).unwrap().conversations.is_empty(), "locked up");
        }
    }
}

fn request(number: u128) -> Request {
    Request {
        id: RequestId(number),
        key: number.to_string(),
        conversation: id(number),
        body: String::new(),
        callback: None,
        expires: UnixTime(u64::MAX),
    }
}
