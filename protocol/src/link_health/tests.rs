//! Link health, read as traces: what happens when, in milliseconds.

use super::*;
use std::fmt::Write as _;

/// The one clock reading of these tests: where simulated time begins.
#[expect(clippy::disallowed_methods, reason = "any instant will do; it is never read again")]
fn dawn() -> Instant {
    Instant::now()
}

/// A peer that answers pings after `rtt`, while it lives; a dialler whose dials take 40 ms.
struct Sim {
    start: Instant,
    now: Instant,
    health: LinkHealth,
    rtt: Duration,
    alive: bool,
    pongs: VecDeque<(Instant, Pong)>,
    dials: VecDeque<Instant>,
    trace: String,
}

const DIAL: Duration = Duration::from_millis(40);
const JITTER: Duration = Duration::from_millis(7);

impl Sim {
    /// Connected at 0 ms, with this measured round trip.
    fn new(rtt_ms: u64) -> Self {
        let (start, rtt) = (dawn(), Duration::from_millis(rtt_ms));
        let mut health = LinkHealth::new(LinkHealthConfig::default(), start);
        assert_eq!(health.poll_event(), Some(LinkEvent::Dial));
        assert!(health.handle_connected(start));
        assert_eq!(health.poll_event(), Some(LinkEvent::Back));
        health.handle_rtt(rtt);
        let (pongs, dials) = (VecDeque::new(), VecDeque::new());
        Self { start, now: start, health, rtt, alive: true, pongs, dials, trace: String::new() }
    }

    fn at(&mut self, ms: u64) {
        self.run_until(self.start + Duration::from_millis(ms));
    }

    fn expect(&mut self, expecting: bool) {
        self.health.expect(self.now, expecting);
    }

