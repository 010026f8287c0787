//! KV on its way to a device: for a prompt, for layers that it takes over, and behind a target that leads;
//! and the change of plans that they overlap with.

use super::bringing::Bringing;
use super::device::{Bench, Device, PASS_ROWS_MAX};
use super::kv::{BLOCK, Segment, name_of};
use super::plan::{NODES, OTHER, Plan, Stages};
use super::sky::{Sky, Talk, ms};
use super::toy::LAYERS;
use crate::{Close, Epoch, Message, Open, PlannedStage, Recital, WarmUp};
use base::{KvFormat, LayerRange, NodeName, Position, Privacy, Sampling, TokenId, WireCodec};
use std::time::Instant;

/// A prompt of whole blocks that two compute: the device from the front, what a peer has read from the
/// end.
pub(super) struct Meet {
    pub(super) bringing: Bringing,
    whole: usize,
    /// When the device has computed its next block.
    pub(super) computed_at: Instant,
}

/// KV for layers that the device is to run.
pub(super) struct Moving {
    plan: Plan,
    pub(super) bringing: Option<Bringing>,
    /// What has not come by then is computed.
    pub(super) until: Instant,
}

/// A plan whose stages read the text.
pub(super) struct Next {
    pub(super) plan: Plan,
    pub(super) warm_up: WarmUp,
    pub(super) talk: Talk,
    pub(super) since: Instant,
    /// What its stages hold, as they said last.
    pub(super) held: Option<Position>,
}

/// What comes of a text that a peer leads.
#[derive(Default)]
pub(super) struct Standby {
    pub(super) bringing: Option<Bringing>,
    /// Whole blocks of the text when it was last asked.
    asked: usize,
}

impl Device {
    /// The request's time has come: its prompt's KV is brought, or it begins at once.
    pub(super) fn begin(&mut self, sky: &mut Sky) {
        let (depth, whole) = (self.plan.depth(), self.job.prompt.len() / BLOCK * BLOCK);
        let reader = self.job.reader.filter(|node| self.uplinks[*node].is_up() && depth > 0);
        let text = self.job.prompt[..whole].to_vec();
        let wanted = if depth > 0 { self.lacking(depth, &text) } else { Vec::new() };
        let (Some(node), true) = (reader, wanted.len() >= 2) else {
            return self.start(sky, 0);
        };
        let segments: Vec<_> = wanted.into_iter().rev().collect();
        let open = open_for_reading(sky, node, whole);
        let recital = Recital::new(open, &text, PASS_ROWS_MAX);
        let bringing = Bringing::begin(node, Some(recital), &segments);
        self.meet = Some(Meet { bringing, whole, computed_at: sky.now });
    }

    /// Until both ends meet, or nothing more comes.
    pub(super) fn settle_meet(&mut self, sky: &mut Sky) {
        let Some(mut meet) = self.meet.take() else { return };
        let (depth, text) = (self.plan.depth(), self.job.prompt[..meet.whole].to_vec());
        let come = meet.bringing.take();
        self.import(sky, depth, &come);
        let held = self.adopt(sky, depth, &text);
        if held == meet.whole || meet.bringing.is_over() {
            sky.tally.met += u64::from(held == meet.whole);
            meet.bringing.end(sky);
            return self.start(sky, if held == meet.whole { held } else { 0 });
        }
        if meet.computed_at <= sky.now {
            let Bench { kv, pool } = self.bench(depth);
            let _ = kv.run(&mut sky.oracle, &text[held..(held / BLOCK + 1) * BLOCK], None);
            kv.publish(pool, held);
            meet.computed_at = sky.now + ms(60 + sky.dice.below(60));
        }
        self.meet = Some(meet);
    }

    /// Takes in what has come: of a wrong length it is of no use.
    fn import(&mut self, sky: &mut Sky, depth: u32, come: &[(Segment, Vec<u8>)]) {
        for (segment, bytes) in come {
            let good = self.bench(depth).pool.import(segment, bytes);
            sky.tally.corrupt += u64::from(!good);
        }
    }

    /// Makes the KV of the device's first `depth` layers that of the beginning of `text`, as far as it is
    /// known. How many tokens that is.
    fn adopt(&mut self, sky: &mut Sky, depth: u32, text: &[TokenId]) -> usize {
        let Bench { kv, pool } = self.bench(depth);
        kv.cut_to(text);
        let (held, used) = (kv.len(), kv.used);
        let _ = kv.adopt(&mut sky.oracle, pool, &text[held..], text.len() - held);
        sky.tally.used += kv.used - used;
        kv.len()
    }

    fn lacking(&mut self, depth: u32, text: &[TokenId]) -> Vec<Segment> {
        let Bench { kv, pool } = self.bench(depth);
        kv.lacking(pool, text).into_iter().map(|(_, segment)| segment).collect()
    }

