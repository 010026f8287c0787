//! Early data: what it is answered with and when, who refuses it, and that a first flight which is sent
//! again changes nothing.

use super::*;
use crate::network::Bound;
use crate::options::Side;
use crate::tls::PeerCheck;
use crate::{CloseCode, Network, Tally, clock};
use link_emulator::LinkProfile;
use quinn::AsyncUdpSocket;
use quinn::udp::{RecvMeta, Transmit};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::future::poll_fn;
use std::io::IoSliceMut;
use std::sync::{Arc, Mutex};
use tokio::task::AbortHandle;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn in_memory() -> World {
    World::with(LinkOptions { network: Network::memory(), ..LinkOptions::default() })
}

/// A first link that comes and goes, and leaves tickets with the dialler.
async fn acquaint(world: &World, dialer: &Dialer, address: SocketAddr) {
    let up = dialer.dial(address, &cloud()).await.unwrap();
    let down = soon(world.listener.accept()).await.unwrap();
    ask(&up, &down).await;
    up.close(CloseCode::Done, "");
    soon(down.closed()).await;
}

/// A ping and its answer.
async fn ask(up: &Link, down: &Link) {
    let mut up = up.control().await.unwrap();
    up.send(Message::Ping(Ping { nonce: 1 })).await.unwrap();
    let mut down = soon(down.control()).await.unwrap();
    assert_eq!(soon(down.recv()).await.unwrap(), Message::Ping(Ping { nonce: 1 }));
    down.send(Message::Pong(Pong { nonce: 1, load: 0 })).await.unwrap();
    assert_eq!(soon(up.recv()).await.unwrap(), Message::Pong(Pong { nonce: 1, load: 0 }));
}

/// Goal: the second link is there in one round trip, session and all, and its peer is who it was by its
/// certificate. Method: 100 ms of delay either way; the dialler sends before it has heard anything.
#[tokio::test(start_paused = true)]
async fn early_data_is_answered_in_one_round_trip() {
    let mut world = in_memory();
    let text = "about = ''\n[up]\ndelay_ms = 100\n[down]\ndelay_ms = 100\n";
    let no_file = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    let link = LinkProfile::parse(text).unwrap().resolve(no_file).unwrap();
    world.options.network = world.options.network.clone().emulating(Some(link), 1);
    let device = world.device();
    let (dialer, address, to) = (world.dialer(&device), world.listener.local_addr(), cloud());
    acquaint(&world, &dialer, address).await;

    let began = clock::now();
    let dial = dialer.begin(address, &to).await.unwrap();
    let up = dial.early().expect("it has a ticket").clone();
    let mut session = up.open_session().await.unwrap();
    session.send(open(1)).await.unwrap();
    let mut control = up.control().await.unwrap();
    control.send(Message::Ping(Ping { nonce: 1 })).await.unwrap();

    let down = soon(world.listener.accept()).await.unwrap();
    assert_eq!(*down.peer(), *device.peer());
    assert!(clock::now() - began < Duration::from_millis(110), "before the dialler heard anything");
    let mut theirs = soon(down.accept_session()).await.unwrap();
    assert_eq!(soon(theirs.recv()).await.unwrap().message, open(1));
    theirs.send(opened(1)).await.unwrap();
    let mut answering = soon(down.control()).await.unwrap();
    assert_eq!(soon(answering.recv()).await.unwrap(), Message::Ping(Ping { nonce: 1 }));
    answering.send(Message::Pong(Pong { nonce: 1, load: 0 })).await.unwrap();

    assert_eq!(soon(session.recv()).await.unwrap().message, opened(1));
    let took = clock::now() - began;
    assert!((Duration::from_millis(200)..Duration::from_millis(210)).contains(&took), "{took:?}");
    assert_eq!(soon(control.recv()).await.unwrap(), Message::Pong(Pong { nonce: 1, load: 0 }));
    let (finished, early) = soon(dial.finish_early()).await.unwrap();
    assert!(early && *finished.peer() == to);
    assert_eq!(world.listener.tally(), Tally { links: 2, ..Tally::default() });
}

