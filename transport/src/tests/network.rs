//! Links over other networks than the system's: in memory, and emulated over either.

use super::{World, loopback, soon};
use crate::{Link, LinkOptions, Network, clock};
use base::Role;
use link_emulator::{Emulation, LinkProfile};
use protocol::{Message, Ping, Pong, Receipt};
use std::time::{Duration, Instant};
use tokio::task::AbortHandle;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn emulation(profile: &str) -> Emulation {
    let no_file = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    LinkProfile::parse(profile).unwrap().resolve(no_file).unwrap()
}

/// The same both ways, and further tables.
fn both_ways(direction: &str, rest: &str) -> Emulation {
    emulation(&format!("about = ''\n[up]\n{direction}\n[down]\n{direction}\n{rest}"))
}

/// A device that pings a cloud on `network`, with `link` between them.
struct Pinger {
    up: crate::ControlChannel,
    down: Link,
    answers: AbortHandle,
    switch: crate::LinkSwitch,
    _world: World,
    _dialer: crate::Dialer,
}

impl Pinger {
    async fn over(network: Network, link: Emulation, seed: u64) -> Self {
        let mut world = World::with(LinkOptions { network, ..LinkOptions::default() });
        world.options.network = world.options.network.clone().emulating(Some(link), seed);
        let (up, down, dialer) = world.link().await;
        let peer = down.clone();
        let answers = tokio::spawn(async move {
            let mut control = peer.control().await.unwrap();
            while let Ok(message) = control.recv().await {
                let Message::Ping(Ping { nonce }) = message else { panic!("{message:?}") };
                control.send(Message::Pong(Pong { nonce, load: 0 })).await.unwrap();
            }
        });
        let up = up.control().await.unwrap();
        let (answers, switch) = (answers.abort_handle(), world.options.network.switch().clone());
        Self { up, down, answers, switch, _world: world, _dialer: dialer }
    }

    /// One ping and its answer; when it was back.
    async fn ping(&mut self, nonce: u32) -> Instant {
        self.up.send(Message::Ping(Ping { nonce })).await.unwrap();
        assert_eq!(
            self.up.recv().await.unwrap(),
            Message::Pong(Pong { nonce, load: 0 }),
            "in order, once"
        );
        clock::now()
    }

    /// Pings one after another, a new one `pause` after each answer, for `time`: when each was back.
    async fn pings(&mut self, pause: Duration, time: Duration) -> Vec<Instant> {
        let start = clock::now();
        let mut back = vec![start];
        for nonce in 0.. {
            if clock::now() - start >= time {
                break;
            }
            back.push(self.ping(nonce).await);
            tokio::time::sleep(pause).await;
        }
        back
    }
}

impl Drop for Pinger {
    fn drop(&mut self) {
        self.answers.abort();
    }
}

