//! A link: one connection to one peer whose role and name are known.

use crate::channel::{ChannelError, ControlChannel, HiddenStream, SessionChannel};
use crate::close::{CloseCode, LinkEnd};
use crate::connection::Connection;
use crate::options::{LinkOptions, Side};
use crate::peer::Peer;
use crate::streams::{self, Ends, NewSession};
use base::ByteCount;
use protocol::{Receipt, Scope};
use std::fmt;
use std::net::SocketAddr;
use std::ops::{Add, Sub};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

/// One connection. Cheap to clone; it is closed when the last clone and the last of its channels are
/// gone, and what was not yet sent is then lost (see [`SessionSender::finish`]).
///
/// [`SessionSender::finish`]: crate::SessionSender::finish
#[derive(Clone)]
pub struct Link {
    inner: Arc<Inner>,
}

/// What crossed a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Frames of all streams, as the protocol makes them: header, body and payload. What the same
    /// exchange takes over any link; sent ones may be lost with it.
    pub frames: Flow,
    /// UDP payload: frames and QUIC's own bytes, retransmissions and handshakes included, IP and UDP
    /// headers not.
    pub udp: Flow,
}

/// Bytes, both ways.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flow {
    /// What this node sent.
    pub sent: ByteCount,
    /// What this node received.
    pub received: ByteCount,
}

/// What crossed a link since an earlier reading of it.
impl Sub for Traffic {
    type Output = Self;
    fn sub(self, earlier: Self) -> Self {
        Self { frames: self.frames - earlier.frames, udp: self.udp - earlier.udp }
    }
}

/// What crossed two links, the one dialled after the other was lost.
impl Add for Traffic {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { frames: self.frames + other.frames, udp: self.udp + other.udp }
    }
}

impl Sub for Flow {
    type Output = Self;
    fn sub(self, earlier: Self) -> Self {
        Self { sent: self.sent - earlier.sent, received: self.received - earlier.received }
    }
}

impl Add for Flow {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { sent: self.sent + other.sent, received: self.received + other.received }
    }
}

struct Inner {
    connection: Connection,
    peer: Peer,
    streams: Streams,
}

/// How streams come to be on this side.
enum Streams {
    /// It opens them; the control stream was the first.
    Dialler { control: Mutex<Option<Box<Ends>>> },
    /// It takes what the sorting task hands over.
    Listener {
        control: tokio::sync::Mutex<Option<oneshot::Receiver<Ends>>>,
        sessions: tokio::sync::Mutex<mpsc::Receiver<NewSession>>,
        sorting: AbortHandle,
    },
}

impl Link {
    /// The dialling side of a connection that passed its checks, or of one that goes on from an
    /// earlier one which did.
    pub(crate) async fn dialled(connection: Connection, peer: Peer) -> Result<Self, LinkEnd> {
        let control = first_stream(&connection).await?;
        let streams = Streams::Dialler { control: Mutex::new(Some(Box::new(control))) };
        Ok(Self { inner: Arc::new(Inner { connection, peer, streams }) })
    }

