//! A device and its shell: what comes, what is shown, drafted, said and sent.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it expects, and panics on the rest"
)]

use super::bringing::Bringing;
use super::kv::{Pool, Sequence, Whose};
use super::moving::{Meet, Moving, Next, Standby};
use super::node::epoch_of;
use super::plan::Plan;
use super::sky::{Happening, Sky, Talk, Who, ms};
use super::toy::{self, END, LAYERS};
use super::uplink::{Turn, Uplink};
use crate::{
    AfterOutage, Close, Drafted, Drafter, DrafterConfig, DrafterEvent, Epoch, Fault, FaultKind,
    Frame, Hidden, Message, Origin, PrefixHash, Tuning, Wish,
};
use base::{KvFormat, LayerRange, Position, Privacy, Sampling, TokenId, WireCodec};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Most positions of a session.
const POSITIONS_MAX: u32 = 600;

/// Gaps in a row: of a told pass, and of one that overtook it.
const GAPS_MAX: u32 = 2;

/// Most rows of a pass.
pub(super) const PASS_ROWS_MAX: usize = 16;

/// What a device is given to do.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) prompt: Vec<TokenId>,
    pub(super) tokens_max: u32,
    pub(super) plan: Plan,
    pub(super) after_outage: AfterOutage,
    /// Share of drafts that are right, in percent.
    pub(super) accept: u64,
    /// The node that reads its prompts for it, if any.
    pub(super) reader: Option<usize>,
    /// Keeps up with a target that leads.
    pub(super) stands_by: bool,
    /// What the requests after the first add to the text.
    pub(super) turns: Vec<Vec<TokenId>>,
}

pub(super) struct Device {
    pub(super) index: usize,
    pub(super) whose: Whose,
    pub(super) job: Job,
    /// By node.
    pub(super) uplinks: Vec<Uplink>,
    /// The first layers of the target, by how many, each with a pool.
    pub(super) stages: BTreeMap<u32, Bench>,
    /// `None` before the request begins.
    pub(super) drafter: Option<Drafter>,
    pub(super) plan: Plan,
    pub(super) session: Option<Talk>,
    pub(super) meet: Option<Meet>,
    pub(super) due: Option<Plan>,
    pub(super) next: Option<Next>,
    pub(super) moving: Option<Moving>,
    pub(super) standby: Standby,
    pub(super) pry: Option<Bringing>,
    pub(super) thinking: Option<Thinking>,
    /// All is done.
    pub(super) over: bool,

    /// The newest epoch that its session was told of.
    spoken: Option<Epoch>,
    /// Gaps that its session has told in a row.
    gaps: u32,

    pub(super) shown: Vec<TokenId>,
    pub(super) marks: Vec<bool>,
    /// When something was shown last, or what was shown got the target's word.
    pub(super) heard: Instant,
}

/// Layers that the device runs itself.
pub(super) struct Bench {
    pub(super) kv: Sequence,
    pub(super) pool: Pool,
}

/// What the device's own model works on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thinking {
    purpose: Purpose,
    token: TokenId,
    pub(super) ready: Instant,
}

#[derive(Debug, Clone, Copy)]
enum Purpose {
    Draft(Wish),
    Word(Position),
}

impl Device {
    pub(super) fn new(
        index: usize,
        whose: Whose,
        job: Job,
        uplinks: Vec<Uplink>,
        heard: Instant,
    ) -> Self {
        Self {
            index,
            whose,
            plan: job.plan,
            job,
            uplinks,
            stages: BTreeMap::new(),
            drafter: None,
            session: None,
            meet: None,
            due: None,
            next: None,
            moving: None,
            standby: Standby::default(),
            pry: None,
            thinking: None,
            over: false,
            spoken: None,
            gaps: 0,
            shown: Vec::new(),
            marks: Vec::new(),
            heard,
        }
    }

