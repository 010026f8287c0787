//! One session on an uplink.

use super::Uplink;
use super::carrier::Carried;
use crate::{ChannelError, CloseCode, FrameTally, LinkEnd};
use crate::{SessionChannel, SessionReceiver, SessionSender};
use protocol::Frame;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// One session on the link. It ends with what carries it.
#[derive(Debug)]
pub struct UplinkSession {
    sender: SessionSender,
    receiver: SessionReceiver,
    carried: Carried,
    open: OpenSession,
    tally: Arc<FrameTally>,
}

/// While it lives, silence of the peer counts.
#[derive(Debug)]
pub(super) struct OpenSession(Arc<Uplink>);

impl UplinkSession {
    pub(super) fn new(uplink: &Arc<Uplink>, mut channel: SessionChannel, carried: Carried) -> Self {
        let tally = Arc::default();
        channel.count_in(&tally);
        let (sender, receiver) = channel.split();
        Self { sender, receiver, carried, open: OpenSession::new(uplink), tally }
    }

    /// Counts the bytes of its frames, also when it is over.
    pub const fn tally(&self) -> &Arc<FrameTally> {
        &self.tally
    }

    /// Sends towards the verifier.
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    pub async fn send(&mut self, frame: impl Into<Frame>) -> Result<(), ChannelError> {
        tokio::select! {
            biased;
            _ = self.carried.life.changed() => Err(given_up()),
            sent = self.sender.send(frame) => sent,
        }
    }

    /// The next frame from the verifier. May be dropped half-way.
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    pub async fn recv(&mut self) -> Result<Frame, ChannelError> {
        let frame = tokio::select! {
            biased;
            _ = self.carried.life.changed() => return Err(given_up()),
            frame = self.receiver.recv() => frame?,
        };
        self.carried.heard.notify_one();
        self.open.0.words.notify_waiters();
        Ok(frame)
    }

    /// Says that this is all, and waits until the peer has everything, or is lost.
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    pub async fn finish(self) -> Result<(), ChannelError> {
        self.sender.finish().await
    }

    /// Whose doing it was: for a peer that broke the protocol.
    pub fn accuse(&self, reason: &str) {
        self.sender.link().close(CloseCode::Misbehaved, reason);
    }
}

/// What carried the session was given up, though its connection may still stand.
fn given_up() -> ChannelError {
    let reason = "the link was given up".to_owned();
    ChannelError::Link(LinkEnd::Ours { code: CloseCode::Unresponsive, reason })
}

impl OpenSession {
    pub(super) fn new(uplink: &Arc<Uplink>) -> Self {
        if uplink.sessions.fetch_add(1, Ordering::Relaxed) == 0 {
            uplink.sessions_changed.notify_one();
        }
        Self(Arc::clone(uplink))
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        if self.0.sessions.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.sessions_changed.notify_one();
        }
    }
}
