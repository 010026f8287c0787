//! One channel of segments: what its peer asks for by name, out of the pool or the store or of the node
//! above, at a pace that holds up no session of the same link.
//!
//! # Invariants
//!
//! - **A channel holds two segments at most**, and the engine copies one at a time, between two passes.
//! - **A device has [`CHANNELS_MAX`] such channels at most**; one more is refused, and it may come back.
//! - **A name is all that is needed**: who cannot compute it, because he does not know the secret in it,
//!   learns nothing.

mod above;

use crate::node::Node;
use crate::session::{Ends, Guest, expel};
use above::Above;
use base::Role;
use bytes::Bytes;
use protocol::error::PeerMisbehaved;
use protocol::limits::SEGMENT_LEN_MAX;

use protocol::{Epoch, Fault, FaultKind, Frame, Message, SegmentRequest, SegmentWork, Serving};
use runtime::{SegmentFormat, TextKey};
use settings::chain;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use transport::{ChannelError, Peer, SessionSender, clock};

/// Channels of segments that a device may have at once: one for each request that it serves, and some that
/// end.
pub(crate) const CHANNELS_MAX: usize = 4;

/// Of a gateway, whose are those of many devices.
const CHANNELS_OF_GATEWAY_MAX: usize = 32;

/// How often the link is looked at while parts are sent.
const PATH_PERIOD: Duration = Duration::from_millis(20);

/// Sessions count as speaking for so long after their last word: longer than most passes take.
const LATELY: Duration = Duration::from_secs(1);

/// When somebody of a link last heard a word of a session of his.
#[derive(Debug, Default)]
pub(crate) struct LastWord(Mutex<Option<Instant>>);

/// How many channels of segments each peer has.
#[derive(Debug, Default)]
pub(crate) struct Channels(Mutex<BTreeMap<Peer, usize>>);

/// One channel's place among those of its peer, given up when it is dropped.
struct Place<'a> {
    channels: &'a Channels,
    peer: Peer,
}

/// A segment that is being got, and the channel to the node above where there is one by then.
type Getting = Pin<Box<dyn Future<Output = (Option<Bytes>, Option<Above>)> + Send>>;

/// How a channel ended.
enum End {
    Lost(ChannelError),
    Misbehaved(PeerMisbehaved),
}

/// Serves a channel that began with `first` until it ends.
pub(crate) async fn serve(node: Arc<Node>, guest: Guest, mut ends: Ends, first: SegmentRequest) {
    let peer = guest.link.peer();
    let Some(_place) = node.segment_channels.enter(peer) else {
        let detail = "this peer has all channels of segments that it may have";
        let fault = Fault::on_session(Epoch::default(), FaultKind::Overloaded, detail);
        let fault = fault.retry_after(node.retry_after_ms());
        // Whoever is gone needs no answer.
        let _ = ends.sender.send(Message::Fault(fault)).await;
        let _ = ends.sender.finish().await;
        return;
    };
    ends.sender.send_last();
    let mut channel = Channel::new(&node, &guest, first.clone());
    match channel.serve(&mut ends, first).await {
        End::Lost(error) => tracing::debug!(%peer, why = %chain(&error), "segments ended"),
        End::Misbehaved(error) => {
            tracing::warn!(%peer, %error, "peer misbehaved");
            node.counters.misbehaved.add(1);
            expel(&guest, ends, Epoch::default(), &error).await;
        }
    }
}

struct Channel<'a> {
    node: &'a Arc<Node>,
    guest: &'a Guest,
    serving: Serving,
    /// The newest one.
    request: SegmentRequest,
    /// Where the node above was asked for what is not here.
    above: Option<Above>,
    getting: Option<Getting>,
    /// The frame that is to be sent next.
    next: Option<Frame>,
    /// Whether one is being sent.
    sending: bool,
    /// When the link is to be looked at again.
    look_at: Instant,
}

impl<'a> Channel<'a> {
    fn new(node: &'a Arc<Node>, guest: &'a Guest, request: SegmentRequest) -> Self {
        let now = clock::now();
        Self {
            node,
            guest,
            serving: Serving::new(now),
            request,
            above: None,
            getting: None,
            next: None,
            sending: false,
            look_at: now,
        }
    }

    async fn serve(&mut self, ends: &mut Ends, first: SegmentRequest) -> End {
        if let Err(error) = self.serving.handle_request(first) {
            return End::Misbehaved(error);
        }
        loop {
            let timer = self.advance();
            tokio::select! {
                biased;
                frame = ends.receiver.recv() => {
                    if let Err(end) = self.take(frame) {
                        return end;
                    }
                }
                (bytes, above) = finish(&mut self.getting) => {
                    self.above = above;
                    if let Some(bytes) = &bytes {
                        self.node.counters.given.add(1);
                        self.node.counters.given_bytes.add(bytes.len());
                    }
                    self.serving.handle_segment(bytes);
                }
                sent = push(&mut ends.sender, &mut self.next), if self.sending => match sent {
                    Ok(()) => self.sending = false,
                    Err(error) => return End::Lost(error),
                },
                // The next turn of the loop looks again.
                _ = clock::reached(timer) => {}
            }
        }
    }

