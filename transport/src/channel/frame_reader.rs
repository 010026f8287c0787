//! Frames out of a stream.

use super::{ChannelError, Misbehaviour, Rules};
use crate::connection::Connection;
use crate::receipts::Stopwatch;
use crate::tally::FrameTally;
use bytes::{Bytes, BytesMut};
use protocol::{Frame, Header, Lane, Message, frame};
use quinn::{ReadError, RecvStream};
use std::sync::Arc;

/// Reads one stream's frames, in order.
#[derive(Debug)]
pub(crate) struct FrameReader {
    stream: RecvStream,
    connection: Connection,
    rules: Rules,
    lane: Lane,
    expect: Expect,
    /// What arrived of what is expected. Grows with what arrives, not with what was announced.
    buffer: BytesMut,
    /// Bytes of the frame's parts before.
    taken: usize,
    /// Of hidden states.
    stopwatch: Stopwatch,
    /// Of the stream's session, beside the connection's.
    tally: Option<Arc<FrameTally>>,
}

/// The part of a frame that comes next.
#[derive(Debug)]
enum Expect {
    Header,
    /// The last byte of a header that begins so.
    LongHeader([u8; Header::START_LEN]),
    Body(Header),
    Payload(Box<Message>),
}

impl Expect {
    fn len(&self) -> usize {
        match self {
            Self::Header => Header::START_LEN,
            Self::LongHeader(_) => 1,
            Self::Body(header) => header.body_len,
            Self::Payload(message) => message.payload_len(),
        }
    }
}

impl FrameReader {
    pub(crate) fn new(
        stream: RecvStream,
        connection: Connection,
        rules: Rules,
        lane: Lane,
    ) -> Self {
        let (expect, buffer) = (Expect::Header, BytesMut::new());
        let (taken, stopwatch, tally) = Default::default();
        Self { stream, connection, rules, lane, expect, buffer, taken, stopwatch, tally }
    }

    /// From now on its frames are counted there, too.
    pub(crate) fn count_in(&mut self, tally: Arc<FrameTally>) {
        self.tally = Some(tally);
    }

    /// The next frame. May be dropped half-way and called again.
    ///
    /// # Errors
    ///
    /// [`ChannelError`]; after [`ChannelError::Misbehaved`] the link is closed.
    pub(crate) async fn next(&mut self) -> Result<Frame, ChannelError> {
        loop {
            while self.buffer.len() == self.expect.len() {
                let bytes = self.buffer.split().freeze();
                self.stopwatch.stop(bytes.len(), self.connection.receipts());
                self.taken += bytes.len();
                match self.advance(bytes) {
                    Ok(Some(frame)) => {
                        self.count();
                        return Ok(frame);
                    }
                    Ok(None) => {}
                    Err(misbehaviour) => return Err(self.misbehaved(misbehaviour)),
                }
            }
            let missing = self.expect.len() - self.buffer.len();
            match self.stream.read_chunk(missing, true).await {
                Ok(Some(chunk)) => {
                    self.buffer.extend_from_slice(&chunk.bytes);
                    if self.lane == Lane::Hidden {
                        self.stopwatch.see(self.buffer.len(), self.expect.len());
                    }
                }
                Ok(None) => return Err(self.end()),
                Err(error) => return Err(self.lost(error)),
            }
        }
    }

    fn count(&mut self) {
        let taken = std::mem::take(&mut self.taken);
        for tally in [Some(self.connection.frames()), self.tally.as_deref()].into_iter().flatten() {
            tally.received.add(taken);
        }
    }

    /// Takes the part that was expected; the frame, where it was the last.
    fn advance(&mut self, bytes: Bytes) -> Result<Option<Frame>, Misbehaviour> {
        match std::mem::replace(&mut self.expect, Expect::Header) {
            Expect::Header => {
                let start = bytes[..].try_into().expect("as many bytes as were expected");
                self.expect = match self.header(&bytes)? {
                    Some(header) => Expect::Body(header),
                    None => Expect::LongHeader(start),
                };
                Ok(None)
            }
            Expect::LongHeader(start) => {
                let header = self.header(&[&start[..], &bytes].concat())?;
                self.expect = Expect::Body(header.expect("no header is longer"));
                Ok(None)
            }
            Expect::Body(header) => {
                let message = frame::decode(header, &bytes).map_err(Misbehaviour::Frame)?;
                if !self.rules.fits(self.lane, &message) {
                    return Err(Misbehaviour::Lane { kind: header.kind });
                }
                self.expect = Expect::Payload(Box::new(message));
                Ok(None)
            }
            Expect::Payload(message) => Ok(Some(Frame { message: *message, payload: bytes })),
        }
    }

    /// The header that `bytes` are; `None` where it goes on.
    fn header(&self, bytes: &[u8]) -> Result<Option<Header>, Misbehaviour> {
        let header = Header::parse(bytes).map_err(Misbehaviour::Frame)?;
        let scope = self.rules.scope;
        match header.map(|header| header.kind).filter(|kind| !self.rules.allow(*kind)) {
            Some(kind) => Err(Misbehaviour::Misplaced { kind, scope }),
            None => Ok(header),
        }
    }

    fn end(&self) -> ChannelError {
        match self.expect {
            Expect::Header if self.buffer.is_empty() => ChannelError::Ended,
            Expect::Header | Expect::LongHeader(_) | Expect::Body(_) | Expect::Payload(_) => {
                self.misbehaved(Misbehaviour::Truncated)
            }
        }
    }

    fn misbehaved(&self, misbehaviour: Misbehaviour) -> ChannelError {
        self.connection.misbehaved(&misbehaviour);
        ChannelError::Misbehaved(misbehaviour)
    }

    fn lost(&self, error: ReadError) -> ChannelError {
        match error {
            ReadError::Reset(_) | ReadError::ClosedStream | ReadError::ZeroRttRejected => {
                ChannelError::Withdrawn
            }
            ReadError::ConnectionLost(error) => ChannelError::Link(self.connection.end(&error)),
            ReadError::IllegalOrderedRead => unreachable!("reads are ordered"),
        }
    }
}
