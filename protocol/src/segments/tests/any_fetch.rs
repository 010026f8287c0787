//! Fetches of every kind: cuts, other nodes, segments that are not there, or not wanted any more.
//!
//! Method: two nodes hold some of the segments each; a fetch asks the one that a channel leads to. Requests
//! and parts are under way for a while, on a channel that is cut now and then, and then leads anywhere.
//! Each step one of the things that can happen does.

use super::*;
use crate::dice::Dice;
use crate::{Frame, frame};
use base::LayerRange;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

const WORLDS: u64 = 4_000;

struct World {
    dice: Dice,
    now: Instant,
    /// What every node that has it has.
    segments: BTreeMap<TextName, Bytes>,
    /// What each node has.
    nodes: [BTreeSet<TextName>; 2],
    /// The one that the channel leads to.
    node: usize,
    fetch: Fetch,
    serving: Serving,
    up: VecDeque<Frame>,
    down: VecDeque<Frame>,
    work: Option<SegmentWork>,
    /// The work is of a request that was replaced.
    stale: bool,
    /// Segments that the serving has got and not sent to their end.
    held: i64,
    given_up: BTreeSet<TextName>,
    arrived: BTreeMap<TextName, Option<Vec<u8>>>,
    requests: usize,
}

impl World {
    fn new(seed: u64, now: Instant) -> Self {
        let mut dice = Dice(seed);
        let count = 1 + dice.below_u32(24);
        let lengths =
            [10, 3_000, 70_000][usize::from(dice.percent(60)) + usize::from(dice.percent(40))];
        let mut segments = BTreeMap::new();
        let mut wanted = wanted(count, 0);
        let mut nodes = [BTreeSet::new(), BTreeSet::new()];
        for wanted in &mut wanted {
            let length = 1 + dice.below_u32(lengths);
            let bytes: Vec<u8> = (0..length).map(|_| dice.roll().to_le_bytes()[0]).collect();
            wanted.len_max = length + dice.below_u32(2) * dice.below_u32(300_000);
            nodes
                .iter_mut()
                .filter(|_| dice.percent(80))
                .for_each(|node| node.extend([wanted.text]));
            segments.insert(wanted.text, bytes.into());
        }
        Self {
            now,
            segments,
            nodes,
            node: 0,
            fetch: Fetch::new(LayerRange::all(3), 0, wanted),
            serving: Serving::new(now),
            up: VecDeque::new(),
            down: VecDeque::new(),
            work: None,
            stale: false,
            held: 0,
            given_up: BTreeSet::new(),
            arrived: BTreeMap::new(),
            requests: 0,
            dice,
        }
    }

    fn run(&mut self) {
        // As much trouble as there may be; then what is left has to come.
        let trouble = self.dice.below(400);
        for step in 0.. {
            assert!(step < 20_000, "the fetch does not end");
            if self.fetch.is_done() {
                return;
            }
            match self.dice.below(100) {
                0 if step < trouble => self.cut(),
                1..3 if step < trouble => self.give_up(),
                3..7 => self.look(),
                7..30 => self.now += Duration::from_millis(self.dice.below(30)),
                30..40 => self.ask(),
                40..55 => self.deliver_request(),
                55..75 => self.serve(),
                75..85 => self.send(),
                _ => self.deliver_part(),
            }
        }
    }

    fn ask(&mut self) {
        if let Some(message) = self.fetch.poll_transmit() {
            self.requests += 1;
            self.up.push_back(message.into());
        }
    }

    fn deliver_request(&mut self) {
        let Some(Frame { message: Message::SegmentRequest(request), .. }) = self.up.pop_front()
        else {
            return;
        };
        self.serving.handle_request(request).unwrap();
        (self.held, self.stale) = (0, self.work.is_some());
    }

    fn serve(&mut self) {
        if let Some(SegmentWork { text, layers, .. }) = self.work.take() {
            assert_eq!(layers, LayerRange::all(3));
            let has = self.nodes[self.node].contains(&text);
            let bytes = has.then(|| self.segments[&text].clone());
            self.held += i64::from(has && !self.stale);
            self.stale = false;
            self.serving.handle_segment(bytes);
        }
        self.work = self.serving.poll_work();
        assert!(self.held <= 2, "{} segments wait", self.held);
    }

    fn send(&mut self) {
        while let Some(sent) = self.serving.poll_transmit(self.now) {
            frame::encode(&sent).unwrap();
            let Message::SegmentPart(part) = &sent.message else { panic!("{sent:?}") };
            self.held -= i64::from(part.total > 0 && part.end() == part.total);
            self.down.push_back(sent);
        }
        let timeout = self.serving.poll_timeout();
        assert!(timeout.is_none_or(|at| at > self.now), "it would have given more");
    }

