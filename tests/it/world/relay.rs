//! A bad link: UDP datagrams between a device and a node, lost, doubled, delayed or cut off.
//!
//! ```text
//!   device ─▶ front socket ─▶ ┐              ┌─▶ one socket for each device ─▶ node
//!                             ├─ judge, wait ┤
//!   device ◀─ front socket ◀─ ┘              └─◀ one socket for each device ◀─ node
//! ```
//!
//! # Invariants
//!
//! - **The node sees each device at an address of its own**, as without the relay.
//! - **The fate of the n-th datagram depends on the seed alone.** Which datagram is the n-th is up
//!   to the programs.
//! - **No thread outlives the relay.**

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How soon a thread notices that the relay ends.
const PATIENCE: Duration = Duration::from_millis(50);

/// Above any datagram that QUIC sends on loopback.
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// What the link does to datagrams.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// Of a thousand datagrams, so many are lost.
    pub(crate) loss_permille: u64,
    /// Of a thousand datagrams, so many arrive twice.
    pub(crate) duplication_permille: u64,
    /// The longest way of a datagram; each takes its own time below it, and overtakes others.
    pub(crate) delay_us_max: u64,
}

impl Weather {
    pub(crate) const FINE: Self =
        Self { loss_permille: 0, duplication_permille: 0, delay_us_max: 0 };
}

/// A running relay.
#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    weather: Weather,
    queue: Mutex<Queue>,
    arrived: Condvar,
    cut: AtomicBool,
    over: AtomicBool,
    returns: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Queue {
    random: u64,
    count: u64,
    waiting: BinaryHeap<Reverse<Datagram>>,
}

/// A datagram on its way; the order is that of sending.
#[derive(Debug)]
struct Datagram {
    due: (Instant, u64),
    socket: Arc<UdpSocket>,
    to: SocketAddr,
    bytes: Vec<u8>,
}

impl Relay {
    /// Starts a relay to `node`.
    pub(crate) fn start(node: SocketAddr, weather: Weather, seed: u64) -> Self {
        let queue = Queue { random: seed, count: 0, waiting: BinaryHeap::new() };
        let shared = Arc::new(Shared {
            weather,
            queue: Mutex::new(queue),
            arrived: Condvar::new(),
            cut: AtomicBool::new(false),
            over: AtomicBool::new(false),
            returns: Mutex::new(Vec::new()),
        });
        let front = Arc::new(socket());
        let address = front.local_addr().unwrap();
        let (there, sender) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads = vec![
            std::thread::spawn(move || forward(&there, &front, node)),
            std::thread::spawn(move || sender.send()),
        ];
        Self { address, shared, threads }
    }

    /// Where a device finds it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Pulls the cable: nothing passes, nobody is told.
    pub(crate) fn cut(&self) {
        self.shared.cut.store(true, Ordering::Relaxed);
    }

    /// Plugs it in again.
    pub(crate) fn heal(&self) {
        self.shared.cut.store(false, Ordering::Relaxed);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        self.shared.arrived.notify_all();
        let returns = std::mem::take(&mut *self.shared.returns.lock().unwrap());
        for thread in self.threads.drain(..).chain(returns) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Decides what becomes of a datagram.
    fn judge(&self, socket: &Arc<UdpSocket>, to: SocketAddr, bytes: &[u8]) {
        if self.cut.load(Ordering::Relaxed) {
            return;
        }
        let mut queue = self.queue.lock().unwrap();
        let copies = match next(&mut queue.random) % 1_000 {
            roll if roll < self.weather.loss_permille => 0,
            roll if roll < self.weather.loss_permille + self.weather.duplication_permille => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let delay = next(&mut queue.random) % (self.weather.delay_us_max + 1);
            let due = (Instant::now() + Duration::from_micros(delay), queue.count);
            queue.count += 1;
            let (socket, bytes) = (Arc::clone(socket), bytes.to_vec());
            queue.waiting.push(Reverse(Datagram { due, socket, to, bytes }));
        }
        self.arrived.notify_one();
    }

    /// Sends what is due, until the end.
    fn send(&self) {
        let mut queue = self.queue.lock().unwrap();
        while !self.is_over() {
            let now = Instant::now();
            let wait = match queue.waiting.peek() {
                Some(Reverse(datagram)) => datagram.due.0.saturating_duration_since(now),
                None => PATIENCE,
            };
            if !wait.is_zero() {
                queue = self.arrived.wait_timeout(queue, wait).unwrap().0;
            } else if let Some(Reverse(datagram)) = queue.waiting.pop() {
                // A node that was killed refuses; that is what the test wants.
                let _ = datagram.socket.send_to(&datagram.bytes, datagram.to);
            }
        }
    }

    /// Takes datagrams from `socket` and hands them to `each`, until the end.
    fn receive(&self, socket: &UdpSocket, mut each: impl FnMut(&[u8], SocketAddr)) {
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        while !self.is_over() {
            if let Ok((len, from)) = socket.recv_from(&mut buffer) {
                each(&buffer[..len], from);
            }
        }
    }
}

/// The way up, which opens the ways down.
fn forward(shared: &Arc<Shared>, front: &Arc<UdpSocket>, node: SocketAddr) {
    let mut sockets: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    shared.receive(front, |bytes, device| {
        let back = sockets.entry(device).or_insert_with(|| {
            let back = Arc::new(socket());
            let (own, front, there) = (Arc::clone(&back), Arc::clone(front), Arc::clone(shared));
            let down = move || there.receive(&own, |bytes, _| there.judge(&front, device, bytes));
            shared.returns.lock().unwrap().push(std::thread::spawn(down));
            back
        });
        shared.judge(back, node, bytes);
    });
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// The next number of splitmix64.
pub(super) fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl PartialEq for Datagram {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Datagram {}

impl PartialOrd for Datagram {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Datagram {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

/// Goal: a test over a bad link had a bad link. Method: 400 datagrams to a socket that counts them;
/// then the same through a cut and a healed cable.
#[test]
fn the_relay_loses_doubles_and_cuts_as_it_is_told() {
    let (node, device) = (socket(), socket());
    // The relay's threads may have to wait for a busy machine.
    node.set_read_timeout(Some(Duration::from_millis(250))).unwrap();
    let count = |relay: &Relay| -> usize {
        // More at a time than these, doubled, do not fit a socket's buffer.
        let batch = |_| {
            for _ in 0..100 {
                device.send_to(b"datagram", relay.address()).unwrap();
            }
            let mut buffer = [0; 16];
            std::iter::from_fn(|| node.recv_from(&mut buffer).ok()).count()
        };
        (0..4).map(batch).sum()
    };
    let relay = |weather| Relay::start(node.local_addr().unwrap(), weather, 1);
    let fine = relay(Weather::FINE);
    assert_eq!(count(&fine), 400);
    fine.cut();
    assert_eq!(count(&fine), 0);
    fine.heal();
    assert_eq!(count(&fine), 400);
    let lossy = relay(Weather { loss_permille: 500, ..Weather::FINE });
    assert!((120..280).contains(&count(&lossy)));
    let doubling = relay(Weather { duplication_permille: 500, ..Weather::FINE });
    assert!((520..680).contains(&count(&doubling)));
}