    fn run_until(&mut self, end: Instant) {
        loop {
            self.drain();
            let timer = self.health.poll_timeout().map(|(at, _)| at);
            let pong = self.pongs.front().map(|(at, _)| *at);
            let dial = self.dials.front().copied();
            let next = [timer, pong, dial].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            if pong == Some(next) {
                let (_, pong) = self.pongs.pop_front().unwrap();
                self.health.handle_pong(self.now, pong);
            } else if dial == Some(next) {
                self.dials.pop_front();
                if self.alive {
                    let wanted = self.health.handle_connected(self.now);
                    self.log(if wanted { "use" } else { "drop" });
                }
            } else {
                self.health.handle_timeout(self.now);
            }
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(message) = self.health.poll_transmit() {
            let Message::Ping(ping) = message else { panic!("not a ping: {message:?}") };
            self.log(&format!("ping {}", ping.nonce));
            if self.alive {
                self.pongs.push_back((self.now + self.rtt, Pong { nonce: ping.nonce, load: 0 }));
            }
        }
        while let Some(event) = self.health.poll_event() {
            match event {
                LinkEvent::Lost { silent } => {
                    self.log(&format!("lost after {} ms", silent.as_millis()));
                }
                LinkEvent::Back => self.log("back"),
                LinkEvent::Dial => {
                    self.log("dial");
                    self.health.handle_dialled(self.now, JITTER);
                    self.dials.push_back(self.now + DIAL);
                }
            }
        }
    }

    fn log(&mut self, what: &str) {
        let ms = self.now.duration_since(self.start).as_millis();
        writeln!(self.trace, "{ms:>5} ms  {what}").unwrap();
    }

    fn check(&self, expected: &str) {
        assert_eq!(self.trace.trim_end(), expected.trim_matches('\n'), "\n{}", self.trace);
    }
}

/// The peer vanishes at 100 ms while an answer is owed.
#[test]
fn silence_is_lost_at_the_deadline_and_dialled_at_a_fixed_pace() {
    let mut sim = Sim::new(40);
    sim.expect(true);
    sim.alive = false;
    sim.at(1800);
    sim.check(
        "
  166 ms  ping 0
  333 ms  ping 1
  499 ms  ping 2
  500 ms  ping 3
  500 ms  lost after 500 ms
  500 ms  dial
 1007 ms  ping 4
 1007 ms  dial
 1514 ms  ping 5
 1514 ms  dial
",
    );
}

#[test]
fn an_idle_link_says_nothing_and_is_never_lost() {
    let mut sim = Sim::new(40);
    sim.alive = false;
    sim.at(60_000);
    sim.check("");
    assert!(sim.health.is_up());
    sim.expect(true);
    sim.at(60_499);
    assert!(sim.health.is_up(), "silence counts from when an answer is owed");
    sim.at(60_500);
    assert!(!sim.health.is_up());
}

#[test]
fn a_peer_that_computes_in_silence_but_answers_pings_is_not_lost() {
    let mut sim = Sim::new(100);
    sim.expect(true);
    sim.at(10_000);
    assert!(sim.health.is_up() && !sim.trace.contains("lost"), "{}", sim.trace);
}

#[test]
fn the_old_connection_that_speaks_again_wins_over_the_dial() {
    let mut sim = Sim::new(40);
    sim.expect(true);
    sim.alive = false;
    sim.at(520);
    sim.alive = true;
    sim.health.handle_frame(sim.now);
    sim.expect(false);
    sim.at(3000);
    sim.check(
        "
  166 ms  ping 0
  333 ms  ping 1
  499 ms  ping 2
  500 ms  ping 3
  500 ms  lost after 500 ms
  500 ms  dial
  520 ms  back
  540 ms  drop
",
    );
}

#[test]
fn once_the_old_connection_is_back_nothing_is_dialled_any_more() {
    let mut sim = Sim::new(40);
    sim.expect(true);
    sim.alive = false;
    sim.at(560); // lost at 500 ms, the dial failed at 540 ms
    sim.health.handle_frame(sim.now);
    sim.expect(false);
    sim.trace.clear();
    sim.at(3000);
    sim.check("  560 ms  back");
}

#[test]
fn a_closed_connection_is_lost_at_once_and_the_next_one_starts_afresh() {
    let mut sim = Sim::new(40);
    sim.at(100);
    sim.health.handle_closed(sim.now);
    sim.at(200);
    sim.expect(true);
    sim.at(320);
    sim.check(
        "
  100 ms  lost after 100 ms
  100 ms  dial
  140 ms  use
  140 ms  back
",
    );
    sim.at(400);
    assert!(sim.trace.ends_with("  366 ms  ping 0\n"), "{}", sim.trace);
}

#[test]
fn the_deadline_is_four_round_trips_between_floor_and_ceiling() {
    let mut health = LinkHealth::new(LinkHealthConfig::default(), dawn());
    assert_eq!(health.deadline(), Duration::from_secs(2), "unknown: the ceiling");
    for (rtt_ms, deadline_ms) in [(1, 500), (125, 500), (126, 504), (300, 1200), (500, 2000)] {
        health.rtt = None;
        health.handle_rtt(Duration::from_millis(rtt_ms));
        assert_eq!(health.deadline(), Duration::from_millis(deadline_ms), "{rtt_ms}");
    }
    health.handle_rtt(Duration::from_secs(9));
    assert_eq!(health.deadline(), Duration::from_secs(2));
}

/// The transport sends a ping again until it arrives: its pong comes when the outage is over. Neither one
/// from before the loss nor one from after it says how long the round trip is.
#[test]
fn an_outage_is_no_round_trip() {
    let mut sim = Sim::new(50);
    sim.alive = false;
    sim.expect(true);
    let mut sent = Vec::new();
    for ms in (0..3_000).step_by(10) {
        sim.now = sim.start + Duration::from_millis(ms);
        sim.health.handle_timeout(sim.now);
        while sim.health.poll_event() == Some(LinkEvent::Dial) {
            sim.health.handle_dialled(sim.now, JITTER);
        }
        let pings = std::iter::from_fn(|| sim.health.poll_transmit());
        sent.extend(pings.map(|message| {
            let Message::Ping(ping) = message else { panic!("not a ping: {message:?}") };
            ping.nonce
        }));
    }
    assert!(sent.len() > 3 && !sim.health.is_up());
    for nonce in sent {
        sim.health.handle_pong(sim.now, Pong { nonce, load: 0 });
    }
    assert!(sim.health.is_up());
    assert_eq!(sim.health.rtt(), Some(Duration::from_millis(50)));
}

#[test]
fn a_pong_measures_the_round_trip_of_its_own_ping() {
    let mut sim = Sim::new(200);
    sim.expect(true);
    sim.rtt = Duration::from_millis(360);
    sim.at(640);
    // 266 ms: ping 0. 533 ms: ping 1. 626 ms: pong 0.
    assert_eq!(sim.health.rtt(), Some((Duration::from_millis(200) * 7 + sim.rtt) / 8));
    sim.health.handle_pong(sim.now, Pong { nonce: 77, load: 0 });
    assert_eq!(sim.health.rtt(), Some(Duration::from_millis(220)), "an unknown pong says nothing");
}

/// The pace of dialling is that of the beginnings, however long a dial takes to fail.
#[test]
fn dials_begin_at_the_pace_or_where_it_is_longer_a_third_of_the_deadline_apart() {
    for (rtt_ms, apart_ms) in [(40, 507), (375, 507), (420, 567), (900, 673)] {
        let mut sim = Sim::new(rtt_ms);
        sim.health.handle_closed(sim.now);
        sim.alive = false;
        sim.at(1900);
        let dials = sim.trace.lines().filter_map(|line| line.strip_suffix(" ms  dial"));
        let dials: Vec<u64> = dials.map(|at| at.trim().parse().unwrap()).collect();
        assert_eq!(dials[..2], [0, apart_ms], "{rtt_ms}");
    }
}

#[test]
fn a_pause_after_a_dial_that_failed_puts_off_the_next_one_and_never_hurries_it() {
    let mut sim = Sim::new(40);
    sim.health.handle_closed(sim.now);
    sim.alive = false;
    sim.at(10);
    sim.health.handle_dial_failed(sim.now, Duration::ZERO);
    sim.at(600);
    sim.health.handle_dial_failed(sim.now, Duration::from_secs(30));
    sim.at(31_000);
    sim.check(
        "
    0 ms  lost after 0 ms
    0 ms  dial
  507 ms  dial
30600 ms  dial
",
    );
}

/// A word every 60 ms; from 600 ms on there is none.
fn talking() -> Sim {
    let mut sim = Sim::new(40);
    sim.expect(true);
    for word in 1..=10 {
        sim.at(60 * word);
        sim.health.handle_frame(sim.now);
    }
    sim
}

/// Goal: a steady peer is asked soon, and then no more often than any other. Mean and deviation of the
/// gaps are 60 ms and, after ten of them, 30 ms * (3/4)^9 = 2.25 ms.
#[test]
fn a_word_that_is_overdue_is_asked_for_once_and_then_at_the_pace_of_the_deadline() {
    let mut sim = talking();
    assert_eq!(sim.trace, "", "while it speaks it is not asked");
    sim.at(1100);
    // Each pong comes 40 ms after its ping and puts off the next one.
    sim.check(
        "
  669 ms  ping 0
  875 ms  ping 1
 1082 ms  ping 2
",
    );
    sim.health.handle_frame(sim.now);
    sim.trace.clear();
    sim.at(1200);
    assert_eq!(sim.trace, "", "that gap was long, so the next may be");
}

#[test]
fn a_peer_that_owes_nothing_is_not_asked_whatever_its_rhythm() {
    let mut sim = talking();
    sim.expect(false);
    sim.at(60_000);
    assert_eq!(sim.trace, "");
    sim.expect(true);
    sim.at(60_060);
    sim.health.handle_frame(sim.now);
    sim.at(60_130);
    assert_eq!(sim.trace.trim(), "60126 ms  ping 0", "the idle minute was no gap");
}

#[test]
fn overdue_is_four_deviations_above_the_mean_between_50_ms_and_a_third_of_the_deadline() {
    let ms = Duration::from_millis;
    let mut rhythm = Rhythm::default();
    assert_eq!(rhythm.overdue(ms(166)), ms(166), "unknown: the most");
    rhythm.note(ms(10));
    assert_eq!(rhythm.overdue(ms(166)), ms(50), "10 + 4 * 5 is less");
    rhythm.note(ms(34));
    // Mean 13, deviation (3 * 5 + 24) / 4 = 9.75.
    assert_eq!(rhythm.overdue(ms(166)), ms(52));
    assert_eq!(rhythm.overdue(ms(30)), ms(30), "a short deadline has its own third");
    rhythm.note(ms(2000));
    assert_eq!(rhythm.overdue(ms(166)), ms(166));
}
