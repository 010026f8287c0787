//! Requests for segments, and their parts: samples, and limits.

use super::*;

fn segment_request() -> SegmentRequest {
    let texts = [0x33, 0x44].map(|byte| TextName([byte; 32])).to_vec();
    SegmentRequest {
        request: 7,
        layers: LayerRange::new(2, 6).unwrap(),
        format: 1,
        have: 300,
        texts,
    }
}

fn segment_part() -> SegmentPart {
    SegmentPart { request: 7, index: 1, total: 70_000, offset: 300, bytes: 20 }
}

pub(super) fn samples() -> Vec<(&'static str, Frame)> {
    let part = Message::SegmentPart(segment_part());
    let absent = SegmentPart { total: 0, offset: 0, bytes: 0, ..segment_part() };
    vec![
        ("segment request", Message::SegmentRequest(segment_request()).into()),
        ("segment part", Frame { message: part, payload: vec![7; 20].into() }),
        ("segment part of what is not there", Message::SegmentPart(absent).into()),
    ]
}

pub(super) const CASES: [Case; 7] = [
    ("segments", limits::SEGMENTS_MAX, |n| {
        let texts = vec![TextName([0xff; 32]); n];
        let most = SegmentRequest { request: u32::MAX, have: 1 << 26, ..segment_request() };
        Message::SegmentRequest(SegmentRequest { texts, ..most })
    }),
    ("layers of a segment", limits::LAYERS_MAX as usize, |n| {
        let layers = LayerRange::all(small(n));
        Message::SegmentRequest(SegmentRequest { layers, ..segment_request() })
    }),
    ("bytes had of a segment", limits::SEGMENT_LEN_MAX as usize, |n| {
        Message::SegmentRequest(SegmentRequest { have: small(n), ..segment_request() })
    }),
    ("segment index", limits::SEGMENTS_MAX - 1, |n| {
        Message::SegmentPart(SegmentPart { index: small(n), ..segment_part() })
    }),
    ("segment bytes", limits::SEGMENT_LEN_MAX as usize, |n| {
        Message::SegmentPart(SegmentPart { total: small(n), ..segment_part() })
    }),
    ("bytes of a part", limits::SEGMENT_PART_LEN_MAX as usize, |n| {
        Message::SegmentPart(SegmentPart { bytes: small(n), ..segment_part() })
    }),
    ("end of a part", 70_000, |n| {
        Message::SegmentPart(SegmentPart { offset: small(n) - 20, ..segment_part() })
    }),
];

#[test]
fn a_request_is_for_something_and_a_part_lies_within_its_segment() {
    let nobodys = SegmentRequest { texts: Vec::new(), ..segment_request() };
    assert!(Message::SegmentRequest(nobodys).check().is_err(), "a request for nothing");
    let part = |total, offset, bytes| SegmentPart { total, offset, bytes, ..segment_part() };
    let good = |part| Message::SegmentPart(part).check().is_ok();
    assert!(good(part(0, 0, 0)) && good(part(9, 8, 1)));
    assert!(!good(part(9, 8, 0)) && !good(part(0, 0, 1)) && !good(part(0, 1, 0)));
    assert!(!good(part(9, u32::MAX, 9)), "an end past what a number can say");
}

#[test]
fn the_name_of_a_text_is_short_in_a_log() {
    assert_eq!(format!("{:?}", segment_request().texts[0]), "TextName(33333333…)");
}
