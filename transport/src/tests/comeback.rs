//! Coming back: how long after an outage a session is open again.

use super::{World, listen, name};
use crate::{Link, LinkOptions, Listener, Network, Peer, Uplink, UplinkConfig, UplinkState, clock};
use base::{LayerRange, ModelFingerprint, Role, TokenizerFingerprint};
use link_emulator::{Emulation, LinkProfile};
use profile::LinkTerms;
use protocol::{Hello, Host, LinkHealthConfig, Message, Pong, negotiate};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// The pace of dialling that ships.
const PACE_MS: u64 = 250;
const PACE: Duration = Duration::from_millis(PACE_MS);

/// When outages begin.
const CUT: Duration = Duration::from_secs(5);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A link of this round trip that carries nothing from [`CUT`] on, `outage` long.
fn link(rtt: Duration, outage: Duration) -> Emulation {
    let (cut, outage) = (CUT.as_secs(), outage.as_secs_f64());
    link_with(rtt, &format!("[outages]\nscheduled = [{{ at_s = {cut}, for_s = {outage} }}]"))
}

/// A link of this round trip, and what else its profile says.
fn link_with(rtt: Duration, rest: &str) -> Emulation {
    let delay = rtt.as_millis() / 2;
    let text = format!("about = ''\n[up]\ndelay_ms = {delay}\n[down]\ndelay_ms = {delay}\n{rest}");
    let no_file = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    LinkProfile::parse(&text).unwrap().resolve(no_file).unwrap()
}

fn host() -> Host {
    Host {
        versions: protocol::VERSIONS,
        node: name("cloud"),
        role: Role::Cloud,
        numerics: "any".to_owned(),
        model: ModelFingerprint([1; 32]),
        tokenizer: TokenizerFingerprint([2; 32]),
        layers: 4,
        width: 64,
        vocab: 300,
        holds: LayerRange::new(0, 4).unwrap(),
    }
}

/// Answers hellos, pings and `Open`s, as a cloud does; with a `rhythm`, it then says something so often.
async fn serve(link: Link, rhythm: Option<Duration>) {
    let Ok(mut control) = link.control().await else { return };
    let Ok(Message::Hello(hello)) = control.recv().await else { return };
    let welcome = negotiate(&host(), &hello, (link.peer().role, &link.peer().name)).unwrap();
    let mut sessions = JoinSet::new();
    let mut answer = Some(Message::Welcome(welcome));
    loop {
        if let Some(answer) = answer.take()
            && control.send(answer).await.is_err()
        {
            return;
        }
        tokio::select! {
            biased;
            message = control.recv() => match message {
                Ok(Message::Ping(ping)) => answer = Some(Message::Pong(Pong { nonce: ping.nonce, load: 51 })),
                _ => return,
            },
            session = link.accept_session() => {
                let Ok(mut session) = session else { return };
                sessions.spawn(async move {
                    while let Ok(frame) = session.recv().await {
                        let Message::Open(open) = frame.message else { continue };
                        while session.send(super::opened(open.session.0[0])).await.is_ok()
                            && let Some(rhythm) = rhythm
                        {
                            tokio::time::sleep(rhythm).await;
                        }
                    }
                });
            }
        }
    }
}

/// A listener whose links are served.
struct Cloud {
    listener: Arc<Listener>,
    links: Arc<Mutex<Vec<Link>>>,
    serving: AbortHandle,
}

