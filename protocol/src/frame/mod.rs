//! Frames: a header of three bytes, a body, and where the body says so a raw payload.
//!
//! ```text
//!  0             1             3                    3 + body_len
//!  ┌─────────────┬─────────────┬────────────────────┬───────────────────────┐
//!  │ 0xC0 | kind │ body_len LE │ body (bincode)     │ payload (hidden rows) │
//!  └─────────────┴─────────────┴────────────────────┴───────────────────────┘
//! ```
//!
//! A reader takes [`HEADER_LEN`] bytes to [`Header::parse`], `body_len` more to [`decode`], and
//! [`Message::payload_len`] more as the payload. Each length has been compared with its limit by
//! the time it is returned, so a reader may allocate it.
//!
//! # Invariants
//!
//! - **Nothing here panics on bytes from a peer**, and nothing allocates more than a limit.
//! - **One message, one spelling of its length**: trailing bytes are an error.

#[cfg(test)]
mod tests;

use crate::error::{DecodeError, EncodeError};
use crate::limits::body_len_max;
use crate::{Kind, Message};
use bytes::Bytes;

/// The upper half of every frame's first byte: a mark that a stream is in step. The lower half is the
/// kind.
pub const MARK: u8 = 0xC0;

/// Bytes of a header.
pub const HEADER_LEN: usize = 3;

/// A message with its payload.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// What it says.
    pub message: Message,
    /// Hidden states; empty for every other message.
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
    /// Reads a header.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] where the mark or kind is unknown, or the body is longer than its kind allows.
    pub fn parse(bytes: &[u8; HEADER_LEN]) -> Result<Self, DecodeError> {
        let [first, low, high] = *bytes;
        if first & 0xF0 != MARK {
            return Err(DecodeError::Mark { actual: first });
        }
        let code = first & 0x0F;
        let kind = Kind::from_code(code).ok_or(DecodeError::Kind { code })?;
        let body_len = usize::from(u16::from_le_bytes([low, high]));
        let limit = body_len_max(kind);
        if body_len > limit {
            return Err(DecodeError::BodyTooLong { kind, actual: body_len, limit });
        }
        Ok(Self { kind, body_len })
    }
}

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
    let limit = body_len_max(kind);
    let length = u16::try_from(body.len()).ok().filter(|_| body.len() <= limit);
    let length = length.ok_or(EncodeError::BodyTooLong { kind, actual: body.len(), limit })?;
    let [low, high] = length.to_le_bytes();
    let mut head = Vec::with_capacity(HEADER_LEN + body.len());
    head.extend([MARK | kind.code(), low, high]);
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