    /// Takes up all that can be done now; when to look again though nothing came.
    fn advance(&mut self) -> Option<(Instant, ())> {
        if self.getting.is_none()
            && let Some(work) = self.serving.poll_work()
        {
            let (node, request) = (Arc::clone(self.node), self.request.clone());
            let above = self.above.take().filter(|above| above.is_for(request.request));
            self.getting = Some(Box::pin(get(node, request, above, work)));
        }
        let now = clock::now();
        if now >= self.look_at {
            let speaks = self.guest.last_word.is_within(LATELY, now);
            self.serving.handle_path(now, self.guest.link.rtt(), speaks);
            self.look_at = now + PATH_PERIOD;
        }
        if self.sending {
            return None;
        }
        self.next = self.serving.poll_transmit(now);
        self.sending = self.next.is_some();
        let timer = self.serving.poll_timeout().filter(|_| !self.sending)?;
        // What may leave depends on the link as well.
        Some((timer.min(self.look_at.max(now)).max(now), ()))
    }

    fn take(&mut self, frame: Result<Frame, ChannelError>) -> Result<(), End> {
        let message = frame.map_err(End::Lost)?.message;
        match message {
            Message::SegmentRequest(request) => {
                self.request = request.clone();
                self.serving.handle_request(request).map_err(End::Misbehaved)
            }
            Message::Fault(fault) => {
                tracing::warn!(kind = ?fault.kind, detail = fault.detail, "the peer reports a fault");
                Ok(())
            }
            Message::Hello(_)
            | Message::Welcome(_)
            | Message::Open(_)
            | Message::Opened(_)
            | Message::Pass(_)
            | Message::Draft(_)
            | Message::Verdict(_)
            | Message::Rollback(_)
            | Message::Close(_)
            | Message::Ping(_)
            | Message::Pong(_)
            | Message::SegmentPart(_)
            | Message::Receipt(_) => {
                Err(End::Misbehaved(PeerMisbehaved::OutOfTurn { kind: message.kind() }))
            }
        }
    }
}

/// Hands `next` to the stream, or waits until what was handed over has gone to QUIC. May be dropped
/// half-way.
async fn push(sender: &mut SessionSender, next: &mut Option<Frame>) -> Result<(), ChannelError> {
    match next.take() {
        Some(frame) => sender.send(frame).await,
        None => sender.flush().await,
    }
}

/// What was got, once; waits forever where nothing is under way.
async fn finish(getting: &mut Option<Getting>) -> (Option<Bytes>, Option<Above>) {
    let Some(under_way) = getting else { return std::future::pending().await };
    let got = under_way.await;
    *getting = None;
    got
}

/// The segment, from here or else of the node above, which was asked for some of `request` where there is
/// `above`.
async fn get(
    node: Arc<Node>,
    request: SegmentRequest,
    above: Option<Above>,
    work: SegmentWork,
) -> (Option<Bytes>, Option<Above>) {
    if let Some(bytes) = get_here(&node, work).await {
        return (Some(bytes), above);
    }
    let above = match above {
        Some(above) => Some(above),
        None => Above::ask(node.upstream.as_ref(), &request, work.text).await,
    };
    let Some(mut above) = above else { return (None, None) };
    match above.get(work.text).await {
        Ok(bytes) => {
            if let Some(bytes) = &bytes {
                node.counters.taken.add(1);
                node.counters.taken_bytes.add(bytes.len());
            }
            (bytes.map(Bytes::from), Some(above))
        }
        Err(_gone) => (None, None),
    }
}

/// The segment, out of the pool, or else out of the store.
async fn get_here(node: &Node, work: SegmentWork) -> Option<Bytes> {
    let SegmentWork { layers, format, text } = work;
    let (text, format) = (TextKey(text.0), SegmentFormat::from_code(format)?);
    let (exact, of) = match node.engine.export(text, layers).await {
        Some(exact) => (exact, layers),
        None => node.stored(text, layers).await?,
    };
    let bytes = match format {
        SegmentFormat::Exact if of == layers => exact,
        // Every element is read and written: no pass waits for that, and no other task does.
        SegmentFormat::Exact
        | SegmentFormat::Q8
        | SegmentFormat::Q4
        | SegmentFormat::CodedFine
        | SegmentFormat::CodedCoarse => {
            node.engine.part_of_block(exact, of, layers, format).await?
        }
    };
    (bytes.len() <= SEGMENT_LEN_MAX as usize).then(|| Bytes::from(bytes))
}

impl LastWord {
    /// A session says something now.
    pub(crate) fn touch(&self) {
        *lock(&self.0) = Some(clock::now());
    }

    fn is_within(&self, time: Duration, now: Instant) -> bool {
        lock(&self.0).is_some_and(|said| now.saturating_duration_since(said) <= time)
    }
}

impl Channels {
    fn enter(&self, peer: &Peer) -> Option<Place<'_>> {
        let most = match peer.role {
            Role::Device => CHANNELS_MAX,
            Role::Gateway | Role::Cloud => CHANNELS_OF_GATEWAY_MAX,
        };
        let mut counts = lock(&self.0);
        let count = counts.entry(peer.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { channels: self, peer: peer.clone() })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut counts = lock(&self.channels.0);
        if let Some(count) = counts.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.peer);
            }
        }
    }
}

/// Each change is one step, so whatever panics around them leaves it whole.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_session_that_said_something_counts_as_speaking_for_a_while() {
        let last_word = LastWord::default();
        let speaks = || last_word.is_within(LATELY, clock::now());
        assert!(!speaks());
        last_word.touch();
        assert!(speaks());
        tokio::time::advance(LATELY).await;
        assert!(speaks());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!speaks());
    }
}