/// Goal: early data that is refused costs nothing but time. Method: the listener was restarted and
/// knows no tickets.
#[tokio::test(start_paused = true)]
async fn a_listener_that_was_restarted_refuses_early_data_and_takes_the_link() {
    let mut world = in_memory();
    let device = world.device();
    let (dialer, address, to) = (world.dialer(&device), world.listener.local_addr(), cloud());
    acquaint(&world, &dialer, address).await;
    world.listener.close(CloseCode::Done, "").await;
    drop(std::mem::replace(&mut world.listener, {
        let network = Network::memory();
        listen(&world.cloud, &world.trust, &LinkOptions { network, ..LinkOptions::default() })
    }));
    // Its port is free once nobody remembers it.
    tokio::time::sleep(PATIENCE).await;
    let allow = [Role::Device];
    let again = Listener::bind(address, &world.cloud, &world.trust, &allow, &world.options);
    world.listener = again.unwrap();

    let dial = dialer.begin(address, &to).await.unwrap();
    let up = dial.early().expect("it has a ticket").clone();
    let mut refused = up.control().await.unwrap();
    refused.send(Message::Ping(Ping { nonce: 7 })).await.unwrap();
    let mut session = up.open_session().await.unwrap();
    session.send(open(1)).await.unwrap();
    let (up, early) = soon(dial.finish_early()).await.unwrap();
    assert!(!early);
    assert!(matches!(soon(refused.recv()).await, Err(ChannelError::Withdrawn)));
    assert!(matches!(soon(session.recv()).await, Err(ChannelError::Withdrawn)));
    assert!(matches!(session.send(open(1)).await, Err(ChannelError::Withdrawn)));
    drop((refused, session));

    let down = soon(world.listener.accept()).await.unwrap();
    ask(&up, &down).await;
    let mut session = up.open_session().await.unwrap();
    session.send(open(2)).await.unwrap();
    let mut theirs = soon(down.accept_session()).await.unwrap();
    assert_eq!(soon(theirs.recv()).await.unwrap().message, open(2), "the first one never came");
}

/// Goal: an outage of many dials does not use the tickets up, and of two dials that get through only
/// one has its early data taken.
#[tokio::test(start_paused = true)]
async fn a_ticket_is_kept_for_many_dials_and_taken_up_once() {
    let mut world = in_memory();
    let device = world.device();
    let (dialer, address, to) = (world.dialer(&device), world.listener.local_addr(), cloud());
    acquaint(&world, &dialer, address).await;
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    for dial in 0..200 {
        let dial_up = dialer.begin(nowhere, &to).await.unwrap();
        assert!(dial_up.early().is_some(), "dial {dial}");
    }
    let mut early = Vec::new();
    for _ in 0..4 {
        let dial = dialer.begin(address, &to).await.unwrap();
        assert!(dial.early().is_some());
        early.push(dial);
    }
    let mut taken = 0;
    for dial in early {
        taken += usize::from(soon(dial.finish_early()).await.unwrap().1);
    }
    assert_eq!(taken, crate::tickets::PER_LINK, "as many as there were tickets");
}

/// Between a dialler and a listener: passes all on, and keeps what the dialler sends first.
struct Tap {
    address: SocketAddr,
    flight: Arc<Mutex<Vec<Vec<u8>>>>,
    relay: AbortHandle,
}

impl Tap {
    fn before(listener: SocketAddr, network: &Network) -> Self {
        let (front, back) = (bind(network), bind(network));
        let (address, flight) = (front.socket.local_addr().unwrap(), Arc::<Mutex<_>>::default());
        let kept: Arc<Mutex<Vec<_>>> = Arc::clone(&flight);
        let relay = tokio::spawn(async move {
            let (mut dialler, mut answered) = (address, false);
            loop {
                tokio::select! {
                    biased;
                    (from, datagram) = receive(&*front.socket) => {
                        // A dial begins with the only packets that are so long before any answer.
                        if from != dialler || kept.lock().unwrap().is_empty() {
                            answered = false;
                        }
                        if !answered {
                            kept.lock().unwrap().push(datagram.clone());
                        }
                        dialler = from;
                        send(&*back.socket, listener, &datagram);
                    }
                    (_, datagram) = receive(&*back.socket) => {
                        answered = true;
                        send(&*front.socket, dialler, &datagram);
                    }
                }
            }
        });
        Self { address, flight, relay: relay.abort_handle() }
    }