    /// The KV of its first `depth` layers.
    pub(super) fn bench(&mut self, depth: u32) -> &mut Bench {
        let whose = self.whose;
        self.stages.entry(depth).or_insert_with(|| {
            let kv = Sequence::new(whose, LayerRange::all(depth));
            Bench { kv, pool: Pool::default() }
        })
    }

    /// Begins the request; its stages are told of the first `told` tokens.
    pub(super) fn start(&mut self, sky: &mut Sky, told: usize) {
        let config = DrafterConfig {
            session: sky.new_session(),
            epoch: Epoch(1),
            have: Position(0),
            sampling: Sampling::GREEDY,
            route: self.plan.route(),
            prompt: self.job.prompt.clone(),
            tokens_max: self.job.tokens_max,
            positions_max: POSITIONS_MAX,
            kv: KvFormat::F16,
            stream: None,
            end_tokens: vec![END],
            tuning: Tuning::default(),
            class: Privacy::Anywhere,
            constraint: None,
            likelihoods: None,
            trace: None,
            pass_rows_max: PASS_ROWS_MAX,
            retransmit: None,
            retry: ms(300),
            after_outage: self.job.after_outage,
        };
        let mut drafter = Drafter::new(config, sky.now);
        drafter.tell(Position::after(told));
        (self.shown, self.marks, self.heard) = (Vec::new(), Vec::new(), sky.now);
        if let Some(node) = self.plan.first() {
            self.session = self.uplinks[node].open(sky);
            if self.session.is_none() {
                drafter.handle_link_lost(sky.now);
            }
        }
        (self.spoken, self.gaps, self.drafter) = (None, 0, Some(drafter));
    }

    /// A frame came.
    pub(super) fn hear(&mut self, sky: &mut Sky, node: usize, talk: Talk, frame: &Frame) {
        let now = sky.now;
        if !self.uplinks[node].hears(sky, talk, &frame.message) {
            return;
        }
        let whose = self.whose;
        if self.bringings().into_iter().any(|bringing| bringing.hear(sky, talk, frame, whose)) {
            return;
        }
        let Some(drafter) = &mut self.drafter else { return };
        let held = match &frame.message {
            Message::Fault(Fault { kind: FaultKind::Gap { held, .. }, .. }) => Some(*held),
            _ => None,
        };
        let gap = held.is_some();
        sky.tally.gaps += u64::from(gap);
        if let Some(next) = self.next.as_mut().filter(|next| next.talk == talk) {
            match &frame.message {
                Message::Opened(opened) => next.warm_up.handle_opened(drafter, opened),
                Message::Verdict(verdict) => next.warm_up.handle_verdict(drafter, verdict),
                Message::Fault(fault) => next.warm_up.handle_fault(drafter, fault),
                other => panic!("a device got {other:?}"),
            }
            next.held = held.or(next.held);
            assert!(!gap || next.warm_up.refused().is_none(), "no stage loses what it has read");
        } else if self.session == Some(talk) {
            let stale = epoch_of(&frame.message) < self.spoken;
            self.gaps = if gap { self.gaps + u32::from(!stale) } else { 0 };
            assert!(self.gaps <= GAPS_MAX, "the same is missing again and again");
            let state = |it: &Drafter| {
                let log = (it.log().tokens().to_vec(), it.log().verified().to_vec());
                (log, it.in_flight(), it.is_alone())
            };
            let before = stale.then(|| state(drafter));
            match &frame.message {
                Message::Opened(opened) => drafter.handle_opened(now, opened).unwrap(),
                Message::Verdict(verdict) => drafter.handle_verdict(now, verdict).unwrap(),
                Message::Fault(fault) => drafter.handle_fault(now, fault),
                other => panic!("a device got {other:?}"),
            }
            sky.tally.stale += u64::from(stale);
            assert!(before.is_none_or(|it| it == state(drafter)), "what is void is taken");
        }
    }

