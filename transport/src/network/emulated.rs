//! A socket behind an emulated link.
//!
//! ```text
//!   QUIC ── try_send ──▶ pipe ──▶ outbound ── courier, when due ──▶ socket ──▶ peer
//!        ◀─ poll_recv ── inbound, when due ◀── pipe ◀──────────────────┘
//! ```
//!
//! # Invariants
//!
//! - **QUIC sees nothing of it**: sending never blocks, and the local address stays the one that was
//!   bound first, as behind a router whose outer address changes.
//! - **What comes to a cut is lost**: what is sent, what is received, and what is due while the link is cut.
//! - **What is in transit is bounded**: what comes beyond [`TRANSIT_MAX`] is lost.

use super::datagram::{AlwaysWritable, Datagram};
use super::{LinkSwitch, Sockets, any_port};
use crate::clock;
use crate::options::Side;
use link_emulator::{Pipe, Running};
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use std::collections::BTreeMap;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Sleep;

/// Datagrams of one direction that are under way: 80 MB of full ones, which is a gigabit for more than
/// half a second.
const TRANSIT_MAX: usize = 1 << 16;

/// Bytes that one read of the socket below takes: the largest datagram, or a train of smaller ones.
const READ_BYTES: usize = 1 << 16;

/// See [`super::Network::emulating`].
#[derive(Debug)]
pub(super) struct EmulatedSocket {
    inner: Arc<Inner>,
    courier: AbortHandle,
}

#[derive(Debug)]
struct Inner {
    local: SocketAddr,
    may_fragment: bool,
    began: Instant,
    side: Side,
    /// Where the next socket comes from, where the address may change.
    moves: Option<(Sockets, SocketAddr)>,
    state: Mutex<State>,
    /// Something is due earlier than was known.
    earlier: Notify,
}

#[derive(Debug)]
struct State {
    link: Running,
    switch: LinkSwitch,
    socket: Arc<dyn AsyncUdpSocket>,
    /// The one before, where this node changed it by itself: what was sent to it still comes.
    previous: Option<Arc<dyn AsyncUdpSocket>>,
    outbound: Transit,
    inbound: Transit,
    read: Vec<u8>,
    reader: Option<Waker>,
    /// Wakes the reader when what is inbound is due.
    alarm: Option<Pin<Box<Sleep>>>,
}

/// Datagrams under way, by arrival.
#[derive(Debug, Default)]
struct Transit {
    datagrams: BTreeMap<(Duration, u64), Datagram>,
    count: u64,
}

impl EmulatedSocket {
    /// Must be called within a tokio runtime.
    pub(super) fn new(
        socket: Arc<dyn AsyncUdpSocket>,
        (link, switch): (Running, LinkSwitch),
        side: Side,
        moves: Option<(Sockets, SocketAddr)>,
    ) -> io::Result<Self> {
        let inner = Arc::new(Inner {
            local: socket.local_addr()?,
            may_fragment: socket.may_fragment(),
            began: clock::now(),
            side,
            moves,
            state: Mutex::new(State {
                link,
                switch,
                socket,
                previous: None,
                outbound: Transit::default(),
                inbound: Transit::default(),
                read: vec![0; READ_BYTES],
                reader: None,
                alarm: None,
            }),
            earlier: Notify::new(),
        });
        let courier = tokio::spawn(deliver(Arc::clone(&inner))).abort_handle();
        Ok(Self { inner, courier })
    }

    /// Goes on over another socket below.
    pub(super) fn renew(&self, socket: Arc<dyn AsyncUdpSocket>) {
        let mut state = self.inner.state();
        state.previous = Some(std::mem::replace(&mut state.socket, socket));
        state.reader.take().into_iter().for_each(Waker::wake);
    }
}

impl Drop for EmulatedSocket {
    fn drop(&mut self) {
        self.courier.abort();
    }
}

/// Sends what is outbound when it is due, and moves when it is time.
async fn deliver(inner: Arc<Inner>) {
    let mut moved = Duration::ZERO;
    loop {
        let next = inner.courier_round(&mut moved);
        tokio::select! {
            biased;
            () = inner.earlier.notified() => {}
            () = clock::reached(next.map(|next| (inner.began + next, ()))) => {}
        }
    }
}

