//! A peer reads a text in a session of its own, so that it has all of its KV.

use crate::generate::PASS_ROWS_MAX;
use base::TokenId;
use protocol::{Message, Open, Recital};
use std::sync::Arc;
use transport::{Uplink, UplinkSession};

/// What a peer is to read.
#[derive(Debug)]
pub(crate) struct Reading {
    recital: Recital,
}

impl Reading {
    /// Of `tokens`, in the session that `open` begins.
    pub(crate) fn new(open: Open, tokens: &[TokenId]) -> Self {
        Self { recital: Recital::new(open, tokens, PASS_ROWS_MAX) }
    }

    /// Until the peer of `uplink` has read it, in the session that this leaves in `place`: it holds the KV
    /// for as long as it lives.
    ///
    /// # Errors
    ///
    /// Why it has not.
    pub(crate) async fn read(
        mut self,
        uplink: &Arc<Uplink>,
        place: &mut Option<UplinkSession>,
    ) -> Result<(), String> {
        let session = uplink.open_session().await;
        let session = session.ok_or_else(|| "there is no session to be had".to_owned())?;
        let session = place.insert(session);
        while !self.recital.is_read() {
            while let Some(message) = self.recital.poll_transmit() {
                session.send(message).await.map_err(|error| settings::chain(&error))?;
            }
            if let Some(why) = self.recital.refused() {
                return Err(why.to_owned());
            }
            let frame = session.recv().await.map_err(|error| settings::chain(&error))?;
            match frame.message {
                Message::Opened(opened) => self.recital.handle_opened(&opened),
                Message::Verdict(verdict) => self.recital.handle_verdict(&verdict),
                Message::Fault(fault) => self.recital.handle_fault(&fault),
                // No pass comes back from a whole target.
                Message::Pass(_) => return Err("the peer sent a pass out of turn".to_owned()),
                // The channel lets nothing else down, and no segments were asked for.
                Message::Hello(_)
                | Message::Welcome(_)
                | Message::Open(_)
                | Message::Draft(_)
                | Message::Rollback(_)
                | Message::Close(_)
                | Message::Ping(_)
                | Message::Pong(_)
                | Message::SegmentRequest(_)
                | Message::SegmentPart(_)
                | Message::Receipt(_) => {}
            }
        }
        Ok(())
    }
}