    /// All that is on its way.
    pub(super) fn bringings(&mut self) -> Vec<&mut Bringing> {
        let moving = self.moving.as_mut().and_then(|moving| moving.bringing.as_mut());
        let meet = self.meet.as_mut().map(|meet| &mut meet.bringing);
        let standby = self.standby.bringing.as_mut();
        [moving, meet, standby, self.pry.as_mut()].into_iter().flatten().collect()
    }

    /// The link over which segments are on their way to it.
    pub(super) fn busy_link(&mut self) -> Option<usize> {
        let node = self.bringings().iter().find(|one| one.flows()).map(|one| one.node)?;
        Some(self.uplinks[node].link)
    }

    /// Everything is carried out that can be.
    pub(super) fn settle(&mut self, sky: &mut Sky) {
        self.settle_uplinks(sky);
        self.settle_meet(sky);
        if self.drafter.is_some() {
            self.end_thinking(sky);
            self.drafter.iter_mut().for_each(|drafter| drafter.handle_timeout(sky.now));
            // What it says next may be due to what it was told here.
            loop {
                self.settle_drafter(sky);
                if !self.settle_moving(sky) {
                    break;
                }
            }
        }
        let mut bringings = std::mem::take(&mut self.pry).into_iter().collect::<Vec<_>>();
        bringings.retain(|pry| !pry.is_over());
        self.pry = bringings.pop();
        self.pry.iter_mut().for_each(|pry| drop(pry.take()));
        self.settle_bringings(sky);
        self.settle_uplinks(sky);
        let wake = self.wake_at(sky.now);
        sky.wake(Who::Device(self.index), wake);
    }

    fn settle_bringings(&mut self, sky: &mut Sky) {
        let mut moving = self.moving.take();
        let mut meet = self.meet.take();
        let mut standby = self.standby.bringing.take();
        let mut pry = self.pry.take();
        let of_moving = moving.as_mut().and_then(|moving| moving.bringing.as_mut());
        let of_meet = meet.as_mut().map(|meet| &mut meet.bringing);
        let all = [of_moving, of_meet, standby.as_mut(), pry.as_mut()];
        for bringing in all.into_iter().flatten() {
            bringing.settle(sky, &self.uplinks[bringing.node]);
        }
        (self.moving, self.meet, self.standby.bringing, self.pry) = (moving, meet, standby, pry);
    }

    fn settle_uplinks(&mut self, sky: &mut Sky) {
        for node in 0..self.uplinks.len() {
            let on = |talk: Option<Talk>, link: usize| talk.is_some_and(|talk| talk.link == link);
            let link = self.uplinks[node].link;
            let waits = self.drafter.as_ref().is_some_and(Drafter::is_waiting);
            let waits = waits && on(self.session, link)
                || on(self.next.as_ref().map(|next| next.talk), link)
                || self.bringings().iter().any(|one| one.node == node && one.waits());
            for turn in self.uplinks[node].settle(sky, waits) {
                sky.tell(&("device", self.index, "uplink", node), &turn);
                match turn {
                    Turn::Lost => self.lose(sky, node),
                    Turn::Back => self.come_back(sky, node),
                }
            }
        }
    }

    fn lose(&mut self, sky: &mut Sky, node: usize) {
        let link = self.uplinks[node].link;
        for bringing in self.bringings().into_iter().filter(|one| one.node == node) {
            bringing.lose(sky);
        }
        if let Some(next) = self.next.take_if(|next| next.talk.link == link) {
            self.due.get_or_insert(next.plan);
        }
        if self.session.take_if(|session| session.link == link).is_some() {
            let Some(drafter) = &mut self.drafter else { return };
            drafter.handle_link_lost(sky.now);
            self.stand_in(sky);
        }
    }

    fn come_back(&mut self, sky: &mut Sky, node: usize) {
        let Some(drafter) = self.drafter.as_mut().filter(|it| it.finished().is_none()) else {
            return;
        };
        if self.plan.first() == Some(node) && self.session.is_none() {
            self.session = self.uplinks[node].open(sky);
            if self.session.is_some() {
                drafter.handle_link_back(sky.now);
            }
        }
    }