impl Inner {
    fn now(&self) -> Duration {
        clock::now().saturating_duration_since(self.began)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is due of the courier's work; gives the time of the next.
    fn courier_round(&self, moved: &mut Duration) -> Option<Duration> {
        let now = self.now();
        let mut state = self.state();
        if let Some((sockets, address)) = &self.moves
            && let Some(at) = state.link.moves_after(*moved).filter(|at| *at <= now)
        {
            *moved = at;
            state.move_to(sockets, *address);
        }
        while let Some(datagram) = state.outbound.take_due(now) {
            if state.switch.is_cut() {
                continue;
            }
            // A system without room for it loses it, as it would on any bad day.
            let _ = state.socket.try_send(&Transmit {
                destination: datagram.peer,
                ecn: datagram.ecn,
                contents: &datagram.contents,
                segment_size: None,
                src_ip: None,
            });
        }
        let moves = self.moves.as_ref().and_then(|_| state.link.moves_after(*moved));
        [state.outbound.next_due(), moves].into_iter().flatten().min()
    }
}

impl State {
    fn pipe(link: &mut Running, side: Side, sends: bool) -> &mut Pipe {
        match (side, sends) {
            (Side::Dialler, true) | (Side::Listener, false) => &mut link.up,
            (Side::Dialler, false) | (Side::Listener, true) => &mut link.down,
        }
    }

    /// Another address, as its peers see it. What was under way to the old one is lost.
    fn move_to(&mut self, sockets: &Sockets, address: SocketAddr) {
        match sockets.bind(any_port(address)) {
            Ok(socket) => {
                tracing::info!("the emulated link moves to another address");
                self.socket = socket;
                self.previous = None;
                self.inbound = Transit::default();
                self.reader.take().into_iter().for_each(Waker::wake);
            }
            Err(error) => tracing::warn!(%error, "no socket to move to"),
        }
    }

    /// Takes what the sockets below have.
    fn read(&mut self, context: &mut Context<'_>, side: Side, now: Duration) -> io::Result<()> {
        let sockets = [self.previous.clone(), Some(Arc::clone(&self.socket))];
        for socket in sockets.into_iter().flatten() {
            self.read_from(&*socket, context, side, now)?;
        }
        Ok(())
    }

    fn read_from(
        &mut self,
        socket: &dyn AsyncUdpSocket,
        context: &mut Context<'_>,
        side: Side,
        now: Duration,
    ) -> io::Result<()> {
        loop {
            let mut meta = [RecvMeta::default()];
            let mut buffers = [IoSliceMut::new(&mut self.read)];
            let Poll::Ready(count) = socket.poll_recv(context, &mut buffers, &mut meta) else {
                return Ok(());
            };
            let count = count?;
            if self.switch.is_cut() {
                continue;
            }
            for meta in &meta[..count] {
                for contents in self.read[..meta.len].chunks(meta.stride.max(1)) {
                    let datagram =
                        Datagram { peer: meta.addr, contents: contents.to_vec(), ecn: meta.ecn };
                    self.inbound.offer(Self::pipe(&mut self.link, side, false), now, datagram);
                }
            }
        }
    }
}

impl Transit {
    /// Gives a datagram to the link.
    fn offer(&mut self, pipe: &mut Pipe, now: Duration, datagram: Datagram) {
        for arrives in pipe.offer(now, datagram.contents.len()).iter() {
            if self.datagrams.len() < TRANSIT_MAX {
                self.count += 1;
                self.datagrams.insert((arrives, self.count), datagram.clone());
            }
        }
    }

    fn next_due(&self) -> Option<Duration> {
        self.datagrams.keys().next().map(|(due, _)| *due)
    }

    fn take_due(&mut self, now: Duration) -> Option<Datagram> {
        self.next_due().filter(|due| *due <= now)?;
        self.datagrams.pop_first().map(|(_, datagram)| datagram)
    }
}

impl AsyncUdpSocket for EmulatedSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let Inner { side, earlier, .. } = &*self.inner;
        let now = self.inner.now();
        let state = &mut *self.inner.state();
        if state.switch.is_cut() {
            return Ok(());
        }
        let due_before = state.outbound.next_due();
        for datagram in Datagram::of(transmit) {
            state.outbound.offer(State::pipe(&mut state.link, *side, true), now, datagram);
        }
        if state.outbound.next_due() != due_before {
            earlier.notify_one();
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let now = self.inner.now();
        let state = &mut *self.inner.state();
        state.reader = Some(context.waker().clone());
        state.read(context, self.inner.side, now)?;
        let mut count = 0;
        while count < buffers.len().min(meta.len())
            && let Some(datagram) = state.inbound.take_due(now)
        {
            if state.switch.is_cut() {
                continue;
            }
            meta[count] = datagram.copy_to(&mut buffers[count]);
            count += 1;
        }
        if count > 0 {
            return Poll::Ready(Ok(count));
        }
        state.alarm = state.inbound.next_due().map(|due| {
            let mut alarm = Box::pin(tokio::time::sleep_until((self.inner.began + due).into()));
            // Not due yet; if the clock has moved on meanwhile, this wakes at once.
            if alarm.as_mut().poll(context).is_ready() {
                context.waker().wake_by_ref();
            }
            alarm
        });
        Poll::Pending
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.inner.local)
    }

    fn may_fragment(&self) -> bool {
        self.inner.may_fragment
    }
}
