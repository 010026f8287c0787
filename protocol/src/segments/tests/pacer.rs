//! The pacer alone: what it lets through of a round trip that it is told.

use super::super::pacer::Pacer;
use super::dawn;
use crate::limits::SEGMENT_PART_LEN_MAX;
use std::time::{Duration, Instant};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Goes on for `span` and takes what it gives every millisecond: so many bytes.
fn bytes(pacer: &mut Pacer, now: &mut Instant, span: Duration, rtt: Duration) -> u64 {
    let (from, mut bytes) = (*now, 0);
    while *now < from + span {
        pacer.handle_path(*now, rtt, true);
        bytes += std::iter::from_fn(|| pacer.poll_send(*now, u32::MAX)).map(u64::from).sum::<u64>();
        *now += ms(1);
    }
    bytes
}

#[test]
fn while_no_tokens_flow_nothing_is_held_back() {
    let mut now = dawn();
    let mut pacer = Pacer::new(now);
    let before = bytes(&mut pacer, &mut now, ms(1000), ms(20));
    assert!(before > 1 << 20, "{before} bytes");
    pacer.handle_path(now, ms(500), false);
    for _ in 0..1000 {
        assert_eq!(pacer.poll_send(now, u32::MAX), Some(SEGMENT_PART_LEN_MAX));
    }
    assert_eq!(pacer.poll_send(now, 7), Some(7));
    pacer.handle_path(now, ms(500), true);
    let begun = bytes(&mut pacer, &mut now, ms(100), ms(20));
    assert!(begun < 128 << 10, "the pace begins anew, with {begun} bytes");
}

#[test]
fn before_anything_is_known_of_the_path_little_leaves() {
    let mut now = dawn();
    let mut pacer = Pacer::new(now);
    let mut bytes = 0;
    for _ in 0..100 {
        bytes += std::iter::from_fn(|| pacer.poll_send(now, u32::MAX)).sum::<u32>();
        now += ms(1);
    }
    assert!((2048..8192).contains(&bytes), "{bytes}");
}

/// A part takes a hundredth of a second at most, but where it is the smallest one.
#[test]
fn parts_grow_with_the_rate() {
    let mut now = dawn();
    let mut pacer = Pacer::new(now);
    let mut largest = 0;
    for _ in 0..3000 {
        pacer.handle_path(now, ms(10), true);
        loop {
            let from = pacer.next_at().max(now - ms(10));
            let Some(part) = pacer.poll_send(now, u32::MAX) else { break };
            let takes = pacer.next_at() - from;
            assert!(takes < ms(11) || part == 1024, "{part} bytes in {takes:?}");
            assert!(takes > ms(4) || part == SEGMENT_PART_LEN_MAX, "{part} bytes in {takes:?}");
            largest = largest.max(part);
        }
        now += ms(1);
    }
    assert_eq!(largest, SEGMENT_PART_LEN_MAX);
    // The last of a segment may be smaller than any.
    let mut slow = Pacer::new(now);
    assert_eq!((slow.poll_send(now, 3), slow.poll_send(now, 3)), (Some(3), None));
}

/// Whoever has little to send does not save up a rate that nobody has tried.
#[test]
fn a_pace_that_is_not_used_does_not_grow() {
    let mut now = dawn();
    let mut pacer = Pacer::new(now);
    for turn in 0..3000 {
        pacer.handle_path(now, ms(50), true);
        if turn % 5 == 0 {
            assert!(pacer.poll_send(now, 1024).is_some());
        }
        now += ms(20);
    }
    let burst = bytes(&mut pacer, &mut now, ms(50), ms(50));
    assert!(burst < 3 * 4800, "{burst} bytes in a round trip");
}

#[test]
fn however_long_the_queue_is_something_leaves() {
    let mut now = dawn();
    let mut pacer = Pacer::new(now);
    bytes(&mut pacer, &mut now, ms(500), ms(20));
    bytes(&mut pacer, &mut now, ms(7500), ms(200));
    let least = bytes(&mut pacer, &mut now, ms(1000), ms(200));
    // Two parts of 1 KiB in a round trip.
    assert!((9 << 10..=11 << 10).contains(&least), "{least} bytes in a second");
}

#[test]
fn a_way_that_has_become_longer_is_believed_after_ten_seconds() {
    let mut now = dawn();
    let mut pacer = Pacer::new(now);
    bytes(&mut pacer, &mut now, ms(500), ms(20));
    bytes(&mut pacer, &mut now, ms(8000), ms(200));
    let not_yet = bytes(&mut pacer, &mut now, ms(1000), ms(200));
    bytes(&mut pacer, &mut now, ms(5000), ms(200));
    let then = bytes(&mut pacer, &mut now, ms(1000), ms(200));
    assert!(then > 5 * not_yet, "{not_yet} bytes, then {then}");
}

#[test]
fn round_trips_of_no_length_and_links_without_end_do_no_harm() {
    let mut now = dawn();
    let mut pacer = Pacer::new(now);
    bytes(&mut pacer, &mut now, ms(1000), Duration::ZERO);
    let most = bytes(&mut pacer, &mut now, ms(100), Duration::ZERO);
    assert!((1 << 20..140 << 20).contains(&most), "{most} bytes in a tenth of a second");
}