    fn settle_drafter(&mut self, sky: &mut Sky) {
        while let Some(event) = self.drafter.as_mut().and_then(Drafter::poll_event) {
            sky.tell(&("device", self.index), &event);
            self.on_event(sky, &event);
        }
        self.think(sky);
        while let Some(message) = self.drafter.as_mut().and_then(Drafter::poll_transmit) {
            let frame = self.with_rows(sky, message, self.plan);
            if let Some(talk) = self.session {
                self.spoken = self.spoken.max(epoch_of(&frame.message));
                sky.send_up(talk, &frame);
            }
        }
    }

    fn on_event(&mut self, sky: &mut Sky, event: &DrafterEvent) {
        let prompt = self.job.prompt.len();
        match event {
            DrafterEvent::Commit { at, tokens, verified } => {
                assert_eq!(at.index(), prompt + self.shown.len(), "each position once, in order");
                self.shown.extend(tokens);
                self.heard = sky.now;
                let drafter = self.drafter.as_ref().expect("it speaks");
                sky.tally.as_target += u64::from(*verified && drafter.speaks_as_target());
            }
            DrafterEvent::Revised { at, removed } => {
                let kept = at.index() - prompt;
                assert_eq!(kept + removed, self.shown.len(), "the end is taken back");
                assert_eq!(self.job.after_outage, AfterOutage::Revise);
                assert!(!self.marks[kept..].contains(&true), "a verified token is taken back");
                self.shown.truncate(kept);
                self.marks.truncate(kept);
            }
            DrafterEvent::Judged { .. } => self.heard = sky.now,
            DrafterEvent::Finished(_) => self.finish(sky),
            DrafterEvent::Alone { .. } | DrafterEvent::Rejoined => {}
        }
    }

    /// The request is over; the next one begins, or all is done.
    fn finish(&mut self, sky: &mut Sky) {
        self.check_end(sky);
        self.give_up_next(sky);
        let moving = self.moving.take().and_then(|moving| moving.bringing);
        let standby = std::mem::take(&mut self.standby).bringing;
        moving.into_iter().chain(standby).for_each(|bringing| bringing.end(sky));
        (self.due, self.thinking) = (None, None);
        let mut drafter = self.drafter.take().expect("it has just finished");
        sky.tally.failovers += drafter.counts().failovers;
        while let Some(message) = drafter.poll_transmit() {
            let message: Frame = message.into();
            self.session.iter().for_each(|talk| sky.send_up(*talk, &message));
        }
        self.part(sky);
        match self.job.turns.pop() {
            Some(more) => {
                self.job.prompt = [drafter.log().tokens(), &more].concat();
                sky.plan(sky.now + ms(100), Happening::Begin(self.index));
            }
            None => self.over = true,
        }
    }

    /// The session is over.
    pub(super) fn part(&mut self, sky: &mut Sky) {
        if let Some(talk) = self.session.take() {
            sky.send_up(talk, &Message::Close(Close {}).into());
        }
    }

    /// The device's own model is set to work, unless what it works on is still wanted.
    fn think(&mut self, sky: &mut Sky) {
        let Some(drafter) = &self.drafter else { return };
        let wanted = self.thinking.is_some_and(|thinking| match thinking.purpose {
            Purpose::Draft(wish) => drafter.wants(wish),
            Purpose::Word(at) => drafter.is_alone() && at == drafter.log().end(),
        });
        if wanted {
            return;
        }
        let text: Vec<_> = drafter.log().tokens().iter().copied().chain(drafter.ahead()).collect();
        let (model, accept) = (self.whose.model, self.job.accept);
        let own = |sky: &mut Sky| toy::draft(&text, sky.oracle.target(model, &text), accept);
        self.thinking = if let Some(wish) = drafter.wish() {
            let ready = sky.now + ms(3);
            Some(Thinking { purpose: Purpose::Draft(wish), token: own(sky), ready })
        } else if drafter.is_alone() {
            let purpose = Purpose::Word(drafter.log().end());
            let (token, rows) = match drafter.speaks_as_target() {
                true => self.own_word(sky, &text),
                false => (own(sky), 0),
            };
            let time = ms(15) + Duration::from_millis(2) * rows;
            Some(Thinking { purpose, token, ready: sky.now + time })
        } else {
            None
        };
    }

