//! A gateway or a cloud: its sessions, its pool, and what it does with told passes.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it expects, and panics on the rest"
)]

use super::channel::Channel;
use super::kv::{BLOCK, Pool, Sequence, Whose};
use super::plan::{NODES, model_of};
use super::sky::{Happening, SessionKey, Sky, Talk, Who, ms};
use super::toy;
use super::uplink::{Turn, Uplink};
use crate::{
    Epoch, Fault, FaultKind, Frame, HiddenRows, HopWork, Hops, HopsConfig, Message, Open, Pong,
    SessionId, Side, TenantSecret, Verifier, VerifierConfig, Work,
};
use base::{LayerRange, TokenId, WireCodec};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Width of hidden states: a number of the toy model.
const WIDTH: u32 = 2;

/// Time of a pass, and of each of its rows.
pub(super) const PASS: Duration = ms(3);
pub(super) const ROW: Duration = Duration::from_micros(600);

pub(super) struct Node {
    pub(super) index: usize,
    pub(super) pool: Pool,
    /// The gateway's, to the cloud.
    pub(super) upstream: Option<Uplink>,
    sessions: BTreeMap<SessionKey, Seat>,
    /// Which session speaks on a stream.
    streams: BTreeMap<Talk, SessionKey>,
    pub(super) channels: BTreeMap<Talk, Channel>,
    /// So many of the next segments that it sends are too long or too short.
    pub(super) corrupts: u32,
    /// When a session of a link said something.
    last_words: BTreeMap<usize, Instant>,
    pub(super) dead: bool,
}

/// A session, and the KV of its stage.
struct Seat {
    open: Open,
    part: Part,
    kv: Sequence,
    whose: Whose,
    reads: Option<WireCodec>,
    writes: WireCodec,
    down: Talk,
    /// Of the gateway, to the cloud.
    up: Option<Talk>,
    up_id: SessionId,
    /// The number of its work, and where that began.
    running: Option<(u64, usize)>,
}

enum Part {
    Verifier(Box<Verifier>),
    Hops(Box<Hops>),
}

/// How a work ended.
pub(super) enum Outcome {
    Chosen(Vec<TokenId>),
    Output(Bytes),
    Known(usize),
}

impl Node {
    pub(super) fn new(index: usize, upstream: Option<Uplink>) -> Self {
        Self {
            index,
            pool: Pool::default(),
            upstream,
            sessions: BTreeMap::new(),
            streams: BTreeMap::new(),
            channels: BTreeMap::new(),
            corrupts: 0,
            last_words: BTreeMap::new(),
            dead: false,
        }
    }

    /// Whether segments are got or sent.
    pub(super) fn is_asked(&self) -> bool {
        self.channels.values().any(Channel::is_busy)
    }

    /// All is gone but the pool, where that is on disk.
    pub(super) fn die(&mut self, sky: &mut Sky, stored: bool) {
        sky.tally.deaths_in_transfer += u64::from(self.is_asked());
        self.sessions.clear();
        self.streams.clear();
        self.channels.clear();
        self.dead = true;
        match stored {
            true => self.pool.evict(&mut sky.dice, 30),
            false => self.pool.clear(),
        }
    }

    /// A frame from below.
    pub(super) fn hear(&mut self, sky: &mut Sky, talk: Talk, frame: Frame) {
        let now = sky.now;
        match frame.message {
            Message::Ping(ping) => {
                let pong = Pong { nonce: ping.nonce, load: 0 };
                return sky.send_down(talk, &Message::Pong(pong).into());
            }
            Message::SegmentRequest(request) => {
                let channel = self.channels.entry(talk).or_insert_with(|| Channel::new(now));
                return channel.ask(request);
            }
            Message::Open(open) => return self.open(sky, talk, open),
            _ => {}
        }
        let Some(key) = self.streams.get(&talk) else { return };
        let Some(seat) = self.sessions.get_mut(key) else { return };
        match (&mut seat.part, frame.message) {
            (_, Message::Close(_)) => self.close(sky, talk),
            (Part::Verifier(verifier), Message::Pass(pass)) => {
                verifier.handle_pass(now, pass, frame.payload).unwrap();
            }
            (Part::Verifier(verifier), Message::Draft(draft)) => {
                verifier.handle_draft(now, draft).unwrap();
            }
            (Part::Verifier(verifier), Message::Rollback(back)) => verifier.handle_rollback(&back),
            (Part::Hops(hops), Message::Pass(pass)) => {
                hops.handle_pass(pass, frame.payload).unwrap();
            }
            (Part::Hops(hops), Message::Rollback(rollback)) => hops.handle_rollback(rollback),
            (_, other) => panic!("a node got {other:?}"),
        }
    }

