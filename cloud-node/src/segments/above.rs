//! Segments that are not here, of the node above.
//!
//! They are asked for together, and read as they are wanted: what has come and is not wanted yet waits in
//! QUIC's windows.

use protocol::limits::SEGMENT_LEN_MAX;
use protocol::{Arrived, Fetch, Message, SegmentRequest, TextName, Wanted};
use std::sync::Arc;
use transport::{Uplink, UplinkSession};

/// A channel of segments to the node above.
pub(super) struct Above {
    /// The request from below that it is for.
    request: u32,
    fetch: Fetch,
    channel: UplinkSession,
}

impl Above {
    /// Asks for what `request` wants from `text` on. `None` where nobody is above, or not now.
    pub(super) async fn ask(
        upstream: Option<&Arc<Uplink>>,
        request: &SegmentRequest,
        text: TextName,
    ) -> Option<Self> {
        let channel = upstream?.open_session().await?;
        let rest = request.texts.iter().skip_while(|wanted| **wanted != text);
        let wanted = rest.map(|text| Wanted { text: *text, len_max: SEGMENT_LEN_MAX }).collect();
        let fetch = Fetch::new(request.layers, request.format, wanted);
        Some(Self { request: request.request, fetch, channel })
    }

    /// Whether it is for the request of that number.
    pub(super) const fn is_for(&self, request: u32) -> bool {
        self.request == request
    }

    /// The segment that ends `text`, which was asked for, and no later one was read; `None` where it is not
    /// there either.
    ///
    /// # Errors
    ///
    /// [`AboveGone`] where the channel is of no more use.
    pub(super) async fn get(&mut self, text: TextName) -> Result<Option<Vec<u8>>, AboveGone> {
        loop {
            while let Some(Arrived { text: arrived, bytes }) = self.fetch.poll_arrived() {
                if arrived == text {
                    return Ok(bytes);
                }
            }
            if self.fetch.is_done() {
                return Ok(None);
            }
            while let Some(request) = self.fetch.poll_transmit() {
                self.channel.send(request).await.map_err(|_| AboveGone)?;
            }
            let frame = self.channel.recv().await.map_err(|_| AboveGone)?;
            let Message::SegmentPart(part) = frame.message else { return Err(AboveGone) };
            self.fetch.handle_part(part, &frame.payload).map_err(|error| {
                tracing::warn!(%error, "the upstream misbehaved");
                AboveGone
            })?;
        }
    }
}

/// The channel has ended, or is to end.
pub(super) struct AboveGone;
