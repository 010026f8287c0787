//! The channel of a link itself: handshake, signs of life, faults.

use super::{ChannelError, FrameReader, FrameWriter};
use crate::link::Link;
use protocol::{Frame, Message};

/// A link's first stream. Its messages go before those of all sessions.
#[derive(Debug)]
pub struct ControlChannel {
    writer: FrameWriter,
    reader: FrameReader,
    link: Link,
}

impl ControlChannel {
    pub(crate) fn new(writer: FrameWriter, reader: FrameReader, link: Link) -> Self {
        writer.prioritize(1);
        Self { writer, reader, link }
    }

    /// The link that it belongs to.
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// Sends a message. May be dropped half-way: one that was begun goes out with the next call.
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    ///
    /// # Panics
    ///
    /// Where the message is about a session, or not for this side to send.
    pub async fn send(&mut self, message: Message) -> Result<(), ChannelError> {
        self.writer.send(&Frame::from(message)).await
    }

    /// The next message. May be dropped half-way: nothing is lost.
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    pub async fn recv(&mut self) -> Result<Message, ChannelError> {
        Ok(self.reader.next().await?.message)
    }

    /// Ends this side of the channel, and waits until the peer's node has all that was sent. Before
    /// closing a link with a last word on it.
    ///
    /// # Errors
    ///
    /// [`ChannelError`] where the peer did not take it all.
    pub async fn finish(self) -> Result<(), ChannelError> {
        self.writer.finish().await
    }
}
