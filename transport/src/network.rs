//! Where endpoints get their sockets: the system's UDP or a network in memory, and over either an
//! emulated link. And where they get random numbers, so that what happens in memory can happen again.

mod datagram;
mod emulated;
mod link_switch;
mod memory;
mod random;

use crate::options::Side;
use emulated::EmulatedSocket;
use link_emulator::Emulation;
pub use link_switch::LinkSwitch;
use memory::MemoryNetwork;
use quinn::{AsyncUdpSocket, Runtime as _, TokioRuntime};
use random::Random;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

/// A network that endpoints are bound to. Clones are the same network.
#[derive(Debug, Clone, Default)]
pub struct Network {
    sockets: Sockets,
    random: Random,
    emulate: Option<(Emulation, u64)>,
    switch: LinkSwitch,
}

#[derive(Debug, Clone, Default)]
enum Sockets {
    #[default]
    System,
    Memory(MemoryNetwork),
}

impl Network {
    /// The system's UDP.
    pub fn system() -> Self {
        Self::default()
    }

    /// [`Self::memory_from`] seed 0.
    pub fn memory() -> Self {
        Self::memory_from(0)
    }

    /// A network of its own, in this process's memory, on which datagrams arrive at once and none is
    /// lost. With tokio's clock paused, time on it costs nothing; on one thread and from one `seed`,
    /// the same happens on it every time.
    pub fn memory_from(seed: u64) -> Self {
        let sockets = Sockets::Memory(MemoryNetwork::default());
        Self { sockets, random: Random::from_seed(seed), ..Self::default() }
    }

    /// The same network over an emulated link: what an endpoint sends and receives is delayed, lost
    /// and repeated as `link` says, in the weather of `seed`. What a node that dials sends goes up.
    /// With `None` links are as they are.
    #[must_use]
    pub fn emulating(self, link: Option<Emulation>, seed: u64) -> Self {
        Self { emulate: link.map(|link| (link, seed)), ..self }
    }

    /// What is emulated, in a sentence; `None` where links are real.
    pub fn emulated(&self) -> Option<&str> {
        self.emulate.as_ref().map(|(link, _)| link.about())
    }

    /// Cuts what is emulated.
    pub const fn switch(&self) -> &LinkSwitch {
        &self.switch
    }

    /// Bytes that nobody chose, for ids and pauses: on a network that others reach, from the system;
    /// in memory the next ones of its seed, for all of its nodes together.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        self.random.bytes()
    }

    /// What an endpoint's QUIC draws its numbers from; `None` where it asks the system itself.
    pub(crate) fn quic_seed(&self) -> Option<[u8; 32]> {
        match self.random {
            Random::System => None,
            Random::Seeded(_) => Some(self.random()),
        }
    }

    /// A socket for one side of links.
    pub(crate) fn bind(&self, address: SocketAddr, side: Side) -> io::Result<Bound> {
        let sockets = self.sockets.clone();
        let socket = sockets.bind(address)?;
        let Some((link, seed)) = &self.emulate else {
            return Ok(Bound { socket, emulated: None, sockets, address });
        };
        // A listener stays where its peers look for it.
        let moves = match side {
            Side::Dialler => Some((sockets.clone(), address)),
            Side::Listener => None,
        };
        let link = (link.start(*seed), self.switch.clone());
        let emulated = EmulatedSocket::new(socket, link, side, moves)?;
        let emulated = Arc::new(emulated);
        let socket = Arc::clone(&emulated) as Arc<dyn AsyncUdpSocket>;
        Ok(Bound { socket, emulated: Some(emulated), sockets, address })
    }
}

/// A socket, and what it takes to have another one in its place.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) socket: Arc<dyn AsyncUdpSocket>,
    emulated: Option<Arc<EmulatedSocket>>,
    sockets: Sockets,
    /// As it was asked for.
    address: SocketAddr,
}

impl Bound {
    /// A fresh socket of this node, on any port. Where the link is emulated, its weather goes on.
    pub(crate) fn another(&self) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        match &self.emulated {
            None => self.sockets.bind(any_port(self.address)),
            Some(emulated) => {
                emulated.renew(self.sockets.bind(any_port(self.address))?);
                Ok(Arc::clone(emulated) as Arc<dyn AsyncUdpSocket>)
            }
        }
    }
}

fn any_port(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), 0)
}

impl Sockets {
    fn bind(&self, address: SocketAddr) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        match self {
            Self::System => TokioRuntime.wrap_udp_socket(UdpSocket::bind(address)?),
            Self::Memory(network) => network.bind(address),
        }
    }
}
