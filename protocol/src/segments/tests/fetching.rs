//! The asker's half, part by part: what is asked for when, and what no peer may send.

use super::*;
use crate::error::PeerMisbehaved;
use crate::limits;
use base::LayerRange;

fn fetch(count: u32, len_max: u32) -> Fetch {
    Fetch::new(LayerRange::new(2, 6).unwrap(), 1, wanted(count, len_max))
}

fn names(numbers: impl IntoIterator<Item = u32>) -> Vec<TextName> {
    numbers.into_iter().map(name).collect()
}

/// Takes a part whose payload is `fill`.
fn take(fetch: &mut Fetch, part: SegmentPart, fill: u8) -> Result<(), PeerMisbehaved> {
    fetch.handle_part(part, &vec![fill; part.bytes as usize])
}

fn arrived(fetch: &mut Fetch) -> Vec<(TextName, Option<Vec<u8>>)> {
    std::iter::from_fn(|| fetch.poll_arrived())
        .map(|Arrived { text, bytes }| (text, bytes))
        .collect()
}

#[test]
fn segments_are_asked_for_once_and_arrive_whole_in_their_order() {
    let mut fetch = fetch(3, 10);
    let request = asked(&mut fetch).unwrap();
    assert_eq!((request.request, request.format, request.have), (1, 1, 0));
    assert_eq!(request.layers, LayerRange::new(2, 6).unwrap());
    assert_eq!(request.texts, names(0..3));
    assert_eq!(asked(&mut fetch), None);
    take(&mut fetch, part(1, 0, 10, 0, 4), 7).unwrap();
    assert_eq!(arrived(&mut fetch), []);
    take(&mut fetch, part(1, 0, 10, 4, 6), 8).unwrap();
    take(&mut fetch, part(1, 1, 0, 0, 0), 0).unwrap();
    assert!(!fetch.is_done());
    take(&mut fetch, part(1, 2, 1, 0, 1), 9).unwrap();
    let whole = [[7; 4].as_slice(), &[8; 6]].concat();
    assert!(!fetch.is_done(), "there is something to be taken");
    let all = [(name(0), Some(whole)), (name(1), None), (name(2), Some(vec![9]))];
    assert_eq!(arrived(&mut fetch), all);
    assert!(fetch.is_done());
    assert_eq!(asked(&mut fetch), None);
}

#[test]
fn more_texts_than_a_request_takes_are_asked_for_one_request_after_the_other() {
    let count = u32::try_from(limits::SEGMENTS_MAX).unwrap();
    let mut fetch = fetch(count + 2, 1);
    assert_eq!(asked(&mut fetch).unwrap().texts, names(0..count));
    for index in 0..count {
        assert_eq!(asked(&mut fetch), None);
        take(&mut fetch, part(1, index, 1, 0, 1), 1).unwrap();
    }
    let next = asked(&mut fetch).unwrap();
    assert_eq!((next.request, next.have, next.texts), (2, 0, names(count..count + 2)));
}

#[test]
fn after_a_cut_the_rest_is_asked_for_and_no_byte_twice() {
    let mut fetch = fetch(3, 10);
    asked(&mut fetch);
    take(&mut fetch, part(1, 0, 10, 0, 10), 1).unwrap();
    take(&mut fetch, part(1, 1, 10, 0, 3), 2).unwrap();
    fetch.handle_link_lost();
    let again = asked(&mut fetch).unwrap();
    assert_eq!((again.request, again.have, again.texts), (2, 3, names(1..3)));
    take(&mut fetch, part(1, 1, 10, 3, 7), 9).unwrap();
    take(&mut fetch, part(2, 0, 10, 3, 7), 3).unwrap();
    let whole = [[2; 3].as_slice(), &[3; 7]].concat();
    assert_eq!(arrived(&mut fetch), [(name(0), Some(vec![1; 10])), (name(1), Some(whole))]);
    fetch.handle_link_lost();
    assert_eq!(asked(&mut fetch).unwrap().texts, names([2]));
}

