//! Frames: a header of two or three bytes, a body, and where the body says so a raw payload.
//!
//! ```text
//!  ┌─────────────┬────────────────────┬───────────────┬───────────────────────┐
//!  │ 0xC0 | kind │ body_len           │ body          │ payload (rows, bytes) │
//!  │ 0xD0 | kind │ body_len, LE, long │               │                       │
//!  └─────────────┴────────────────────┴───────────────┴───────────────────────┘
//! ```
//!
//! A reader takes [`Header::START_LEN`] bytes to [`Header::parse`], one more where it asks for that,
//! `body_len` more to [`decode`], and [`Message::payload_len`] more as the payload. Each length has been
//! compared with its limit by the time it is returned, so a reader may allocate it.
//!
//! # Invariants
//!
//! - **Nothing here panics on bytes from a peer**, and nothing allocates more than a limit.
//! - **One message, one spelling of its length**: trailing bytes are an error, and so is a long header for
//!   a body that a short one can say.

#[cfg(test)]
mod tests;

use crate::error::{DecodeError, EncodeError};
use crate::limits::body_len_max;
use crate::{Kind, Message};
use bytes::Bytes;

/// The upper half of a frame's first byte: a mark that a stream is in step. The lower half is the kind.
pub const MARK: u8 = 0xC0;

/// The same of a frame whose `body_len` takes two bytes.
pub const MARK_LONG: u8 = 0xD0;

/// A message with its payload.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// What it says.
    pub message: Message,
    /// Hidden states, or bytes of a segment; empty for every other message.
    pub payload: Bytes,
}

/// A header whose kind is known and whose length is within that kind's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the body is.
    pub kind: Kind,
    /// Bytes of the body.
    pub body_len: usize,
}

impl From<Message> for Frame {
    /// A frame without payload.
    fn from(message: Message) -> Self {
        Self { message, payload: Bytes::new() }
    }
}

impl Header {
    /// Bytes of a short header, and of a long one but for its last.
    pub const START_LEN: usize = 2;

    /// Reads a header; `None` where it is a long one, and another byte is to be read.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] where the mark or kind is unknown, or the body is longer than its kind allows, or too
    /// short for its header.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        let [first, lengths @ ..] = bytes else { return Ok(None) };
        let mark = first & 0xF0;
        if mark != MARK && mark != MARK_LONG {
            return Err(DecodeError::Mark { actual: *first });
        }
        let code = first & 0x0F;
        let kind = Kind::from_code(code).ok_or(DecodeError::Kind { code })?;
        let body_len = match (mark, lengths) {
            (MARK, [length]) => usize::from(*length),
            (MARK_LONG, [low, high]) => usize::from(u16::from_le_bytes([*low, *high])),
            _ => return Ok(None),
        };
        let limit = body_len_max(kind);
        if body_len > limit {
            return Err(DecodeError::BodyTooLong { kind, actual: body_len, limit });
        }
        if mark == MARK_LONG && body_len <= SHORT_MAX {
            return Err(DecodeError::LongHeader { kind, actual: body_len });
        }
        Ok(Some(Self { kind, body_len }))
    }

    fn put(self, bytes: &mut Vec<u8>) {
        let Self { kind, body_len } = self;
        let [low, high, ..] = body_len.to_le_bytes();
        match body_len <= SHORT_MAX {
            true => bytes.extend([MARK | kind.code(), low]),
            false => bytes.extend([MARK_LONG | kind.code(), low, high]),
        }
    }
}

/// The longest body of a short header.
const SHORT_MAX: usize = u8::MAX as usize;

/// The bytes of a frame: header and body in one buffer, the payload as it is.
///
/// # Errors
///
/// [`EncodeError`] where the message breaks a limit, or the payload is not as long as it says. Both
/// are mistakes of ours.
pub fn encode(frame: &Frame) -> Result<[Bytes; 2], EncodeError> {
    let Frame { message, payload } = frame;
    message.check()?;
    let kind = message.kind();
    if payload.len() != message.payload_len() {
        let (actual, expected) = (payload.len(), message.payload_len());
        return Err(EncodeError::PayloadLength { kind, actual, expected });
    }
    let body = message.encode_body()?;
    let (body_len, limit) = (body.len(), body_len_max(kind));
    if body_len > limit {
        return Err(EncodeError::BodyTooLong { kind, actual: body_len, limit });
    }
    let mut head = Vec::with_capacity(Header::START_LEN + 1 + body_len);
    Header { kind, body_len }.put(&mut head);
    head.extend(body);
    Ok([Bytes::from(head), payload.clone()])
}

/// Reads the body that `header` announced. The message's payload, if any, is still on the stream:
/// [`Message::payload_len`] bytes.
///
/// # Errors
///
/// [`DecodeError`] where the bytes are not exactly one message of this kind within its limits.
pub fn decode(header: Header, body: &[u8]) -> Result<Message, DecodeError> {
    let kind = header.kind;
    if body.len() != header.body_len {
        return Err(DecodeError::BodyLength {
            kind,
            actual: body.len(),
            expected: header.body_len,
        });
    }
    let message =
        Message::decode_body(kind, body).map_err(|source| DecodeError::Body { kind, source })?;
    message.check().map_err(|source| DecodeError::Limit { kind, source })?;
    Ok(message)
}