    fn close(&mut self, sky: &mut Sky, talk: Talk) {
        let Some(key) = self.streams.remove(&talk) else { return };
        let Some(mut seat) = self.sessions.remove(&key) else { return };
        if let (Part::Hops(hops), Some(up)) = (&mut seat.part, seat.up) {
            hops.handle_close();
            sky.send_up(up, &Message::Close(crate::Close {}).into());
        }
    }

    /// Begins a session, or resumes it where it is set up as before.
    fn open(&mut self, sky: &mut Sky, talk: Talk, open: Open) {
        let key = (talk.link, open.session);
        assert_eq!(open.stages[0].node.as_str(), NODES[self.index], "a stage of this node");
        // One that was overtaken takes nothing over.
        if self.sessions.get(&key).is_some_and(|seat| open.epoch < seat.epoch()) {
            let fault = Fault::on_session(open.epoch, FaultKind::Rejected, "opened since");
            return sky.send_down(talk, &Message::Fault(fault).into());
        }
        let same = self.sessions.get(&key).is_some_and(|seat| {
            let set_up = |open: &Open| (open.stages.clone(), open.tenant, open.lineage);
            set_up(&seat.open) == set_up(&open)
        });
        if !same {
            let tenant = sky.links[talk.link].tenant;
            let seat = Seat::new(sky, self.index, tenant, talk, open.clone());
            self.sessions.insert(key, seat);
        }
        self.streams.retain(|_, session| *session != key);
        self.streams.insert(talk, key);
        let seat = self.sessions.get_mut(&key).expect("it is there now");
        seat.down = talk;
        match &mut seat.part {
            Part::Verifier(verifier) => verifier.handle_open(&open),
            Part::Hops(hops) => {
                if seat.up.is_none() {
                    seat.up = self.upstream.as_ref().and_then(|upstream| upstream.open(sky));
                }
                hops.handle_open(open);
                if seat.up.is_none() {
                    hops.handle_upstream_lost();
                }
            }
        }
    }

    /// A frame from above.
    pub(super) fn hear_above(&mut self, sky: &mut Sky, talk: Talk, frame: Frame) {
        let Some(upstream) = &mut self.upstream else { return };
        if !upstream.hears(sky, talk, &frame.message) {
            return;
        }
        if let Message::SegmentPart(part) = frame.message {
            let channels = self.channels.values_mut();
            return channels.for_each(|channel| channel.take(sky, talk, part, &frame.payload));
        }
        let seats = self.sessions.values_mut().filter(|seat| seat.up == Some(talk));
        for Seat { part, .. } in seats {
            let Part::Hops(hops) = part else { panic!("a verifier has nobody above") };
            match frame.message.clone() {
                Message::Opened(opened) => hops.handle_opened(&opened).unwrap(),
                Message::Verdict(verdict) => hops.handle_verdict(Side::Up, verdict).unwrap(),
                Message::Fault(fault) => hops.handle_fault(fault),
                other => panic!("a gateway got {other:?} from above"),
            }
        }
    }

    /// A work is done.
    pub(super) fn done(&mut self, now: Instant, key: SessionKey, work: u64, outcome: Outcome) {
        let Some(seat) = self.sessions.get_mut(&key) else { return };
        if seat.running.take_if(|(number, _)| *number == work).is_none() {
            return;
        }
        match (&mut seat.part, outcome) {
            (Part::Verifier(verifier), Outcome::Chosen(chosen)) => {
                verifier.handle_chosen(now, chosen.into(), 3_000);
            }
            (Part::Verifier(verifier), Outcome::Known(rows)) => verifier.handle_known(now, rows),
            (Part::Hops(hops), Outcome::Output(rows)) => hops.handle_output(rows),
            (Part::Hops(hops), Outcome::Known(rows)) => hops.handle_known(rows),
            _ => panic!("a work ended otherwise than it began"),
        }
    }

    /// The link from a dialler is another connection: what spoke on the one before is silent.
    pub(super) fn accepted(&mut self, link: usize, connection: Option<u64>) {
        let gone = |talk: &Talk| talk.link == link && Some(talk.connection) != connection;
        self.channels.retain(|talk, _| !gone(talk));
        self.streams.retain(|talk, _| !gone(talk));
    }

