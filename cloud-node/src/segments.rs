//! One channel of segments: what its peer asks for by name, out of the pool or the store, at a pace that
//! holds up no session of the same link.
//!
//! # Invariants
//!
//! - **A channel holds two segments at most**, and the engine copies one at a time, between two passes.
//! - **A peer has [`CHANNELS_MAX`] such channels at most**; one more is refused, and it may come back.
//! - **A name is all that is needed**: who cannot compute it, because he does not know the secret in it,
//!   learns nothing.

use crate::node::Node;
use crate::session::{Ends, Guest, expel};
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

/// Channels of segments that one peer may have at once: a gateway's is that of many devices, and all of
/// them together get no more of the link than one.
pub(crate) const CHANNELS_MAX: usize = 4;

/// How often the link is looked at while parts are sent.
const PATH_PERIOD: Duration = Duration::from_millis(25);

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

/// A segment on its way out of pool or store.
type Getting = Pin<Box<dyn Future<Output = Option<Bytes>> + Send>>;

/// How a channel ended.
enum End {
    Lost(ChannelError),
    Misbehaved(PeerMisbehaved),
}

/// Serves a channel that began with `first` until it ends.
pub(crate) async fn serve(node: Arc<Node>, guest: Guest, mut ends: Ends, first: SegmentRequest) {
    let peer = guest.link.peer();
    let Some(_place) = node.segment_channels.enter(peer) else {
        let detail =
            format!("this peer has all {CHANNELS_MAX} channels of segments that it may have");
        let fault = Fault::on_session(Epoch::default(), FaultKind::Overloaded, &detail);
        let fault = fault.retry_after(node.retry_after_ms());
        // Whoever is gone needs no answer.
        let _ = ends.sender.send(Message::Fault(fault)).await;
        let _ = ends.sender.finish().await;
        return;
    };
    ends.sender.send_last();
    let mut channel = Channel::new(&node, &guest);
    match channel.serve(&mut ends, first).await {
        End::Lost(error) => tracing::debug!(%peer, why = %chain(&error), "segments ended"),
        End::Misbehaved(error) => {
            tracing::warn!(%peer, %error, "peer misbehaved");
            expel(&guest, ends, Epoch::default(), &error).await;
        }
    }
}

struct Channel<'a> {
    node: &'a Arc<Node>,
    guest: &'a Guest,
    serving: Serving,
    getting: Option<Getting>,
    /// The frame that is to be sent next.
    next: Option<Frame>,
    /// Whether one is being sent.
    sending: bool,
    /// When the link is to be looked at again.
    look_at: Instant,
}

impl<'a> Channel<'a> {
    fn new(node: &'a Arc<Node>, guest: &'a Guest) -> Self {
        let now = clock::now();
        let serving = Serving::new(now);
        Self { node, guest, serving, getting: None, next: None, sending: false, look_at: now }
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
                bytes = finish(&mut self.getting) => self.serving.handle_segment(bytes),
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
            self.getting = Some(Box::pin(get(Arc::clone(self.node), work)));
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
            | Message::SegmentPart(_) => {
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
async fn finish(getting: &mut Option<Getting>) -> Option<Bytes> {
    let Some(under_way) = getting else { return std::future::pending().await };
    let bytes = under_way.await;
    *getting = None;
    bytes
}

/// The segment, out of the pool, or else out of the store.
async fn get(node: Arc<Node>, work: SegmentWork) -> Option<Bytes> {
    let SegmentWork { layers, format, text } = work;
    let (text, format) = (TextKey(text.0), SegmentFormat::from_code(format)?);
    let (exact, of) = match node.engine.export(text, layers).await {
        Some(exact) => (exact, layers),
        None => node.stored(text, layers).await?,
    };
    let bytes = match format {
        SegmentFormat::Exact if of == layers => exact,
        // Every element is read and written: no pass waits for that, and no other task does.
        SegmentFormat::Exact | SegmentFormat::Q8 | SegmentFormat::Q4 => {
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
        let mut counts = lock(&self.0);
        let count = counts.entry(peer.clone()).or_default();
        if *count >= CHANNELS_MAX {
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
