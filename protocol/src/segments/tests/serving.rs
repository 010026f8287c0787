//! The giver's half: what it gets, what it sends, and in which order.

use super::*;
use crate::error::PeerMisbehaved;
use crate::{Frame, limits};
use base::LayerRange;
use bytes::Bytes;
use std::time::Duration;

fn request(request: u32, have: u32, texts: std::ops::Range<u32>) -> SegmentRequest {
    let (layers, texts) = (LayerRange::new(2, 6).unwrap(), texts.map(name).collect());
    SegmentRequest { request, layers, format: 1, have, texts }
}

/// One whose channel no tokens flow beside.
fn serving(now: Instant) -> Serving {
    let mut serving = Serving::new(now);
    serving.handle_path(now, Duration::from_millis(50), false);
    serving
}

fn bytes(length: usize) -> Option<Bytes> {
    Some((0..=250).cycle().take(length).collect())
}

fn sent(serving: &mut Serving, now: Instant) -> Option<(SegmentPart, Bytes)> {
    serving.poll_transmit(now).map(|Frame { message, payload }| {
        message.check().unwrap();
        let Message::SegmentPart(part) = message else { panic!("{message:?}") };
        (part, payload)
    })
}

#[test]
fn segments_are_got_one_at_a_time_and_sent_in_order_from_where_the_asker_is() {
    let now = dawn();
    let mut serving = serving(now);
    assert_eq!(serving.poll_work(), None);
    serving.handle_request(request(7, 100, 0..3)).unwrap();
    let work = serving.poll_work().unwrap();
    assert_eq!((work.text, work.format, work.layers.start()), (name(0), 1, 2));
    assert!(serving.poll_work().is_none() && serving.poll_timeout().is_none());
    serving.handle_segment(bytes(150));
    let (first, payload) = sent(&mut serving, now).unwrap();
    assert_eq!(first, part(7, 0, 150, 100, 50));
    assert_eq!(payload, bytes(150).unwrap().slice(100..));
    assert_eq!(serving.poll_work().unwrap().text, name(1));
    serving.handle_segment(None);
    assert_eq!(serving.poll_work().unwrap().text, name(2));
    serving.handle_segment(bytes(9));
    assert_eq!(serving.poll_work(), None);
    assert_eq!(sent(&mut serving, now).unwrap().0, part(7, 1, 0, 0, 0));
    assert_eq!(sent(&mut serving, now).unwrap().0, part(7, 2, 9, 0, 9));
    assert_eq!(sent(&mut serving, now), None);
    assert!(serving.poll_work().is_none() && serving.poll_timeout().is_none());
}

#[test]
fn the_next_segment_is_got_while_the_one_before_leaves() {
    let now = dawn();
    let mut serving = serving(now);
    serving.handle_request(request(1, 0, 0..3)).unwrap();
    serving.poll_work().unwrap();
    serving.handle_segment(bytes(3 * limits::SEGMENT_PART_LEN_MAX as usize));
    assert_eq!(serving.poll_work(), None, "a whole one waits");
    assert_eq!(sent(&mut serving, now).unwrap().0.bytes, limits::SEGMENT_PART_LEN_MAX);
    serving.poll_work().unwrap();
    serving.handle_segment(bytes(9));
    assert_eq!(serving.poll_work(), None, "a whole one waits");
    let rest = std::iter::from_fn(|| sent(&mut serving, now)).map(|(part, _)| part.index);
    assert_eq!(rest.collect::<Vec<_>>(), [0, 0, 1]);
}

#[test]
fn a_newer_request_replaces_all_of_the_older_one() {
    let now = dawn();
    let mut serving = serving(now);
    serving.handle_request(request(1, 0, 0..3)).unwrap();
    serving.poll_work().unwrap();
    serving.handle_segment(bytes(70_000));
    sent(&mut serving, now).unwrap();
    serving.poll_work().unwrap();
    serving.handle_request(request(2, 0, 2..3)).unwrap();
    assert_eq!(sent(&mut serving, now), None, "what waited is not wanted");
    assert_eq!(serving.poll_work(), None, "a work is not answered");
    serving.handle_segment(bytes(5));
    assert_eq!(sent(&mut serving, now), None, "its answer is not wanted");
    assert_eq!(serving.poll_work().unwrap().text, name(2));
    serving.handle_segment(bytes(6));
    assert_eq!(sent(&mut serving, now).unwrap().0, part(2, 0, 6, 0, 6));
}

#[test]
fn requests_ascend() {
    let mut serving = serving(dawn());
    serving.handle_request(request(3, 0, 0..1)).unwrap();
    for stale in [3, 2, 0] {
        let error = serving.handle_request(request(stale, 0, 0..1));
        assert_eq!(error, Err(PeerMisbehaved::StaleRequest { request: stale, newest: 3 }));
    }
    serving.handle_request(request(u32::MAX, 0, 0..1)).unwrap();
}

/// As much as there is of a segment, or more: the asker's is another one.
#[test]
fn who_has_more_than_there_is_is_told_that_it_is_not_here() {
    let now = dawn();
    for (have, part) in
        [(9, part(1, 0, 10, 9, 1)), (10, part(1, 0, 0, 0, 0)), (11, part(1, 0, 0, 0, 0))]
    {
        let mut serving = serving(now);
        serving.handle_request(request(1, have, 0..1)).unwrap();
        serving.poll_work().unwrap();
        serving.handle_segment(bytes(10));
        assert_eq!(sent(&mut serving, now).unwrap().0, part);
    }
    let mut empty = serving(now);
    empty.handle_request(request(1, 0, 0..1)).unwrap();
    empty.poll_work().unwrap();
    empty.handle_segment(bytes(0));
    assert_eq!(sent(&mut empty, now).unwrap().0.total, 0);
}
