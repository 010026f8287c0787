//! Reads bytes as a stream of frames, as far as they are some. Shared by the fuzz target and by the
//! ordinary test that replays its corpus.

use protocol::frame::{self, Frame, Header};

/// Panics where a frame that was read does not give its own bytes back, or reading does.
pub(crate) fn walk(mut bytes: &[u8]) {
    while let Some((header, rest)) = split_header(bytes) {
        let Some((body, rest)) = rest.split_at_checked(header.body_len) else { return };
        let Ok(message) = frame::decode(header, body) else { return };
        let Some((payload, rest)) = rest.split_at_checked(message.payload_len()) else { return };
        let read = Frame { message, payload: payload.to_vec().into() };
        let again = frame::encode(&read).expect("what was read may be sent").concat();
        let (header, reread) = split_header(&again).expect("our header");
        let reread = frame::decode(header, &reread[..header.body_len]);
        assert!(reread.is_ok_and(|message| message == read.message), "reads as it was sent");
        bytes = rest;
    }
}

/// The header that `bytes` begin with, and what follows it.
pub(crate) fn split_header(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let lengths = [Header::START_LEN, Header::START_LEN + 1];
    let starts = lengths.into_iter().filter_map(|length| bytes.split_at_checked(length));
    let mut headers = starts.map(|(start, rest)| (Header::parse(start).ok().flatten(), rest));
    headers.find_map(|(header, rest)| Some((header?, rest)))
}