impl Cloud {
    fn start(listener: Listener, rhythm: Option<Duration>) -> Self {
        let (listener, links) = (Arc::new(listener), Arc::<Mutex<Vec<_>>>::default());
        let (door, known) = (Arc::clone(&listener), Arc::clone(&links));
        let serving = tokio::spawn(async move {
            let mut visits = JoinSet::new();
            while let Some(link) = door.accept().await {
                known.lock().unwrap().push(link.clone());
                visits.spawn(serve(link, rhythm));
            }
        });
        Self { listener, links, serving: serving.abort_handle() }
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A device that wants one session at all times, as a request under way does.
async fn want_session(uplink: Arc<Uplink>, opened: mpsc::UnboundedSender<Instant>) {
    let mut states = uplink.watch();
    loop {
        if let Some(mut session) = uplink.try_session().await
            && session.send(super::open(1)).await.is_ok()
        {
            while session.recv().await.is_ok() {
                let _ = opened.send(clock::now());
            }
        }
        let _ = states.changed().await;
    }
}

/// A cloud, and a device with a session there.
struct Pair {
    world: World,
    address: SocketAddr,
    cloud: Option<Cloud>,
    uplink: Arc<Uplink>,
    device: JoinSet<()>,
    opened: mpsc::UnboundedReceiver<Instant>,
    began: Instant,
}

impl Pair {
    fn over(link: Emulation) -> Self {
        Self::talking_over(link, None)
    }

    /// Its cloud says something every `rhythm`, where it is given one.
    fn talking_over(link: Emulation, rhythm: Option<Duration>) -> Self {
        let network = Network::memory();
        let options = LinkOptions { network: network.clone(), ..LinkOptions::default() };
        let mut world = World::with(options.clone());
        let identity = world.device();
        let mut listener = listen(&world.cloud, &world.trust, &options);
        std::mem::swap(&mut listener, &mut world.listener);
        let address = listener.local_addr();
        let config = UplinkConfig {
            peer: Peer::new(Role::Cloud, name("cloud")),
            address: address.to_string(),
            hello: Hello {
                versions: protocol::VERSIONS,
                node: name("car"),
                role: Role::Device,
                numerics: "any".to_owned(),
                tokenizer: None,
                model: None,
                tenant: None,
            },
            split: false,
            health: LinkHealthConfig { redial: PACE, ..LinkHealthConfig::default() },
            keep_alive: Duration::from_secs(20),
            terms: LinkTerms::default(),
            network: network.emulating(Some(link), 1),
        };
        let cloud = Some(Cloud::start(listener, rhythm));
        let began = clock::now();
        let uplink = Uplink::bind(config, &identity, &world.trust).unwrap();
        let (give, opened) = mpsc::unbounded_channel();
        let mut device = JoinSet::new();
        let running = Arc::clone(&uplink);
        device.spawn(async move { running.run().await });
        device.spawn(want_session(Arc::clone(&uplink), give));
        Self { world, address, cloud, uplink, device, opened, began }
    }

    /// When a session is opened for the first time after `since`, in time since the beginning.
    async fn open_after(&mut self, since: Duration) -> Duration {
        loop {
            let at = self.opened.recv().await.unwrap() - self.began;
            if at > since {
                return at;
            }
        }
    }
}

/// How long after the end of an outage its session is open again.
async fn comeback(rtt: Duration, outage: Duration) -> Duration {
    let mut pair = Pair::over(link(rtt, outage));
    let took = pair.open_after(CUT).await - CUT - outage;
    assert_eq!(pair.device.len(), 2);
    took
}

/// Goal: after any outage a session is open within one pace of dialling, its jitter and one round trip.
/// Method: outages that end in every phase of the pace.
async fn comes_back_within_a_pace_and_a_round_trip(rtt: Duration) {
    let deadline = (4 * rtt).max(LinkHealthConfig::default().deadline_floor);
    let most = PACE.max(deadline / 3) + PACE / 4 + rtt + ms(15);
    // A long outage is many dials, and few of its phases are enough.
    for (outage, phases) in [(5_000, 6), (30_000, 3)] {
        let mut took = Vec::new();
        for phase in 0..phases {
            took.push(comeback(rtt, ms(outage + phase * PACE_MS / phases)).await);
        }
        took.sort_unstable();
        println!("rtt {rtt:?}, outage {outage} ms: {took:?}");
        assert!(took[0] >= rtt / 2, "{took:?}");
        assert!(took.last() <= Some(&most), "{took:?} are not all within {most:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn at_20_ms_a_session_is_open_again_within_a_pace_and_a_round_trip() {
    comes_back_within_a_pace_and_a_round_trip(ms(20)).await;
}

#[tokio::test(start_paused = true)]
async fn at_100_ms_a_session_is_open_again_within_a_pace_and_a_round_trip() {
    comes_back_within_a_pace_and_a_round_trip(ms(100)).await;
}

#[tokio::test(start_paused = true)]
async fn at_300_ms_a_session_is_open_again_within_a_pace_and_a_round_trip() {
    comes_back_within_a_pace_and_a_round_trip(ms(300)).await;
}

/// Goal: what a pong says of the peer's load is known, with its age. Method: a session in which nobody speaks is
/// pinged now and then.
#[tokio::test(start_paused = true)]
async fn a_pong_tells_how_busy_the_peer_is() {
    let pair = Pair::over(link(ms(20), ms(100)));
    tokio::time::sleep(CUT).await;
    let (load, age) = pair.uplink.load().expect("it was pinged");
    assert!((load - 0.2).abs() < 1e-6 && age < Duration::from_secs(2), "{load}, {age:?} ago");
}

/// Goal: whether a peer is there is known of an idle link too, where it is asked, within the deadline. Method: a device
/// without sessions, whose link is cut.
#[tokio::test(start_paused = true)]
async fn an_idle_link_is_probed() {
    let mut pair = Pair::over(link(ms(20), Duration::from_secs(30)));
    tokio::time::sleep(ms(500)).await;
    pair.device = JoinSet::new();
    let uplink = Arc::clone(&pair.uplink);
    let running = Arc::clone(&uplink);
    pair.device.spawn(async move { running.run().await });
    let timed = async || {
        let began = clock::now();
        (uplink.probe().await, clock::now() - began)
    };
    tokio::time::sleep(ms(1_000)).await;
    let (there, took) = timed().await;
    assert!(there && took < ms(250), "{took:?}");
    tokio::time::sleep(CUT).await;
    assert!(uplink.is_up(), "nobody has looked");
    let (there, took) = timed().await;
    assert!(!there && took < ms(700), "{took:?}");
    assert_eq!(timed().await, (false, Duration::ZERO), "it is known to be down");
}

/// Goal: a peer that speaks all the time, and so is never pinged, is there.
#[tokio::test(start_paused = true)]
async fn a_busy_link_is_known_to_be_there() {
    let mut pair = Pair::talking_over(link(ms(20), ms(100)), Some(ms(10)));
    pair.open_after(Duration::ZERO).await;
    let began = clock::now();
    assert!(pair.uplink.probe().await && clock::now() - began < ms(50));
}

/// Goal: who forgot all tickets meanwhile is found as soon, and answers one round trip later: the
/// refusal is known with the handshake, and the session's `Open` follows the hello at once.
#[tokio::test(start_paused = true)]
async fn a_cloud_that_was_restarted_meanwhile_takes_one_round_trip_more() {
    let (rtt, outage) = (ms(100), Duration::from_secs(15));
    let mut pair = Pair::over(link(rtt, outage));
    tokio::time::sleep(CUT + Duration::from_secs(1)).await;
    pair.cloud = None;
    // Its port is free once nobody remembers it.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let World { cloud, trust, options, .. } = &pair.world;
    let again = Listener::bind(pair.address, cloud, trust, &[Role::Device], options).unwrap();
    pair.cloud = Some(Cloud::start(again, None));
    let took = pair.open_after(CUT).await - CUT - outage;
    assert!(took <= PACE + PACE / 4 + 2 * rtt + ms(15), "{took:?}");
}

/// Goal: a silence that ends soon after the link was given up costs the session a new `Open` and no
/// more; the device does not end up with two links. Method: silence of 600 ms, deadline of 500 ms.
#[tokio::test(start_paused = true)]
async fn a_link_that_speaks_again_soon_is_up_again() {
    let (rtt, outage) = (ms(20), ms(600));
    let mut pair = Pair::over(link(rtt, outage));
    let took = pair.open_after(CUT).await - CUT - outage;
    assert!(took <= PACE + PACE / 4 + rtt + ms(15), "{took:?}");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(pair.uplink.is_up());
    assert!(pair.opened.is_empty(), "the session was opened once and stayed");
}

/// Goal: a device that only listens is heard of again soon after its address has changed, on the same
/// connection. Method: a word every 60 ms; the address changes every three seconds. The word that is
/// missing is asked for once it is overdue, and the next one comes at most a rhythm after the question
/// has arrived.
#[tokio::test(start_paused = true)]
async fn a_device_that_only_listens_moves_soon() {
    let (rtt, rhythm) = (ms(20), ms(60));
    let moves = link_with(rtt, "[moves]\nevery_s = 3");
    let mut pair = Pair::talking_over(moves, Some(rhythm));
    let mut states = pair.uplink.watch();
    states.wait_for(|state| matches!(state, UplinkState::Up(..))).await.unwrap();
    pair.open_after(Duration::from_secs(1)).await;
    states.mark_unchanged();
    let (mut last, mut longest) = (pair.open_after(Duration::from_secs(1)).await, Duration::ZERO);
    while last < Duration::from_secs(31) {
        let word = pair.open_after(last).await;
        longest = longest.max(word - last);
        last = word;
    }
    println!("longest pause {longest:?}");
    assert!(longest > rhythm + ms(10), "it moved ten times");
    assert!(longest <= 2 * rhythm + rtt, "{longest:?}");
    assert!(!states.has_changed().unwrap(), "it stayed up all the time");
}

/// Goal: where nobody takes a new dial, the old connection carries on, from a fresh socket. Method: the
/// cloud refuses dials from before the silence on, which ends in every phase of the pace.
#[tokio::test(start_paused = true)]
async fn where_dials_are_refused_the_old_connection_comes_back_from_another_address() {
    let rtt = ms(100);
    for phase in 0..6 {
        let outage = ms(10_000 + 50 * phase);
        let mut pair = Pair::over(link(rtt, outage));
        pair.open_after(Duration::ZERO).await;
        let cloud = pair.cloud.take().unwrap();
        cloud.listener.refuse_new();
        let seen = || cloud.links.lock().unwrap()[0].remote_address();
        let before = seen();
        let took = pair.open_after(CUT).await - CUT - outage;
        assert_ne!(seen(), before);
        assert_eq!(cloud.links.lock().unwrap().len(), 1, "it is the same connection");
        // The new ping is acknowledged, the pings that were lost before it are sent again and
        // answered, and then the session is opened.
        assert!(took <= PACE + PACE / 4 + 3 * rtt + ms(15), "{took:?}");
    }
}