#[test]
fn another_node_may_not_have_what_the_first_one_began() {
    let mut fetch = fetch(1, 10);
    asked(&mut fetch);
    take(&mut fetch, part(1, 0, 10, 0, 3), 2).unwrap();
    fetch.handle_link_lost();
    assert_eq!(asked(&mut fetch).unwrap().have, 3);
    take(&mut fetch, part(2, 0, 0, 0, 0), 0).unwrap();
    assert_eq!(arrived(&mut fetch), [(name(0), None)]);
    assert!(fetch.is_done());
}

/// Nobody knows which of the two lies: the bytes of neither are used.
#[test]
fn nodes_that_differ_about_a_length_are_not_mixed() {
    let mut fetch = fetch(1, 10);
    asked(&mut fetch);
    take(&mut fetch, part(1, 0, 10, 0, 3), 2).unwrap();
    fetch.handle_link_lost();
    asked(&mut fetch);
    assert!(take(&mut fetch, part(2, 0, 9, 3, 1), 4).is_err());
    assert!(take(&mut fetch, part(2, 0, 9, 3, 6), 4).is_err(), "nor is its end taken alone");
    fetch.handle_link_lost();
    assert_eq!(asked(&mut fetch).unwrap().have, 0);
    take(&mut fetch, part(3, 0, 9, 0, 9), 4).unwrap();
    assert_eq!(arrived(&mut fetch), [(name(0), Some(vec![4; 9]))]);
}

#[test]
fn what_is_given_up_is_dropped_when_it_comes() {
    let mut fetch = fetch(4, 10);
    asked(&mut fetch);
    take(&mut fetch, part(1, 0, 10, 0, 10), 1).unwrap();
    take(&mut fetch, part(1, 1, 10, 0, 5), 1).unwrap();
    // One that came, one that comes, one that is to come, and one that nobody wanted.
    names([0, 1, 2, 77]).into_iter().for_each(|text| fetch.give_up(text));
    assert_eq!(asked(&mut fetch), None, "these few bytes may come");
    assert_eq!(arrived(&mut fetch), []);
    take(&mut fetch, part(1, 1, 10, 5, 5), 1).unwrap();
    take(&mut fetch, part(1, 2, 10, 0, 10), 1).unwrap();
    take(&mut fetch, part(1, 3, 10, 0, 10), 3).unwrap();
    assert_eq!(arrived(&mut fetch), [(name(3), Some(vec![3; 10]))]);
    assert!(fetch.is_done());
}

#[test]
fn with_all_given_up_nothing_is_asked_for() {
    let mut unasked = fetch(2, 10);
    names(0..2).into_iter().for_each(|text| unasked.give_up(text));
    assert!(unasked.is_done() && asked(&mut unasked).is_none());
    assert!(Fetch::new(LayerRange::all(1), 0, Vec::new()).is_done());
    let mut broken = fetch(2, 10);
    asked(&mut broken);
    take(&mut broken, part(1, 0, 10, 0, 5), 1).unwrap();
    broken.give_up(name(0));
    broken.handle_link_lost();
    let next = asked(&mut broken).unwrap();
    assert_eq!((next.have, next.texts), (0, names([1])), "nothing of what was given up");
}

/// Goal: no bytes that nobody wants, where they are many; and no request that throws away more than it
/// saves, however often something is given up.
#[test]
fn much_that_was_given_up_and_comes_next_is_asked_around() {
    const LEN: u32 = 128 << 10;
    let mut fetch = fetch(6, LEN);
    asked(&mut fetch);
    take(&mut fetch, part(1, 0, LEN, 0, 1), 1).unwrap();
    names([1, 2]).into_iter().for_each(|text| fetch.give_up(text));
    assert_eq!(asked(&mut fetch), None, "the first one is arriving");
    take(&mut fetch, part(1, 0, LEN, 1, LEN - 1), 1).unwrap();
    let around = asked(&mut fetch).unwrap();
    assert_eq!((around.request, around.have, around.texts), (2, 0, names(3..6)));
    // The rest of the older request is dropped.
    take(&mut fetch, part(1, 1, LEN, 0, 9), 1).unwrap();
    fetch.give_up(name(3));
    assert_eq!(asked(&mut fetch), None, "one alone may come");
    take(&mut fetch, part(2, 0, LEN, 0, LEN), 1).unwrap();
    take(&mut fetch, part(2, 1, LEN, 0, LEN), 1).unwrap();
    assert_eq!(arrived(&mut fetch).len(), 2);
    fetch.give_up(name(5));
    assert!(asked(&mut fetch).is_none() && fetch.is_done());
    let mut fetch = self::fetch(4, LEN);
    asked(&mut fetch);
    take(&mut fetch, part(1, 0, LEN, 0, 1), 1).unwrap();
    names(0..3).into_iter().for_each(|text| fetch.give_up(text));
    assert_eq!(asked(&mut fetch), None, "what has begun may end");
}