    /// Everybody's outputs are drained and carried out.
    pub(super) fn settle(&mut self, sky: &mut Sky) {
        if self.dead {
            return;
        }
        self.settle_upstream(sky);
        let mut wake = self.upstream.as_ref().and_then(|up| up.health.poll_timeout());
        let mut wake = wake.take().map(|(at, _)| at);
        for (key, seat) in &mut self.sessions {
            let heard = self.streams.get(&seat.down) == Some(key);
            seat.work(sky, self.index, *key, &mut self.pool);
            if seat.speak(sky, heard) {
                self.last_words.insert(key.0, sky.now);
            }
            if let Part::Verifier(verifier) = &seat.part {
                wake = wake.into_iter().chain(verifier.poll_timeout().map(|(at, _)| at)).min();
            }
        }
        for (talk, channel) in &mut self.channels {
            let said = self.last_words.get(&talk.link);
            let flows = said.is_some_and(|said| sky.now - *said < Duration::from_secs(1));
            let upstream = self.upstream.as_ref();
            let at = channel.settle(sky, *talk, &self.pool, upstream, &mut self.corrupts, flows);
            wake = wake.into_iter().chain(at).min();
        }
        sky.wake(Who::Node(self.index), wake);
    }

    fn settle_upstream(&mut self, sky: &mut Sky) {
        let Some(upstream) = &mut self.upstream else { return };
        let waits = self.sessions.values().any(|seat| match &seat.part {
            Part::Hops(hops) => seat.up.is_some() && hops.in_flight() > 0,
            Part::Verifier(_) => false,
        });
        let waits = waits || self.channels.values().any(Channel::waits_above);
        for turn in upstream.settle(sky, waits) {
            if turn == Turn::Lost {
                for seat in self.sessions.values_mut() {
                    if let (Part::Hops(hops), Some(_)) = (&mut seat.part, seat.up.take()) {
                        hops.handle_upstream_lost();
                    }
                }
                self.channels.values_mut().for_each(Channel::lose_above);
            }
        }
    }

    /// Sessions whose device has a stream, and that compute.
    pub(super) fn check(&self) {
        for seat in self.sessions.values() {
            let waiting = match &seat.part {
                Part::Verifier(verifier) => verifier.waiting(),
                Part::Hops(hops) => hops.in_flight(),
            };
            assert!(waiting <= crate::limits::PASSES_IN_FLIGHT_MAX, "{waiting} passes wait");
        }
    }
}

impl Seat {
    fn new(sky: &mut Sky, node: usize, tenant: Option<u64>, down: Talk, open: Open) -> Self {
        let (stage, next) = (open.stages[0].clone(), open.stages.get(1));
        let said = open.tenant.map(|secret| number_of(secret.0));
        let tenant = said.or(tenant).expect("all devices have tenants");
        let before = Whose { tenant, model: model_of(node), lineage: 0 };
        let whose = match stage.embedding {
            true => before,
            false => Whose { lineage: open.lineage.map_or(0, number_of), ..before }
                .hop(stage.layers.start(), stage.codec),
        };
        sky.tally.lossy += u64::from(whose.lineage != 0);
        let reads = (!stage.embedding).then_some(stage.codec);
        let writes = next.map_or(WireCodec::F32, |next| next.codec);
        let part = match stage.head {
            true => {
                let (hidden, head_alone) = (reads.map(|codec| (codec, WIDTH)), false);
                Part::Verifier(Box::new(Verifier::new(VerifierConfig { hidden, head_alone })))
            }
            false => Part::Hops(Box::new(Hops::new(HopsConfig {
                reads,
                writes,
                width: WIDTH,
                behind_layers: false,
                last_layer: false,
                head: Side::Up,
            }))),
        };
        let (kv, up_id) = (Sequence::new(whose, stage.layers), sky.new_session());
        Self { open, part, kv, whose, reads, writes, down, up: None, up_id, running: None }
    }

    fn epoch(&self) -> Epoch {
        match &self.part {
            Part::Verifier(verifier) => verifier.epoch(),
            Part::Hops(hops) => hops.epoch(),
        }
    }

    /// Takes up what there is to compute.
    fn work(&mut self, sky: &mut Sky, node: usize, key: SessionKey, pool: &mut Pool) {
        let obsolete = match &mut self.part {
            Part::Verifier(verifier) if verifier.is_obsolete() => {
                verifier.handle_abandoned();
                true
            }
            Part::Hops(hops) if hops.is_obsolete() => {
                hops.handle_abandoned();
                true
            }
            Part::Verifier(_) | Part::Hops(_) => false,
        };
        // What was not run to its end is not there.
        if let Some((_, from)) = self.running.take_if(|_| obsolete) {
            self.kv.truncate(from);
        }
        loop {
            let work = match &mut self.part {
                Part::Verifier(verifier) => match verifier.poll_work(sky.now) {
                    Some(Work { truncate_to, tokens, hidden, told, choose }) => {
                        let leaving = 0;
                        (HopWork { truncate_to, tokens, hidden, told, leaving }, Some(choose.start))
                    }
                    None => return,
                },
                Part::Hops(hops) => match hops.poll_work() {
                    Some(work) => (work, None),
                    None => return,
                },
            };
            let (number, (work, choose)) = (sky.next_number(), work);
            self.running = Some((number, work.truncate_to.index()));
            let rows = u32::try_from(work.tokens.len()).unwrap();
            let took = if work.told { ms(1) } else { PASS + ROW * rows };
            let outcome = self.run(sky, pool, work, choose);
            let done = Happening::Done { node, session: key, work: number, outcome };
            sky.plan(sky.now + took, done);
        }
    }