    fn look(&mut self) {
        let rtt = Duration::from_millis(1 + self.dice.below(200));
        let tokens_flow = self.dice.percent(50);
        self.serving.handle_path(self.now, rtt, tokens_flow);
    }

    fn deliver_part(&mut self) {
        let Some(Frame { message, payload }) = self.down.pop_front() else { return };
        let Message::SegmentPart(part) = message else { panic!("{message:?}") };
        self.fetch.handle_part(part, &payload).unwrap();
        while let Some(Arrived { text, bytes }) = self.fetch.poll_arrived() {
            assert!(!self.given_up.contains(&text), "it was given up");
            match &bytes {
                Some(bytes) => assert_eq!(bytes, &self.segments[&text]),
                None => assert!(!self.nodes[self.node].contains(&text), "it is there"),
            }
            assert!(self.arrived.insert(text, bytes).is_none(), "it came twice");
        }
    }

    fn cut(&mut self) {
        self.fetch.handle_link_lost();
        self.node = usize::from(self.dice.percent(50));
        self.serving = Serving::new(self.now);
        self.up.clear();
        self.down.clear();
        (self.work, self.stale, self.held) = (None, false, 0);
    }

    fn give_up(&mut self) {
        let count = u32::try_from(self.segments.len()).unwrap();
        let number = self.dice.below_u32(count);
        // One, or all from there on.
        let end = if self.dice.percent(50) { number + 1 } else { count };
        for text in (number..end).map(name) {
            self.fetch.give_up(text);
            if !self.arrived.contains_key(&text) {
                self.given_up.insert(text);
            }
        }
    }
}

#[test]
fn every_fetch_ends_with_exactly_the_bytes_of_each_segment() {
    let dawn = dawn();
    let (mut around, mut whole, mut absent) = (0, 0, 0);
    for seed in 0..WORLDS {
        let ended = std::panic::catch_unwind(|| {
            let mut world = World::new(seed, dawn);
            world.run();
            let settled = world.arrived.len() + world.given_up.len();
            assert_eq!(settled, world.segments.len());
            let whole = world.arrived.values().flatten().count();
            (world.requests, whole, world.arrived.len() - whole)
        });
        let Ok(counts) = ended else { panic!("in the world of seed {seed}") };
        around += usize::from(counts.0 > 1);
        whole += counts.1;
        absent += counts.2;
    }
    // What the worlds are about does happen in them.
    assert!(around > 1_000 && whole > 10_000 && absent > 1_000, "{around} {whole} {absent}");
}

/// Goal: whatever comes instead of parts, nothing panics, nothing longer than was wanted arrives, and an
/// honest node can give the rest.
#[test]
fn no_part_of_any_shape_does_harm() {
    const LEN_MAX: u32 = 6;
    let mut refused = 0;
    for seed in 0..WORLDS {
        let mut dice = Dice(seed);
        let mut fetch = Fetch::new(LayerRange::all(3), 0, wanted(4, LEN_MAX));
        let mut request = 0;
        for _ in 0..60 {
            request = asked(&mut fetch).map_or(request, |asked| asked.request);
            let [index, total, offset, bytes] = std::array::from_fn(|_| dice.below_u32(8));
            let wrong = u32::from(dice.percent(5));
            let part = part(request + wrong, index / 2, total, offset / 2, bytes);
            let payload = vec![1; (part.bytes + u32::from(dice.percent(5))) as usize];
            if fetch.handle_part(part, &payload).is_err() {
                refused += 1;
                if dice.percent(30) {
                    fetch.handle_link_lost();
                }
            }
        }
        fetch.handle_link_lost();
        while let Some(SegmentRequest { request, have, texts, .. }) = asked(&mut fetch) {
            for (index, offset) in (0..).zip(std::iter::once(have).chain([0; 3])).take(texts.len())
            {
                let rest = LEN_MAX - offset;
                // Another length than was said before; then it is asked for as a whole.
                let _ = fetch.handle_part(
                    part(request, index, LEN_MAX, offset, rest),
                    &vec![2; rest as usize],
                );
            }
            fetch.handle_link_lost();
        }
        while let Some(Arrived { bytes, .. }) = fetch.poll_arrived() {
            assert!(bytes.is_none_or(|bytes| (1..=LEN_MAX as usize).contains(&bytes.len())));
        }
        assert!(fetch.is_done());
    }
    assert!(refused > 10_000, "{refused}");
}