    /// The log, and without the last token, which the target has not run yet.
    fn log(&self) -> Vec<TokenId> {
        self.drafter.as_ref().map_or_else(Vec::new, |drafter| drafter.log().tokens().to_vec())
    }

    /// Another plan is due.
    pub(super) fn replan(&mut self, sky: &mut Sky, plan: Plan) {
        if self.drafter.is_none() {
            return;
        }
        self.note_transfer(sky);
        self.give_up_next(sky);
        self.due = Some(plan);
    }

    fn note_transfer(&mut self, sky: &mut Sky) {
        let flows = self.bringings().iter().any(|bringing| bringing.flows());
        sky.tally.replans_in_transfer += u64::from(flows);
    }

    /// Takes what has come, and the next plan up, where it is time, or ready. Whether the drafter was told
    /// anything.
    pub(super) fn settle_moving(&mut self, sky: &mut Sky) -> bool {
        if self.drafter.is_none() {
            return false;
        }
        self.keep_up(sky);
        self.deliver_to_next(sky);
        if self.next.as_ref().is_some_and(|next| next.warm_up.refused().is_some()) {
            self.give_up_next(sky);
        }
        if let Some(next) = self.next.take_if(|next| next.warm_up.is_warm()) {
            self.part(sky);
            (self.session, self.plan) = (Some(next.talk), next.plan);
            let drafter = self.drafter.as_mut().expect("it goes on");
            drafter.switch_to(sky.now, next.warm_up);
            self.note_switch(sky);
            return true;
        }
        let Some(plan) = self.due.filter(|_| self.next.is_none()) else { return false };
        let there = plan.first().is_none_or(|node| self.uplinks[node].is_up());
        if !there || self.awaits_kv(sky, plan) {
            return false;
        }
        self.due = None;
        self.go(sky, plan);
        true
    }

    fn deliver_to_next(&mut self, sky: &mut Sky) {
        while let Some(next) = &mut self.next
            && let Some(message) = next.warm_up.poll_transmit()
        {
            let (plan, talk) = (next.plan, next.talk);
            if let Message::Pass(pass) = &message {
                let held = next.held.take();
                assert!(held.is_none_or(|held| pass.base <= held), "more is counted than is held");
            }
            let frame = self.with_rows(sky, message, plan);
            sky.send_up(talk, &frame);
        }
    }

    /// Goes on by `plan`, or has its stages read the text first.
    fn go(&mut self, sky: &mut Sky, plan: Plan) {
        let now = sky.now;
        let route = plan.route();
        let same = route.stages == self.plan.route().stages;
        let Some(node) = plan.first() else {
            self.part(sky);
            self.plan = plan;
            self.drafter.iter_mut().for_each(|drafter| drafter.switch(now, route.clone()));
            return self.note_switch(sky);
        };
        if same && self.session.is_some() {
            self.plan = plan;
            self.drafter.iter_mut().for_each(|drafter| drafter.switch(now, route.clone()));
            return self.note_switch(sky);
        }
        let Some(talk) = self.uplinks[node].open(sky) else { return };
        if same || sky.dice.percent(15) {
            self.part(sky);
            (self.session, self.plan) = (Some(talk), plan);
            self.drafter.iter_mut().for_each(|drafter| drafter.switch(now, route.clone()));
            return self.note_switch(sky);
        }
        let told = if sky.dice.percent(85) { self.told(sky, plan) } else { 0 };
        let session = sky.new_session();
        let drafter = self.drafter.as_mut().expect("it goes on");
        let warm_up = drafter.warm_up(route, session, Position::after(told));
        let since = sky.now;
        self.next = Some(Next { plan, warm_up, talk, since, held: None });
        self.deliver_to_next(sky);
    }

    /// How many leading tokens of the log the stages of `plan` are only told of.
    fn told(&mut self, sky: &mut Sky, plan: Plan) -> usize {
        let log = self.log();
        let whole = log.len() / BLOCK * BLOCK;
        match plan.depth() {
            0 => whole,
            depth => self.adopt(sky, depth, &log[..whole]) / BLOCK * BLOCK,
        }
    }

    fn note_switch(&mut self, sky: &mut Sky) {
        self.note_transfer(sky);
        sky.tally.switched += 1;
        sky.tell(&("device", self.index, "goes on by"), &self.plan);
        self.thinking = None;
        let moving = self.moving.take().and_then(|moving| moving.bringing);
        moving.into_iter().for_each(|bringing| bringing.end(sky));
    }

    /// Nobody reads the text any more for a plan to come.
    pub(super) fn give_up_next(&mut self, sky: &mut Sky) {
        if let Some(next) = self.next.take() {
            sky.send_up(next.talk, &Message::Close(Close {}).into());
        }
    }

