//! UDP without a system: datagrams from socket to socket in memory, at once and in order.

use super::datagram::{AlwaysWritable, Datagram};
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

/// Datagrams that wait at a socket; what comes beyond is lost, as in a system's receive buffer.
const WAITING_MAX: usize = 4_096;

/// The first port that is given to who asks for any.
const PORT_FIRST: u16 = 49_152;

/// Sockets by address.
#[derive(Debug, Clone, Default)]
pub(super) struct MemoryNetwork(Arc<Mutex<BTreeMap<SocketAddr, Weak<MemorySocket>>>>);

/// One socket.
#[derive(Debug)]
pub(super) struct MemorySocket {
    network: MemoryNetwork,
    address: SocketAddr,
    inbox: Mutex<Inbox>,
}

#[derive(Debug, Default)]
struct Inbox {
    waiting: VecDeque<Datagram>,
    reader: Option<Waker>,
}

impl MemoryNetwork {
    /// A socket at `address`: port 0 is any that is free, and a socket at no particular address is on
    /// loopback.
    pub(super) fn bind(&self, address: SocketAddr) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let mut sockets = self.sockets();
        let mut address = on_loopback(address);
        sockets.retain(|_, socket| socket.strong_count() > 0);
        if address.port() == 0 {
            let free = |port: &u16| !sockets.contains_key(&SocketAddr::new(address.ip(), *port));
            let port = (PORT_FIRST..=u16::MAX).find(free);
            address.set_port(port.ok_or(io::ErrorKind::AddrNotAvailable)?);
        } else if sockets.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let inbox = Mutex::default();
        let socket = Arc::new(MemorySocket { network: self.clone(), address, inbox });
        sockets.insert(address, Arc::downgrade(&socket));
        Ok(socket)
    }

    fn find(&self, address: SocketAddr) -> Option<Arc<MemorySocket>> {
        self.sockets().get(&on_loopback(address))?.upgrade()
    }

    fn sockets(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Weak<MemorySocket>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn on_loopback(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}

impl MemorySocket {
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncUdpSocket for MemorySocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        // What nobody listens for is lost, as on any network.
        let Some(socket) = self.network.find(transmit.destination) else { return Ok(()) };
        let mut inbox = socket.inbox();
        let room = WAITING_MAX.saturating_sub(inbox.waiting.len());
        let datagrams = Datagram::of(transmit).take(room);
        inbox.waiting.extend(datagrams.map(|datagram| Datagram { peer: self.address, ..datagram }));
        if let Some(reader) = inbox.reader.take() {
            reader.wake();
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut inbox = self.inbox();
        if inbox.waiting.is_empty() {
            inbox.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let count = inbox.waiting.len().min(buffers.len()).min(meta.len());
        let datagrams = inbox.waiting.drain(..count);
        for ((datagram, buffer), meta) in datagrams.zip(buffers).zip(meta) {
            *meta = datagram.copy_to(buffer);
        }
        Poll::Ready(Ok(count))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    fn may_fragment(&self) -> bool {
        false
    }
}
