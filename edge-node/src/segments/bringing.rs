//! Segments on their way from a peer, in the order asked for.

use super::Reading;
use crate::chain::Chain;
use crate::course;
use base::LayerRange;
use protocol::{Fetch, Message, SegmentPart, TextName, Wanted};
use runtime::{Segment, SegmentFormat};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use transport::{Uplink, UplinkSession, UplinkState, clock};

/// Segments that wait to be taken: what comes while a pass runs.
const WAITING_MAX: usize = 8;

/// Times that a lost channel is opened again, and how long the link may take for it.
const CHANNELS_MAX: usize = 8;
const LINK_TIMEOUT: Duration = Duration::from_secs(10);

/// A segment that has come.
#[derive(Debug)]
pub(crate) struct Brought {
    pub(crate) segment: Segment,
    pub(crate) bytes: Vec<u8>,
}

/// Segments on their way. Dropping it ends that.
#[derive(Debug)]
pub(crate) struct Bringing {
    brought: mpsc::Receiver<Brought>,
}

impl Bringing {
    /// Of `wanted`, by block, one after the other, all in the same layers and format; once the peer of `uplink` has
    /// read what `reading` says.
    pub(crate) fn begin(
        uplink: Arc<Uplink>,
        reading: Option<Reading>,
        wanted: &[(usize, Segment)],
    ) -> Self {
        let wanted = wanted.iter().map(|(_, segment)| *segment).collect();
        let (give, brought) = mpsc::channel(WAITING_MAX);
        tokio::spawn(async move {
            let mut read = None;
            let ended = tokio::select! {
                biased;
                () = give.closed() => Ok(()),
                ended = bring(&uplink, reading, wanted, &give, &mut read) => ended,
            };
            if let Err(why) = ended {
                tracing::info!(peer = %uplink.peer(), why, "segments do not come");
            }
            course::part(read.map(|session| Chain::new(session, None)));
        });
        Self { brought }
    }

    /// The next one; `None` where no more come. May be dropped half-way.
    pub(crate) async fn next(&mut self) -> Option<Brought> {
        self.brought.recv().await
    }

    /// What has come by now.
    pub(crate) fn come(&mut self) -> impl Iterator<Item = Brought> {
        std::iter::from_fn(|| self.brought.try_recv().ok())
    }

    /// Whether no more come.
    pub(crate) fn is_over(&self) -> bool {
        self.brought.is_closed() && self.brought.is_empty()
    }
}

async fn bring(
    uplink: &Arc<Uplink>,
    reading: Option<Reading>,
    wanted: Vec<Segment>,
    give: &mpsc::Sender<Brought>,
    read: &mut Option<UplinkSession>,
) -> Result<(), String> {
    let Some(first) = wanted.first() else { return Ok(()) };
    let (layers, format): (LayerRange, SegmentFormat) = (first.layers(), first.format());
    if let Some(reading) = reading {
        reading.read(uplink, read).await?;
    }
    let each = wanted.iter().map(|segment| Wanted {
        text: TextName(segment.text().0),
        len_max: u32::try_from(*segment.sizes().end()).unwrap_or(u32::MAX),
    });
    let mut fetch = Fetch::new(layers, format.code(), each.collect());
    let mut named: BTreeMap<_, _> =
        wanted.into_iter().map(|segment| (segment.text(), segment)).collect();
    for _ in 0..CHANNELS_MAX {
        stands(uplink).await?;
        let Some(mut channel) = uplink.open_session().await else { continue };
        let mut piece = Piece::default();
        while !fetch.is_done() {
            while let Some(message) = fetch.poll_transmit() {
                if channel.send(message).await.is_err() {
                    break;
                }
            }
            let Ok(frame) = channel.recv().await else { break };
            match frame.message {
                Message::SegmentPart(part) => {
                    if let Some((bytes, took)) = piece.take(&part, clock::now()) {
                        uplink.note_download(bytes, took);
                    }
                    if let Err(error) = fetch.handle_part(part, &frame.payload) {
                        channel.accuse(&error.to_string());
                        return Err(error.to_string());
                    }
                }
                Message::Fault(fault) => return Err(fault.detail),
                // The channel lets nothing else down.
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
                | Message::SegmentRequest(_)
                | Message::Receipt(_) => {}
            }
            while let Some(arrived) = fetch.poll_arrived() {
                let segment = named.remove(&runtime::TextKey(arrived.text.0));
                let (Some(bytes), Some(segment)) = (arrived.bytes, segment) else { continue };
                // Where nobody wants them any more, this ends.
                let _ = give.send(Brought { segment, bytes }).await;
            }
        }
        if fetch.is_done() {
            return Ok(());
        }
        fetch.handle_link_lost();
    }
    Err("the channel was lost again and again".to_owned())
}

/// The bytes of one segment behind its first part, and since when they come: what the link carries.
#[derive(Debug, Default)]
struct Piece {
    since: Option<Instant>,
    bytes: usize,
}

impl Piece {
    /// Counts a part; with the last one of a segment, what came since its first.
    fn take(&mut self, part: &SegmentPart, now: Instant) -> Option<(usize, Duration)> {
        let Some(since) = self.since else {
            self.since = Some(now);
            return None;
        };
        self.bytes += part.bytes as usize;
        let is_last = part.end() == part.total;
        is_last.then(|| {
            let bytes = std::mem::take(&mut self.bytes);
            self.since = Some(now);
            (bytes, now - since)
        })
    }
}

/// Waits for the link, though not for ever.
async fn stands(uplink: &Arc<Uplink>) -> Result<(), String> {
    let mut states = uplink.watch();
    let up = states.wait_for(|state| matches!(state, UplinkState::Up(..)));
    let up = tokio::time::timeout(LINK_TIMEOUT, up).await;
    up.map(drop).map_err(|_| "the link is not back".to_owned())
}