#[test]
fn a_text_that_is_named_twice_is_fetched_once() {
    let twice = [wanted(2, 10), wanted(3, 10)].concat();
    let mut fetch = Fetch::new(LayerRange::all(1), 0, twice);
    assert_eq!(asked(&mut fetch).unwrap().texts, names(0..3));
}

/// Goal: each rule of a part, broken alone. The part that fits is taken afterwards all the same.
#[test]
fn a_part_that_does_not_fit_is_misbehaviour() {
    let begun = || {
        let mut fetch = fetch(3, 100);
        asked(&mut fetch);
        take(&mut fetch, part(1, 0, 10, 0, 10), 1).unwrap();
        take(&mut fetch, part(1, 1, 50, 0, 20), 1).unwrap();
        fetch
    };
    for (what, wrong) in [
        ("a request that was not made", part(2, 1, 50, 20, 5)),
        ("the text before", part(1, 0, 50, 20, 5)),
        ("the text after", part(1, 2, 50, 0, 5)),
        ("no text", part(1, 3, 50, 0, 5)),
        ("a gap", part(1, 1, 50, 21, 5)),
        ("bytes again", part(1, 1, 50, 19, 5)),
        ("another length", part(1, 1, 51, 20, 5)),
        ("not there any more", part(1, 1, 0, 0, 0)),
        ("past the end", part(1, 1, 50, 20, 31)),
        ("an end past numbers", part(1, 1, 50, 20, u32::MAX)),
        ("no bytes", part(1, 1, 50, 20, 0)),
    ] {
        let mut fetch = begun();
        let payload = vec![0; wrong.bytes.min(100) as usize];
        let error = fetch.handle_part(wrong, &payload).unwrap_err();
        assert!(matches!(error, PeerMisbehaved::UnfitPart { .. }), "{what}: {error}");
        take(&mut fetch, part(1, 1, 50, 20, 30), 1).unwrap();
        assert_eq!(arrived(&mut fetch).len(), 2, "{what}");
    }
    for payload in [4, 6] {
        let wrong = begun().handle_part(part(1, 1, 50, 20, 5), &vec![0; payload]);
        assert!(wrong.is_err(), "a payload of {payload}");
    }
    for (what, wrong) in [
        ("too long", part(1, 2, 101, 0, 5)),
        ("bytes of what is not there", part(1, 2, 0, 0, 5)),
        ("not there from somewhere on", part(1, 2, 0, 5, 0)),
    ] {
        let mut fetch = begun();
        take(&mut fetch, part(1, 1, 50, 20, 30), 1).unwrap();
        assert!(take(&mut fetch, wrong, 1).is_err(), "{what}");
        take(&mut fetch, part(1, 2, 100, 0, 5), 1).unwrap();
    }
}

#[test]
fn parts_that_nobody_asked_for_are_misbehaviour() {
    let mut fetch = fetch(1, 10);
    assert!(take(&mut fetch, part(0, 0, 10, 0, 5), 1).is_err(), "before anything was asked for");
    assert!(take(&mut fetch, part(1, 0, 10, 0, 5), 1).is_err());
    asked(&mut fetch);
    take(&mut fetch, part(1, 0, 10, 0, 10), 1).unwrap();
    assert!(take(&mut fetch, part(1, 0, 10, 0, 10), 1).is_err(), "again");
    assert!(take(&mut fetch, part(1, 1, 10, 0, 10), 1).is_err(), "after the last");
    assert_eq!(arrived(&mut fetch).len(), 1);
}
