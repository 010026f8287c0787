//! The giver's half: which segments are to be got, and which parts are to be sent when.
//!
//! ```text
//!   handle_request     poll_work                 handle_segment          poll_transmit
//!   texts ───────────▶ one SegmentWork at a time ──────────────▶ waiting ─────────────▶ parts
//! ```
//!
//! # Invariants
//!
//! - **Parts leave in the order of the request**, each segment's without a gap.
//! - **At most two segments are held**: one of which parts have left, and one that waits behind it.
//! - **Nothing of an older request leaves.**

use super::pacer::Pacer;
use crate::error::PeerMisbehaved;
use crate::{Frame, Message, SegmentPart, SegmentRequest, TextName, limits};
use base::LayerRange;
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A segment that is to be got. Each is answered by one [`Serving::handle_segment`], also where its
/// request was replaced meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentWork {
    /// In which layers.
    pub layers: LayerRange,
    /// In which format, by its number, as the peer said it.
    pub format: u8,
    /// Of the text's last block.
    pub text: TextName,
}

/// What one channel is asked for, and answers.
#[derive(Debug)]
pub struct Serving {
    request: Option<SegmentRequest>,
    /// How many of the request's texts were taken up.
    taken: usize,
    /// The request of the work that is not answered yet.
    working: Option<u32>,
    waiting: VecDeque<Waiting>,
    pacer: Pacer,
}

/// A text that parts are to be sent of.
#[derive(Debug)]
struct Waiting {
    index: u32,
    /// `None`: it is not here.
    bytes: Option<Bytes>,
    /// Bytes that the peer has, or will have.
    sent: u32,
}

impl Serving {
    /// Of a channel that has just begun. Until [`Serving::handle_path`] it is taken for granted that
    /// tokens flow.
    pub fn new(now: Instant) -> Self {
        let (waiting, pacer) = (VecDeque::new(), Pacer::new(now));
        Self { request: None, taken: 0, working: None, waiting, pacer }
    }

    /// A request, which replaces the one before.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::StaleRequest`] where its number is not above that of the one before.
    pub fn handle_request(&mut self, request: SegmentRequest) -> Result<(), PeerMisbehaved> {
        if let Some(before) = &self.request
            && request.request <= before.request
        {
            let (request, newest) = (request.request, before.request);
            return Err(PeerMisbehaved::StaleRequest { request, newest });
        }
        self.request = Some(request);
        self.taken = 0;
        self.waiting.clear();
        Ok(())
    }

    /// The next segment to get: one at a time, and none while a whole one waits to be sent.
    pub fn poll_work(&mut self) -> Option<SegmentWork> {
        let whole = |waiting: &Waiting| waiting.bytes.is_some() && waiting.sent == 0;
        if self.working.is_some() || self.waiting.iter().any(whole) {
            return None;
        }
        let SegmentRequest { request, layers, format, texts, .. } = self.request.as_ref()?;
        let text = *texts.get(self.taken)?;
        self.taken += 1;
        self.working = Some(*request);
        Some(SegmentWork { layers: *layers, format: *format, text })
    }

    /// The segment of the work, `None` where it is not here. Ignored where the request was replaced.
    ///
    /// # Panics
    ///
    /// Where there is no work, or the segment is longer than [`limits::SEGMENT_LEN_MAX`].
    pub fn handle_segment(&mut self, bytes: Option<Bytes>) {
        let worked = self.working.take().expect("the shell answers a work that it was given");
        let long = |bytes: &Bytes| bytes.len() > limits::SEGMENT_LEN_MAX as usize;
        assert!(!bytes.as_ref().is_some_and(long), "a segment is longer than any may be");
        let Some(request) = self.request.as_ref().filter(|now| now.request == worked) else {
            return;
        };
        let index = self.taken - 1;
        let have = if index == 0 { request.have } else { 0 };
        // Who has as much of it as there is has got another one.
        let bytes = bytes.filter(|bytes| bytes.len() > have as usize);
        let sent = if bytes.is_some() { have } else { 0 };
        let index = u32::try_from(index).expect("a request has few texts");
        self.waiting.push_back(Waiting { index, bytes, sent });
    }

    /// How the link is: QUIC's smoothed round trip now, and whether sessions said something lately. To be
    /// called every 20 ms or so while parts are sent; with 100 ms, tokens on a simulated link of 2 Mbit/s
    /// waited for 50 ms instead of 40 (the 99th percentile, 2026-11-27).
    pub fn handle_path(&mut self, now: Instant, rtt: Duration, tokens_flow: bool) {
        self.pacer.handle_path(now, rtt, tokens_flow);
    }

    /// The next part, if it may leave by now.
    ///
    /// # Panics
    ///
    /// Never: lengths were compared when the segment came.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Frame> {
        let request = self.request.as_ref()?.request;
        let Waiting { index, bytes, sent } = self.waiting.front_mut()?;
        let (index, offset) = (*index, *sent);
        let Some(whole) = bytes else {
            self.waiting.pop_front();
            let absent = SegmentPart { request, index, total: 0, offset: 0, bytes: 0 };
            return Some(Message::SegmentPart(absent).into());
        };
        let total = u32::try_from(whole.len()).expect("no segment is longer");
        let bytes = self.pacer.poll_send(now, total - offset)?;
        let payload = whole.slice(offset as usize..(offset + bytes) as usize);
        *sent += bytes;
        if *sent == total {
            self.waiting.pop_front();
        }
        let message = Message::SegmentPart(SegmentPart { request, index, total, offset, bytes });
        Some(Frame { message, payload })
    }

    /// When [`Serving::poll_transmit`] may give more, where something waits to be sent.
    pub fn poll_timeout(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then(|| self.pacer.next_at())
    }
}