    /// Its streams were early data, and refused: begins again with the first one. The channels that
    /// were opened before are withdrawn.
    pub(crate) async fn begin_anew(&self) -> Result<(), LinkEnd> {
        let Streams::Dialler { control } = &self.inner.streams else {
            unreachable!("only who dials sends early data");
        };
        let anew = first_stream(self.connection()).await?;
        *control.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(anew));
        Ok(())
    }

    /// The listening side of a connection that passed its checks.
    pub(crate) fn accepted(connection: Connection, peer: Peer, options: &LinkOptions) -> Self {
        let (give_control, control) = oneshot::channel();
        let (give_session, sessions) = mpsc::channel(usize::from(options.sessions_max).max(1));
        let sorting = streams::sort(connection.clone(), give_control, give_session);
        let streams = Streams::Listener {
            control: tokio::sync::Mutex::new(Some(control)),
            sessions: tokio::sync::Mutex::new(sessions),
            sorting: tokio::spawn(sorting).abort_handle(),
        };
        Self { inner: Arc::new(Inner { connection, peer, streams }) }
    }

    /// Who is at the other end, by its certificate.
    pub fn peer(&self) -> &Peer {
        &self.inner.peer
    }

    /// Where it is now; changes when it moves to another network.
    pub fn remote_address(&self) -> SocketAddr {
        self.connection().quic.remote_address()
    }

    /// The round-trip time: QUIC's smoothed estimate, less the peer's delay in acknowledging.
    pub fn rtt(&self) -> Duration {
        self.connection().quic.rtt()
    }

    /// Packets that were sent, and of those the ones that were lost.
    pub fn packets(&self) -> (u64, u64) {
        let path = self.connection().quic.stats().path;
        (path.sent_packets, path.lost_packets)
    }

    /// What crossed it so far; still there when it is over.
    pub fn traffic(&self) -> Traffic {
        let (stats, frames) = (self.connection().quic.stats(), self.connection().frames());
        let (sent, received) = (ByteCount(stats.udp_tx.bytes), ByteCount(stats.udp_rx.bytes));
        Traffic { frames: frames.flow(), udp: Flow { sent, received } }
    }

    /// Waits until enough hidden states came from the peer in one piece to tell what the link carries. May
    /// be dropped half-way; of several that nobody waited for, the newest is told.
    pub async fn receipt(&self) -> Receipt {
        self.connection().receipts().next().await
    }

    /// The link's own channel. On the listening side, waits until the peer has opened it,
    /// which it does with its first message; may be dropped half-way.
    ///
    /// # Errors
    ///
    /// [`LinkEnd`] where the link ends before.
    ///
    /// # Panics
    ///
    /// When called a second time: there is one. (But for a link whose early data was refused, where a
    /// second one takes its place.)
    pub async fn control(&self) -> Result<ControlChannel, LinkEnd> {
        const ONCE: &str = "a link's control channel is taken once";
        let (writer, reader) = match &self.inner.streams {
            Streams::Dialler { control } => {
                let mut control = control.lock().unwrap_or_else(PoisonError::into_inner);
                *control.take().expect(ONCE)
            }
            Streams::Listener { control, .. } => {
                let mut waiting = control.lock().await;
                let opened = waiting.as_mut().expect(ONCE).await;
                // Only now: a caller that was dropped while it waited may come again.
                *waiting = None;
                match opened {
                    Ok(ends) => ends,
                    Err(_) => return Err(self.closed().await),
                }
            }
        };
        Ok(ControlChannel::new(writer, reader, self.clone()))
    }

    /// Opens a session. The peer sees it with the first message; waits while it has as many of ours
    /// open as it allows.
    ///
    /// # Errors
    ///
    /// [`ChannelError::Link`] where the link is over.
    ///
    /// # Panics
    ///
    /// On the listening side: the node that dials opens sessions.
    pub async fn open_session(&self) -> Result<SessionChannel, ChannelError> {
        let dialled = matches!(self.inner.streams, Streams::Dialler { .. });
        assert!(dialled, "the node that dials opens sessions");
        let connection = self.connection();
        let stream = connection.quic.open_bi().await;
        let stream = stream.map_err(|error| ChannelError::Link(connection.end(&error)))?;
        let (writer, reader) = streams::ends(stream, connection, Scope::Session, Side::Dialler);
        Ok(SessionChannel::new(self.clone(), writer, reader, HiddenStream::None))
    }

    /// The next session that the peer opens. Its first message says which.
    ///
    /// # Errors
    ///
    /// [`LinkEnd`] where the link is over.
    ///
    /// # Panics
    ///
    /// On the dialling side: the node that dials opens sessions.
    pub async fn accept_session(&self) -> Result<SessionChannel, LinkEnd> {
        let Streams::Listener { sessions, .. } = &self.inner.streams else {
            panic!("the node that dials opens sessions");
        };
        let Some(NewSession { ends: (writer, reader), hidden }) =
            sessions.lock().await.recv().await
        else {
            return Err(self.closed().await);
        };
        Ok(SessionChannel::new(self.clone(), writer, reader, hidden))
    }

    /// Closes it at once, with a code and a sentence for the peer's log. What was not yet sent is
    /// lost.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.connection().close(code, reason);
    }

    /// Waits until it is over; says why.
    pub async fn closed(&self) -> LinkEnd {
        self.connection().closed().await
    }

    /// Whether the two are one connection.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.inner.connection
    }
}

/// The control stream, which is the first that a dialler opens.
async fn first_stream(connection: &Connection) -> Result<Ends, LinkEnd> {
    let stream = connection.quic.open_bi().await.map_err(|error| connection.end(&error))?;
    Ok(streams::ends(stream, connection, Scope::Link, Side::Dialler))
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({} at {})", self.peer(), self.remote_address())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Streams::Listener { sorting, .. } = &self.streams {
            sorting.abort();
        }
        self.connection.close(CloseCode::Done, "nobody holds the link any more");
    }
}