    /// `choose`: the first row that a word is chosen from, where words are.
    fn run(
        &mut self,
        sky: &mut Sky,
        pool: &mut Pool,
        work: HopWork,
        choose: Option<usize>,
    ) -> Outcome {
        let HopWork { truncate_to, tokens, hidden, told, leaving: _ } = work;
        let from = truncate_to.index();
        assert!(from <= self.kv.len(), "work begins within the KV");
        self.kv.truncate(from);
        let oracle = &mut sky.oracle;
        if told {
            let known = self.kv.adopt(oracle, pool, &tokens, tokens.len());
            match known == tokens.len() {
                true => sky.tally.told_taken += 1,
                false => sky.tally.told_refused += 1,
            }
            return Outcome::Known(known);
        }
        // A pass of a whole model finds by itself what is known.
        let whole = self.kv.layers() == LayerRange::all(toy::LAYERS) && tokens.len() >= BLOCK;
        let most = choose.filter(|_| whole && self.reads.is_none()).unwrap_or(0);
        let found = self.kv.adopt(oracle, pool, &tokens, most);
        sky.tally.found += found as u64;
        let states = self.reads.map(|codec| states_of(hidden.as_ref(), codec, tokens.len()));
        let out = self.kv.run(oracle, &tokens[found..], states.as_deref());
        self.kv.publish(pool, from);
        match choose {
            Some(first) => {
                Outcome::Chosen(out[first - found..].iter().map(|out| toy::choice(*out)).collect())
            }
            None => Outcome::Output(toy::encode(&out, self.writes)),
        }
    }

    /// Sends what it has to say; whether that is anything. Nobody hears it below where the stream is gone.
    fn speak(&mut self, sky: &mut Sky, heard: bool) -> bool {
        let mut said = false;
        loop {
            let (side, mut frame) = match &mut self.part {
                Part::Verifier(verifier) => match verifier.poll_transmit() {
                    Some(message) => (Side::Down, message.into()),
                    None => return said,
                },
                Part::Hops(hops) => match hops.poll_transmit() {
                    Some(side_and_frame) => side_and_frame,
                    None => return said,
                },
            };
            let epoch = epoch_of(&frame.message);
            assert!(epoch.is_none_or(|it| it == self.epoch()), "an older epoch leaves: {frame:?}");
            match (side, self.up) {
                (Side::Down, _) => {
                    said = true;
                    if heard {
                        sky.send_down(self.down, &frame);
                    }
                }
                (Side::Up, Some(up)) => {
                    if let Message::Open(open) = &mut frame.message {
                        let lineage = self.whose.lineage;
                        open.session = self.up_id;
                        open.lineage = (lineage != 0).then(|| bytes_of_number(lineage));
                        open.tenant = Some(TenantSecret(bytes_of_number(self.whose.tenant)));
                    }
                    sky.send_up(up, &frame);
                }
                (Side::Up, None) => {}
            }
        }
    }
}

/// The epoch that a message of a session is of.
pub(super) const fn epoch_of(message: &Message) -> Option<Epoch> {
    match message {
        Message::Open(open) => Some(open.epoch),
        Message::Opened(opened) => Some(opened.epoch),
        Message::Pass(pass) => Some(pass.epoch),
        Message::Draft(draft) => Some(draft.epoch),
        Message::Verdict(verdict) => Some(verdict.epoch),
        Message::Rollback(rollback) => Some(rollback.epoch),
        Message::Fault(fault) => Some(fault.epoch),
        _ => None,
    }
}

/// The hidden states of the last `rows` tokens.
fn states_of(hidden: Option<&HiddenRows>, codec: WireCodec, rows: usize) -> Vec<u64> {
    let hidden = hidden.expect("a stage of hidden states gets some");
    let states = toy::decode(&hidden.payload, codec);
    assert_eq!((states.len(), hidden.rows - hidden.skip), (hidden.rows, rows), "rows and tokens");
    states[hidden.skip..].to_vec()
}

/// What a secret, or a lineage, is to the toy model: its first eight bytes.
fn number_of(bytes: [u8; 32]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().unwrap())
}

fn bytes_of_number(number: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}