    /// What the target says after `text`, here, and how many rows that takes.
    fn own_word(&mut self, sky: &mut Sky, text: &[TokenId]) -> (TokenId, u32) {
        let Bench { kv, pool } = self.bench(LAYERS);
        kv.cut_to(&text[..text.len() - 1]);
        let before = (kv.len(), kv.used);
        let _ = kv.adopt(&mut sky.oracle, pool, &text[before.0..], text.len() - 1 - before.0);
        sky.tally.used += kv.used - before.1;
        let from = kv.len();
        let out = kv.run(&mut sky.oracle, &text[from..], None);
        kv.publish(pool, from);
        let word = toy::choice(*out.last().expect("a row is run"));
        (word, u32::try_from(out.len()).unwrap())
    }

    fn end_thinking(&mut self, sky: &Sky) {
        let now = sky.now;
        let Some(thinking) = self.thinking.take_if(|it| it.ready <= now) else { return };
        let Some(drafter) = &mut self.drafter else { return };
        let token = thinking.token;
        match thinking.purpose {
            Purpose::Draft(wish) => {
                let (origin, confidence, took) = (Origin::Model, 0.7, ms(3));
                let draft = Drafted { token, origin, confidence, took };
                drafter.handle_draft(now, wish, Some(draft));
            }
            Purpose::Word(at) => drafter.handle_local_token(now, at, token),
        }
    }

    /// The device's layers in `plan` run the tokens of a pass.
    pub(super) fn with_rows(&mut self, sky: &mut Sky, message: Message, plan: Plan) -> Frame {
        let Message::Pass(mut pass) = message else { return message.into() };
        if pass.told || plan.depth() == 0 {
            return Message::Pass(pass).into();
        }
        let drafter = self.drafter.as_ref().expect("passes are of a request");
        let log = drafter.log().tokens().iter().copied();
        let text: Vec<_> = log.chain(drafter.ahead()).take(pass.base.index()).collect();
        let check = PrefixHash::EMPTY.extend(&text).check();
        assert_eq!(check, pass.prefix, "the rows that the shell lacks are of the pass's own text");
        let Bench { kv, pool } = self.bench(plan.depth());
        kv.cut_to(&text);
        let (held, used) = (kv.len(), kv.used);
        let held = held + kv.adopt(&mut sky.oracle, pool, &text[held..], text.len() - held);
        sky.tally.used += kv.used - used;
        let _ = kv.run(&mut sky.oracle, &text[held..], None);
        let out = kv.run(&mut sky.oracle, &pass.tokens, None);
        kv.publish(pool, held);
        let payload = toy::encode(&out, plan.codec());
        let bytes = u32::try_from(payload.len()).unwrap();
        let codec: WireCodec = plan.codec();
        pass.hidden = Some(Hidden { codec, width: 2, bytes });
        Frame { message: Message::Pass(pass), payload }
    }

    fn wake_at(&self, now: Instant) -> Option<Instant> {
        let drafter = self.drafter.as_ref().and_then(Drafter::poll_timeout).map(|(at, _)| at);
        let uplinks = self.uplinks.iter().filter_map(|uplink| uplink.health.poll_timeout());
        let thinking = self.thinking.map(|thinking| thinking.ready);
        let meet = self.meet.as_ref().map(|meet| meet.computed_at);
        // Once that is over it waits for something else.
        let moving = self.moving.as_ref().map(|moving| moving.until).filter(|until| *until > now);
        let own = [drafter, thinking, meet, moving].into_iter().flatten();
        own.chain(uplinks.map(|(at, _)| at)).min()
    }
}
