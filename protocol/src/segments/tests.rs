//! Segments that are fetched, and how they are paced.

use super::*;
use crate::{Message, SegmentPart, SegmentRequest, TextName};
use std::time::Instant;

mod any_fetch;
mod fetching;
mod link;
mod pace;
mod pacer;
mod serving;

/// The one clock reading of these tests: where simulated time begins.
#[expect(clippy::disallowed_methods, reason = "any instant will do; it is never read again")]
fn dawn() -> Instant {
    Instant::now()
}

fn name(number: u32) -> TextName {
    let mut name = [0x5a; TextName::LEN];
    name[..4].copy_from_slice(&number.to_le_bytes());
    TextName(name)
}

/// Texts `0..count`, of at most `len_max` bytes each.
fn wanted(count: u32, len_max: u32) -> Vec<Wanted> {
    (0..count).map(|number| Wanted { text: name(number), len_max }).collect()
}

/// What the fetch asks for now.
fn asked(fetch: &mut Fetch) -> Option<SegmentRequest> {
    fetch.poll_transmit().map(|message| {
        message.check().unwrap();
        let Message::SegmentRequest(request) = message else { panic!("{message:?}") };
        request
    })
}

fn part(request: u32, index: u32, total: u32, offset: u32, bytes: u32) -> SegmentPart {
    SegmentPart { request, index, total, offset, bytes }
}
