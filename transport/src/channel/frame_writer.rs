//! Frames into a stream.

use super::{ChannelError, Rules};
use crate::connection::Connection;
use crate::options::Side;
use crate::tally::FrameTally;
use bytes::Bytes;
use protocol::{Frame, frame};
use quinn::{SendStream, StoppedError, VarInt, WriteError};
use std::sync::Arc;

/// Writes one stream's frames, in order.
#[derive(Debug)]
pub(crate) struct FrameWriter {
    stream: SendStream,
    connection: Connection,
    rules: Rules,
    /// What of the last frame has not gone to QUIC yet. Empty parts have.
    unsent: [Bytes; 2],
    /// Of the stream's session, beside the connection's.
    tally: Option<Arc<FrameTally>>,
}

impl FrameWriter {
    /// A writer whose stream begins with `head`.
    pub(crate) fn new(
        stream: SendStream,
        connection: Connection,
        rules: Rules,
        head: Bytes,
    ) -> Self {
        Self { stream, connection, rules, unsent: [head, Bytes::new()], tally: None }
    }

    /// From now on its frames are counted there, too.
    pub(crate) fn count_in(&mut self, tally: Arc<FrameTally>) {
        self.tally = Some(tally);
    }

    /// Takes a frame once the ones before it have gone to QUIC, and waits until it has too. Where
    /// this is dropped half-way, a frame that was taken goes out with the next call.
    ///
    /// # Errors
    ///
    /// [`ChannelError`]; after [`ChannelError::Encode`] the channel is as it was.
    ///
    /// # Panics
    ///
    /// Where the message has no place on this stream.
    pub(crate) async fn send(&mut self, frame: &Frame) -> Result<(), ChannelError> {
        let kind = frame.message.kind();
        assert!(self.rules.allow(kind), "{kind:?} has no place on a stream of {:?}", self.rules);
        let parts = frame::encode(frame).map_err(ChannelError::Encode)?;
        self.flush().await?;
        for tally in [Some(self.connection.frames()), self.tally.as_deref()].into_iter().flatten() {
            tally.sent.add(parts.iter().map(Bytes::len).sum());
        }
        self.unsent = parts;
        self.flush().await
    }

    /// Waits until all that was taken has gone to QUIC.
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    pub(crate) async fn flush(&mut self) -> Result<(), ChannelError> {
        while self.is_torn() {
            if let Err(error) = self.stream.write_chunks(&mut self.unsent).await {
                return Err(self.lost(error));
            }
        }
        Ok(())
    }

    /// Ends the stream and waits until the peer's node has all of it.
    ///
    /// # Errors
    ///
    /// [`ChannelError`] where the peer did not take it all.
    pub(crate) async fn finish(mut self) -> Result<(), ChannelError> {
        self.flush().await?;
        // Fails only for a stream that the peer stopped, which `stopped` tells.
        let _ = self.stream.finish();
        match self.stream.stopped().await {
            Ok(None) => Ok(()),
            Ok(Some(_)) | Err(StoppedError::ZeroRttRejected) => Err(ChannelError::Withdrawn),
            Err(StoppedError::ConnectionLost(error)) => {
                Err(ChannelError::Link(self.connection.end(&error)))
            }
        }
    }

    /// Higher goes first.
    pub(crate) fn prioritize(&self, priority: i32) {
        // Fails only for a stream that is over, which needs no priority.
        let _ = self.stream.set_priority(priority);
    }

    /// Which side writes it.
    pub(crate) const fn from(&self) -> Side {
        self.rules.from
    }

    /// The number of this stream among those of its kind.
    pub(crate) fn index(&self) -> u64 {
        self.stream.id().index()
    }

    /// Whether part of a frame may have gone, and the rest not.
    fn is_torn(&self) -> bool {
        self.unsent.iter().any(|part| !part.is_empty())
    }

    fn lost(&self, error: WriteError) -> ChannelError {
        match error {
            WriteError::Stopped(_) | WriteError::ClosedStream | WriteError::ZeroRttRejected => {
                ChannelError::Withdrawn
            }
            WriteError::ConnectionLost(error) => ChannelError::Link(self.connection.end(&error)),
        }
    }
}

/// A stream that ends within a frame would be the peer's reason to close the whole link; giving up
/// the stream only gives up the stream.
impl Drop for FrameWriter {
    fn drop(&mut self) {
        if self.is_torn() {
            // Fails only for a stream that is over already.
            let _ = self.stream.reset(VarInt::from_u32(0));
        }
    }
}