    /// Whether the device's layers in `plan` wait for KV that is on its way.
    fn awaits_kv(&mut self, sky: &mut Sky, plan: Plan) -> bool {
        if plan.depth() == 0 {
            return false;
        }
        if self.moving.as_ref().is_none_or(|moving| moving.plan != plan) {
            let before = self.moving.take().and_then(|moving| moving.bringing);
            before.into_iter().for_each(|bringing| bringing.end(sky));
            let bringing = self.bring_for(plan);
            let until = sky.now + ms(200 + sky.dice.below(3000));
            self.moving = Some(Moving { plan, bringing, until });
        }
        let moving = self.moving.as_mut().expect("it is there now");
        let Some(bringing) = &mut moving.bringing else { return false };
        let come = bringing.take();
        let over = bringing.is_over() || sky.now >= moving.until;
        if let Some(bringing) = moving.bringing.take_if(|_| over) {
            bringing.end(sky);
        }
        self.import(sky, plan.depth(), &come);
        !over
    }

    fn bring_for(&mut self, plan: Plan) -> Option<Bringing> {
        let node = self.leader()?;
        let log = self.log();
        let wanted = self.lacking(plan.depth(), &log[..log.len() - 1]);
        (!wanted.is_empty()).then(|| Bringing::begin(node, None, &wanted))
    }

    /// The node that runs the whole target now, if one does.
    fn leader(&self) -> Option<usize> {
        let Stages::Remote { node } = self.plan.stages else { return None };
        self.uplinks[node].is_up().then_some(node)
    }

    /// Takes what has come, and asks for what is new.
    fn keep_up(&mut self, sky: &mut Sky) {
        if !self.job.stands_by {
            return;
        }
        if let Some(bringing) = &mut self.standby.bringing {
            let come = bringing.take();
            let over = bringing.is_over();
            self.import(sky, LAYERS, &come);
            if !over {
                return;
            }
            self.standby.bringing.take().into_iter().for_each(|bringing| bringing.end(sky));
        }
        let (log, Some(node)) = (self.log(), self.leader()) else { return };
        let (text, whole) = (&log[..log.len() - 1], (log.len() - 1) / BLOCK);
        if whole <= self.standby.asked {
            return;
        }
        self.standby.asked = whole;
        let wanted = self.lacking(LAYERS, text);
        if !wanted.is_empty() {
            self.standby.bringing = Some(Bringing::begin(node, None, &wanted));
        }
    }

    /// The target is lost: a device that stood by is it, until the one before is due again.
    pub(super) fn stand_in(&mut self, sky: &mut Sky) {
        let was_led = matches!(self.plan.stages, Stages::Remote { .. });
        if self.job.stands_by && was_led && sky.dice.percent(70) {
            let before = self.plan;
            self.give_up_next(sky);
            self.go(sky, Plan::local());
            self.due.get_or_insert(before);
        }
    }

    /// Asks `node` for what is not the device's own: names at random, of its own texts of before, and of
    /// the `prompts` of others, as far as it can name them.
    pub(super) fn pry(&mut self, sky: &mut Sky, node: usize, prompts: &[Vec<TokenId>]) {
        let layers = LayerRange::all(1 + sky.dice.below_u32(LAYERS));
        let mut names: Vec<_> = (0..2).map(|_| name_of(sky.dice.roll())).collect();
        names.extend(self.whose.names(&self.job.prompt));
        names.extend(prompts.iter().flat_map(|prompt| self.whose.names(prompt)));
        let wanted: Vec<_> = names.into_iter().map(|name| Segment { name, layers }).collect();
        let before = self.pry.replace(Bringing::prying(node, &wanted));
        before.into_iter().for_each(|bringing| bringing.end(sky));
    }
}

/// A session in which `node` reads a text of so many tokens.
fn open_for_reading(sky: &mut Sky, node: usize, length: usize) -> Open {
    let stage = PlannedStage {
        node: NodeName::new(NODES[node]).unwrap(),
        layers: LayerRange::all(LAYERS),
        embedding: true,
        head: true,
        codec: WireCodec::F32,
        scales: Vec::new(),
    };
    assert!(node <= OTHER, "there is such a node");
    Open {
        session: sky.new_session(),
        epoch: Epoch(1),
        have: Position(0),
        sampling: Sampling::GREEDY,
        stages: vec![stage],
        end_tokens: Vec::new(),
        positions_max: Position::after(length).0,
        kv: KvFormat::F16,
        stream: None,
        tenant: None,
        lineage: None,
        class: Privacy::Anywhere,
        constraint: None,
        likelihoods: None,
        trace: None,
    }
}