fn longest_gap(back: &[Instant]) -> Duration {
    back.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn links_in_memory_are_links() {
    let network = Network::memory();
    let mut world = World::with(LinkOptions { network, ..LinkOptions::default() });
    world.serves().await;
    world.serves().await;
}

#[tokio::test]
async fn two_listeners_cannot_have_one_address_and_one_that_is_gone_leaves_it() {
    let network = Network::memory();
    let options = LinkOptions { network, ..LinkOptions::default() };
    let mut world = World::with(options.clone());
    let cloud = world.authority.identity(Role::Cloud, &super::name("cloud")).unwrap();
    let taken = world.listener.local_addr();
    let bind = |options: &LinkOptions| {
        crate::Listener::bind(taken, &cloud, &world.trust, &[Role::Device], options)
    };
    let error = bind(&options).unwrap_err().to_string();
    assert!(error.contains(&taken.to_string()), "{error}");
    // Another network has that address free.
    bind(&LinkOptions { network: Network::memory(), ..options }).unwrap();
    assert_ne!(taken, loopback());
}

#[tokio::test(start_paused = true)]
async fn a_round_trip_takes_both_delays_on_the_paused_clock() {
    let link = emulation("about = ''\n[up]\ndelay_ms = 30\n[down]\ndelay_ms = 70");
    let mut pinger = Pinger::over(Network::memory(), link, 1).await;
    for nonce in 0..5 {
        let start = clock::now();
        let took = pinger.ping(nonce).await - start;
        assert!((ms(100)..ms(102)).contains(&took), "{took:?}");
    }
    assert!((ms(99)..ms(110)).contains(&pinger.up.link().rtt()), "{:?}", pinger.up.link().rtt());
}

/// Goal: a cut takes what is under way, too. Method: a second each way; the link is cut in the middle of the way
/// there, or of the way back, and mended when what was under way would have come.
#[tokio::test(start_paused = true)]
async fn what_is_due_while_the_link_is_cut_is_lost() {
    let link = emulation("about = ''\n[up]\ndelay_ms = 1000\n[down]\ndelay_ms = 1000");
    for under_way in [500, 1500] {
        let mut pinger = Pinger::over(Network::memory(), link.clone(), 1).await;
        pinger.ping(0).await;
        let switch = pinger.switch.clone();
        let cut = tokio::spawn(async move {
            tokio::time::sleep(ms(under_way)).await;
            switch.set(true);
            tokio::time::sleep(ms(1000)).await;
            switch.set(false);
        });
        let start = clock::now();
        let took = pinger.ping(1).await - start;
        assert!(took > ms(2500), "sent again: {took:?}");
        cut.await.unwrap();
    }
}

#[tokio::test]
async fn a_round_trip_takes_both_delays_on_real_sockets() {
    let link = emulation("about = ''\n[up]\ndelay_ms = 30\n[down]\ndelay_ms = 20");
    let mut pinger = soon(Pinger::over(Network::system(), link, 1)).await;
    for nonce in 0..3 {
        let start = clock::now();
        let took = soon(pinger.ping(nonce)).await - start;
        assert!(took >= ms(50), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_late_and_repeated_comes_once_and_in_order() {
    let storm = "delay_ms = { p0 = 5, p100 = 40 }\nloss = 0.15\nrepeat = 0.1\n\
                 reorder = { chance = 0.2, ms = 25 }";
    let mut pinger = Pinger::over(Network::memory(), both_ways(storm, ""), 3).await;
    let back = pinger.pings(ms(5), Duration::from_secs(30)).await;
    assert!(back.len() > 100, "{} pings in half a minute", back.len());
}

#[tokio::test(start_paused = true)]
async fn a_slow_line_takes_its_time() {
    let link = both_ways("delay_ms = 0\nrate_mbps = 0.8", "");
    let mut pinger = Pinger::over(Network::memory(), link, 1).await;
    let session = pinger.up.link().open_session().await.unwrap();
    let (mut sender, _receiver) = session.split();
    sender.send(super::open(1)).await.unwrap();
    let start = clock::now();
    // 400 KB at 100 KB/s.
    sender.send(super::hidden_pass(0, 100, 7)).await.unwrap();
    let down = pinger.down.clone();
    let mut session = down.accept_session().await.unwrap();
    session.recv().await.unwrap();
    let frame = session.recv().await.unwrap();
    let took = (clock::now() - start).as_secs_f64();
    assert_eq!(frame.payload.len(), 409_600);
    assert!((4.1..5.5).contains(&took), "{took} s");
    pinger.ping(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_link_outlives_an_outage_that_is_shorter_than_its_patience() {
    let outage = "[outages]\nscheduled = [{ at_s = 3, for_s = 5 }]";
    let mut pinger = Pinger::over(Network::memory(), both_ways("delay_ms = 20", outage), 1).await;
    let back = pinger.pings(ms(10), Duration::from_secs(15)).await;
    let gap = longest_gap(&back);
    assert!((Duration::from_secs(5)..Duration::from_secs(10)).contains(&gap), "{gap:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_moves_every_three_seconds_is_answered_all_the_time() {
    let moves = "[moves]\nevery_s = 3";
    let mut pinger = Pinger::over(Network::memory(), both_ways("delay_ms = 25", moves), 1).await;
    let mut seen = vec![pinger.down.remote_address()];
    let mut longest = Duration::ZERO;
    for _ in 0..60 {
        let back = pinger.pings(ms(7), Duration::from_secs(1)).await;
        longest = longest.max(longest_gap(&back));
        seen.push(pinger.down.remote_address());
    }
    seen.dedup();
    assert!(seen.len() > 15, "{} addresses in a minute", seen.len());
    println!("longest pause {longest:?}");
    assert!(longest < ms(400), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn one_seed_makes_one_weather() {
    let run = async |seed| {
        let link = LinkProfile::named("umts").unwrap();
        let start = clock::now();
        let mut pinger = Pinger::over(Network::memory(), link, seed).await;
        let back = pinger.pings(ms(20), Duration::from_secs(60)).await;
        back.into_iter().map(|at| at - start).collect::<Vec<_>>()
    };
    let first = run(1).await;
    assert_eq!(first, run(1).await);
    assert_ne!(first, run(2).await);
    assert!(first.len() > 50, "{} pings in a minute", first.len());
}

/// Goal: what a run in memory puts on the wire is a function of the network's seed, whatever keys its
/// nodes have. Method: a CA of its own for each run.
#[tokio::test(start_paused = true)]
async fn one_seed_puts_as_many_bytes_on_the_wire_every_time() {
    let run = async |seed| {
        let link = both_ways("delay_ms = 25", "");
        let mut pinger = Pinger::over(Network::memory_from(seed), link, 1).await;
        pinger.pings(ms(20), Duration::from_secs(2)).await;
        pinger.up.link().traffic()
    };
    let first = run(1).await;
    for _ in 0..5 {
        assert_eq!(run(1).await, first);
    }
    assert_ne!(run(2).await, first);
}

#[test]
fn numbers_in_memory_are_those_of_the_seed_and_each_is_drawn_once() {
    let draw = |network: &Network| [network.random::<16>(), network.clone().random()];
    let [first, second] = draw(&Network::memory_from(1));
    assert_eq!(draw(&Network::memory_from(1)), [first, second]);
    assert_ne!(first, second);
    assert_ne!(draw(&Network::memory_from(2)), [first, second]);
    assert_ne!(draw(&Network::system()), draw(&Network::system()));
}

/// Goal: a link to a node that was restarted ends within a round trip of the next packet, not by
/// silence. Method: the listener ends during an outage, so that its goodbye is lost, and another of the
/// same identity takes its address.
#[tokio::test(start_paused = true)]
async fn a_listener_that_was_restarted_says_so_at_the_next_packet() {
    let network = Network::memory();
    let mut world = World::with(LinkOptions { network, ..LinkOptions::default() });
    let outage = both_ways("delay_ms = 20", "[outages]\nscheduled = [{ at_s = 2, for_s = 10 }]");
    let plain = world.options.clone();
    world.options.network = plain.network.clone().emulating(Some(outage), 1);
    let (up, down, _dialer) = world.link().await;
    let mut control = up.control().await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;

    let address = world.listener.local_addr();
    let World { listener, trust, cloud, .. } = world;
    drop(down);
    listener.close(crate::CloseCode::Done, "").await;
    drop(listener);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let again = crate::Listener::bind(address, &cloud, &trust, &[Role::Device], &plain);
    let _again = again.unwrap();

    let start = clock::now();
    control.send(Message::Ping(Ping { nonce: 1 })).await.unwrap();
    let end = up.closed().await;
    let took = clock::now() - start;
    assert!(matches!(end, crate::LinkEnd::Forgotten), "{end:?}");
    assert!(took < ms(100), "{took:?}");
}

/// Goal: a node that goes on from a fresh socket keeps its links, on real sockets and in memory.
#[tokio::test]
async fn a_link_goes_on_from_a_fresh_socket() {
    for network in [Network::system(), Network::memory()] {
        let mut world = World::with(LinkOptions { network, ..LinkOptions::default() });
        let (up, down, dialer) = world.link().await;
        let mut asks = up.control().await.unwrap();
        let mut answers = None;
        for nonce in 0..3 {
            let before = down.remote_address();
            dialer.rebind().unwrap();
            asks.send(Message::Ping(Ping { nonce })).await.unwrap();
            if answers.is_none() {
                answers = Some(soon(down.control()).await.unwrap());
            }
            let answers = answers.as_mut().unwrap();
            assert_eq!(soon(answers.recv()).await.unwrap(), Message::Ping(Ping { nonce }));
            answers.send(Message::Pong(Pong { nonce, load: 0 })).await.unwrap();
            assert_eq!(soon(asks.recv()).await.unwrap(), Message::Pong(Pong { nonce, load: 0 }));
            assert_ne!(down.remote_address(), before);
        }
        assert_eq!(world.listener.tally().links, 1);
    }
}

/// Goal: who gets hidden states can say what the link carries up, and says nothing of what came in a moment.
/// Method: six passes of 256 KiB over two links, then small ones.
#[tokio::test(start_paused = true)]
async fn a_receipt_says_what_the_link_carries() {
    for mbps in [4.0, 20.0] {
        let link = both_ways(&format!("delay_ms = 20\nrate_mbps = {mbps:.1}"), "");
        let network = Network::memory();
        let mut world = World::with(LinkOptions { network, ..LinkOptions::default() });
        world.options.network = world.options.network.clone().emulating(Some(link), 1);
        let (up, down, _dialer) = world.link().await;
        let mut session = up.open_session().await.unwrap();
        session.send(super::open(1)).await.unwrap();
        let mut theirs = soon(down.accept_session()).await.unwrap();
        let reading = tokio::spawn(async move {
            for _ in 0..8 {
                theirs.recv().await.unwrap();
            }
        });
        let mut told = 0.0;
        for base in 0..6 {
            session.send(super::hidden_pass(base, 64, 9)).await.unwrap();
            let Receipt { bytes, us } = down.receipt().await;
            told = f64::from(bytes) * 8.0 / f64::from(us);
        }
        assert!((0.8..1.05).contains(&(told / mbps)), "{told} Mb/s of {mbps}");
        session.send(super::hidden_pass(6, 1, 9)).await.unwrap();
        reading.await.unwrap();
        let more = tokio::time::timeout(ms(1000), down.receipt()).await;
        assert!(more.is_err(), "{more:?}");
    }
}