    /// Begins a new record; gives the last one.
    fn record(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.flight.lock().unwrap())
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

fn bind(network: &Network) -> Bound {
    network.bind(loopback(), Side::Listener).unwrap()
}

async fn receive(socket: &dyn AsyncUdpSocket) -> (SocketAddr, Vec<u8>) {
    let mut bytes = vec![0; 2048];
    let mut meta = [RecvMeta::default()];
    let got =
        poll_fn(|context| socket.poll_recv(context, &mut [IoSliceMut::new(&mut bytes)], &mut meta));
    assert_eq!(got.await.unwrap(), 1);
    bytes.truncate(meta[0].len);
    (meta[0].addr, bytes)
}

fn send(socket: &dyn AsyncUdpSocket, to: SocketAddr, contents: &[u8]) {
    let transmit =
        Transmit { destination: to, ecn: None, contents, segment_size: None, src_ip: None };
    socket.try_send(&transmit).unwrap();
}

/// Goal: a first flight that is sent again opens nothing, whether its link still stands or not, and
/// from wherever it comes. Method: a tap keeps the datagrams of a dial with early data.
#[tokio::test(start_paused = true)]
async fn a_first_flight_that_is_sent_again_changes_nothing() {
    let mut world = in_memory();
    let network = world.options.network.clone();
    let tap = Tap::before(world.listener.local_addr(), &network);
    let device = world.device();
    let (dialer, to) = (world.dialer(&device), cloud());
    acquaint(&world, &dialer, tap.address).await;
    tokio::time::sleep(PATIENCE).await;

    tap.record();
    let dial = dialer.begin(tap.address, &to).await.unwrap();
    let up = dial.early().expect("it has a ticket").clone();
    let mut session = up.open_session().await.unwrap();
    session.send(open(1)).await.unwrap();
    let down = soon(world.listener.accept()).await.unwrap();
    let mut theirs = soon(down.accept_session()).await.unwrap();
    assert_eq!(soon(theirs.recv()).await.unwrap().message, open(1));
    assert!(soon(dial.finish_early()).await.unwrap().1);
    let flight = tap.record();
    assert!(!flight.is_empty() && flight[0].len() >= 1200);
    let links = world.listener.tally().links;

    let thief = bind(&network);
    let again = || {
        for datagram in &flight {
            send(&*thief.socket, world.listener.local_addr(), datagram);
        }
    };
    again();
    assert!(nothing(world.listener.accept()).await, "no second link");
    assert!(nothing(down.accept_session()).await, "no second session");
    assert!(nothing(theirs.recv()).await, "nothing more in the first one");
    theirs.send(opened(1)).await.unwrap();
    assert_eq!(soon(session.recv()).await.unwrap().message, opened(1), "which lives");

    up.close(CloseCode::Done, "");
    soon(down.closed()).await;
    tokio::time::sleep(PATIENCE).await;
    again();
    assert!(nothing(world.listener.accept()).await, "the ticket is gone");
    // Nobody finishes the handshake that the listener now wants in full.
    tokio::time::sleep(2 * PATIENCE).await;
    let tally = world.listener.tally();
    assert_eq!(tally, Tally { links, handshakes_failed: 1, ..Tally::default() });
}

/// A chain of one, as a peer shows it.
fn chain_of(identity: &Identity) -> Vec<CertificateDer<'static>> {
    identity.chain().to_vec()
}

#[tokio::test(start_paused = true)]
async fn who_was_revoked_is_not_let_in_by_a_ticket() {
    let mut world = in_memory();
    let device = world.device();
    let (dialer, address, to) = (world.dialer(&device), world.listener.local_addr(), cloud());
    acquaint(&world, &dialer, address).await;
    world.authority.revoke(&name("car"));
    let trust = world.authority.trust().unwrap();

    // A listener that believes the new list and still has the tickets, which `renew` takes away.
    let (_, check) = crate::tls::server(&world.cloud, &trust).unwrap();
    world.listener.believe(check);
    let dial = dialer.begin(address, &to).await.unwrap();
    let mut session = dial.early().expect("it has a ticket").open_session().await.unwrap();
    session.send(open(1)).await.unwrap();
    let LinkEnd::Theirs { code, reason } = end_of(soon(session.recv()).await.unwrap_err()) else {
        panic!("it was not told")
    };
    assert_eq!(code, Ok(CloseCode::WrongPeer));
    assert!(reason.contains("device car is no longer good"), "{reason}");
    assert!(nothing(world.listener.accept()).await);
    assert_eq!(world.listener.tally().peers_refused, 1);
    drop((session, dial));

    // One that was renewed knows no ticket, and says so by a handshake in full.
    world.listener.renew(&world.cloud, &trust).unwrap();
    let end = match dialer.dial(address, &to).await {
        Ok(link) => soon(link.closed()).await,
        Err(crate::DialError::Handshake { source, .. }) => source,
        Err(other) => panic!("{other}"),
    };
    assert!(end.to_string().contains("certificate revoked"), "{end}");
    assert_eq!(world.listener.tally().handshakes_failed, 1);
}

#[tokio::test]
async fn a_certificate_is_checked_against_dates_list_and_name_at_any_time() {
    let mut world = World::new();
    let device = world.device();
    let now = UnixTime::now();
    let at =
        |since: Duration| UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()) + since);
    let (_, diallers) = crate::tls::server(&world.cloud, &world.trust).unwrap();
    let (_, listeners) = crate::tls::client(&device, &world.trust, Arc::default()).unwrap();
    for (check, identity) in [(&diallers, &device), (&listeners, &world.cloud)] {
        let says = |check: &PeerCheck, peer: &Peer, now| {
            check.check(peer, &chain_of(identity), now).map_err(|error| error.to_string())
        };
        let peer = identity.peer();
        says(check, peer, now).unwrap();
        let expired = says(check, peer, at(DAY * 365 * 20)).unwrap_err();
        assert!(expired.contains("expired"), "{expired}");
        let before = UnixTime::since_unix_epoch(DAY);
        assert!(says(check, peer, before).unwrap_err().contains("not valid yet"));
    }
    let other = Peer::new(Role::Cloud, name("other"));
    listeners.check(&other, &chain_of(&world.cloud), now).unwrap_err();
    diallers.check(device.peer(), &[], now).unwrap_err();
}
