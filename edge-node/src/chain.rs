//! One session of a route, and the head behind it where the chain comes back to the device: the turn loop
//! hears of either what it hears of any session.

use crate::way_home::{AtHome, WayHome};
use base::TokenId;
use protocol::Frame;
use std::sync::Arc;
use transport::{ChannelError, UplinkSession};

/// A session, to the target's word.
#[derive(Debug)]
pub(crate) struct Chain {
    session: UplinkSession,
    /// The head, where it is here.
    home: Option<AtHome>,
}

impl Chain {
    /// Of a session in which nothing was said yet.
    pub(crate) fn new(session: UplinkSession, way_home: Option<Arc<WayHome>>) -> Self {
        Self { session, home: way_home.map(AtHome::new) }
    }

    /// Sends towards the target, from a device that knows the text `log`.
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    pub(crate) async fn send(
        &mut self,
        frame: impl Into<Frame>,
        log: &[TokenId],
    ) -> Result<(), ChannelError> {
        let mut frame = frame.into();
        if let Some(home) = &mut self.home {
            frame.message = home.goes_up(frame.message, log);
        }
        self.session.send(frame).await
    }

    /// The target's next word. May be dropped half-way: at most, a verdict goes up twice, which is the same
    /// as once.
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    pub(crate) async fn recv(&mut self) -> Result<Frame, ChannelError> {
        loop {
            let Some(home) = &mut self.home else { return self.session.recv().await };
            while let Some(message) = home.up() {
                self.session.send(message.clone()).await?;
                home.sent();
            }
            if let Some(message) = home.down() {
                return Ok(message.into());
            }
            let frame = self.session.recv().await?;
            if let Err(misbehaved) = home.take(frame) {
                tracing::warn!(%misbehaved, "the peer breaks the protocol");
                // Which ends the session as well.
                self.session.accuse(&misbehaved.to_string());
            }
        }
    }

    /// As [`UplinkSession::accuse`].
    pub(crate) fn accuse(&self, reason: &str) {
        self.session.accuse(reason);
    }

    /// As [`UplinkSession::finish`].
    ///
    /// # Errors
    ///
    /// [`ChannelError`].
    pub(crate) async fn finish(self) -> Result<(), ChannelError> {
        self.session.finish().await
    }
}

#[cfg(test)]
pub(crate) mod tests;
