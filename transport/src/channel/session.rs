//! The channel of one session: its control stream, and up the link a stream for hidden states.
//!
//! ```text
//!             control stream (opened with the session, both ways)
//!  dialler ═══════════════════════════════════════════════════════ listener
//!             hidden stream (opened by the first pass with hidden states, up only)
//!          ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─▶
//! ```
//!
//! The hidden stream has the lower priority: a rollback never queues behind a tensor. The two are
//! not ordered among each other, but for one promise: the session's first message comes from the
//! control stream. Verdicts that go up go on the stream that passes go on. Hidden states that come down are
//! what everybody waits for, and come on the control stream.

use super::{ChannelError, FrameReader, FrameWriter, Rules};
use crate::link::Link;
use crate::options::Side;
use crate::streams;
use crate::tally::FrameTally;
use protocol::{Frame, Kind, Lane, Message, Scope};
use std::future;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Priority of hidden streams; all others have zero or more.
const HIDDEN_PRIORITY: i32 = -1;

/// Priority of what may wait for everything else.
const LAST_PRIORITY: i32 = -2;

/// Both directions of a session.
#[derive(Debug)]
pub struct SessionChannel {
    sender: SessionSender,
    receiver: SessionReceiver,
}

/// What this node says in a session.
#[derive(Debug)]
pub struct SessionSender {
    link: Link,
    control: FrameWriter,
    hidden: Option<FrameWriter>,
    /// Of what the dialler counts apart.
    tally: Option<Arc<FrameTally>>,
}

/// What the peer says in a session.
#[derive(Debug)]
pub struct SessionReceiver {
    link: Link,
    control: FrameReader,
    hidden: HiddenStream,
    begun: bool,
}

/// The peer's stream of hidden states.
#[derive(Debug)]
pub(crate) enum HiddenStream {
    /// There is none, or it has ended.
    None,
    /// It comes when the peer opens it.
    Awaited(oneshot::Receiver<FrameReader>),
    /// It is there.
    Open(Box<FrameReader>),
}

impl SessionChannel {
    pub(crate) fn new(
        link: Link,
        writer: FrameWriter,
        reader: FrameReader,
        hidden: HiddenStream,
    ) -> Self {
        let sender =
            SessionSender { link: link.clone(), control: writer, hidden: None, tally: None };
        let receiver = SessionReceiver { link, control: reader, hidden, begun: false };
        Self { sender, receiver }
    }

    /// From now on its frames are counted apart, beside those of its link: for a dialler, to whom all comes on
    /// the control stream.
    pub(crate) fn count_in(&mut self, tally: &Arc<FrameTally>) {
        self.sender.control.count_in(Arc::clone(tally));
        self.sender.tally = Some(Arc::clone(tally));
        self.receiver.control.count_in(Arc::clone(tally));
    }

    /// The two directions apart, for two tasks.
    pub fn split(self) -> (SessionSender, SessionReceiver) {
        (self.sender, self.receiver)
    }

    /// The link that it belongs to.
    pub const fn link(&self) -> &Link {
        &self.receiver.link
    }

    /// As [`SessionSender::send`].
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    ///
    /// # Panics
    ///
    /// Where the message is about the link, or not for this side to send.
    pub async fn send(&mut self, frame: impl Into<Frame>) -> Result<(), ChannelError> {
        self.sender.send(frame).await
    }

    /// As [`SessionReceiver::recv`].
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    pub async fn recv(&mut self) -> Result<Frame, ChannelError> {
        self.receiver.recv().await
    }

    /// As [`SessionSender::finish`].
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    pub async fn finish(self) -> Result<(), ChannelError> {
        self.sender.finish().await
    }
}

impl SessionSender {
    /// The link that it belongs to.
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// Sends a message, or a frame with a payload, on the stream that it belongs to; waits while the
    /// windows are full. May be dropped half-way: a frame that was begun goes out with the next call
    /// for the same stream.
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    ///
    /// # Panics
    ///
    /// Where the message is about the link, or not for this side to send.
    pub async fn send(&mut self, frame: impl Into<Frame>) -> Result<(), ChannelError> {
        let frame = frame.into();
        match self.lane(&frame.message) {
            Lane::Control => self.control.send(&frame).await,
            Lane::Hidden => self.hidden().await?.send(&frame).await,
        }
    }

    /// Down there is one stream. Up a verdict stays behind the passes before it, and before those that build
    /// on it.
    fn lane(&self, message: &Message) -> Lane {
        match self.control.from() {
            Side::Listener => Lane::Control,
            Side::Dialler if message.kind() == Kind::Verdict && self.hidden.is_some() => {
                Lane::Hidden
            }
            Side::Dialler => message.lane(),
        }
    }

    /// From now on all other streams of the link go first: for what nobody waits for.
    pub fn send_last(&self) {
        self.control.prioritize(LAST_PRIORITY);
    }

    /// Waits until all that was begun has gone to QUIC.
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    pub async fn flush(&mut self) -> Result<(), ChannelError> {
        self.control.flush().await?;
        match &mut self.hidden {
            Some(hidden) => hidden.flush().await,
            None => Ok(()),
        }
    }

    /// Ends this direction, and waits until the peer's node has all of it.
    ///
    /// # Errors
    ///
    /// [`ChannelError`] where the peer did not take it all.
    pub async fn finish(self) -> Result<(), ChannelError> {
        if let Some(hidden) = self.hidden {
            hidden.finish().await?;
        }
        self.control.finish().await
    }

    /// The hidden stream, opened where it is not yet.
    async fn hidden(&mut self) -> Result<&mut FrameWriter, ChannelError> {
        if self.hidden.is_none() {
            let connection = self.link.connection();
            let stream = connection.quic.open_uni().await;
            let stream = stream.map_err(|error| ChannelError::Link(connection.end(&error)))?;
            let rules = Rules { scope: Scope::Session, from: Side::Dialler };
            let head = streams::hidden_head(self.control.index());
            let mut writer = FrameWriter::new(stream, connection.clone(), rules, head);
            self.tally.iter().for_each(|tally| writer.count_in(Arc::clone(tally)));
            writer.prioritize(HIDDEN_PRIORITY);
            self.hidden = Some(writer);
        }
        Ok(self.hidden.as_mut().expect("it was opened above"))
    }
}

impl SessionReceiver {
    /// The link that it belongs to.
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// The next frame of either stream. May be dropped half-way: nothing is lost.
    ///
    /// # Errors
    ///
    /// [`ChannelError`]; [`ChannelError::Ended`] as soon as the control stream has ended.
    pub async fn recv(&mut self) -> Result<Frame, ChannelError> {
        if !self.begun {
            let first = self.control.next().await?;
            self.begun = true;
            return Ok(first);
        }
        tokio::select! {
            // Small and urgent before large.
            biased;
            frame = self.control.next() => frame,
            frame = self.hidden.next() => frame,
        }
    }
}

impl HiddenStream {
    /// The next frame; never, where no more can come.
    async fn next(&mut self) -> Result<Frame, ChannelError> {
        loop {
            match self {
                Self::None => return future::pending().await,
                // A sender that is gone means a stream that never comes.
                Self::Awaited(stream) => {
                    *self = stream.await.map_or(Self::None, |s| Self::Open(Box::new(s)))
                }
                Self::Open(reader) => match reader.next().await {
                    Err(ChannelError::Ended) => *self = Self::None,
                    frame => return frame,
                },
            }
        }
    }
}
