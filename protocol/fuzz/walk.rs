//! Reads bytes as a stream of frames, as far as they are some. Shared by the fuzz target and by the
//! ordinary test that replays its corpus.

use protocol::frame::{self, Frame, HEADER_LEN, Header};

/// Panics where a frame that was read does not give its own bytes back, or reading does.
pub(crate) fn walk(mut bytes: &[u8]) {
    while let Some((header, rest)) = bytes.split_first_chunk::<HEADER_LEN>() {
        let Ok(parsed) = Header::parse(header) else { return };
        let Some((body, rest)) = rest.split_at_checked(parsed.body_len) else { return };
        let Ok(message) = frame::decode(parsed, body) else { return };
        let Some((payload, rest)) = rest.split_at_checked(message.payload_len()) else { return };
        let read = Frame { message, payload: payload.to_vec().into() };
        let again = frame::encode(&read).expect("what was read may be sent").concat();
        let reread = frame::decode(
            Header::parse(again[..HEADER_LEN].try_into().expect("a header")).expect("our header"),
            &again[HEADER_LEN..again.len() - payload.len()],
        );
        assert!(reread.is_ok_and(|message| message == read.message), "reads as it was sent");
        bytes = rest;
    }
}
