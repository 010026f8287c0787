//! A site and what befalls it: devices of two tenants, a gateway, its cloud, and a cloud of another model.

use super::super::link::Weather;
use super::super::setup::read;
use super::device::{Device, Job};
use super::kv::Whose;
use super::node::Node;
use super::plan::{CLOUD, GATEWAY, NODES, OTHER, Plan, model_of};
use super::sky::{Fate, Happening, Link, Sky, Who, ms};
use super::uplink::Uplink;
use crate::AfterOutage;
use crate::dice::Dice;
use base::TokenId;
use std::time::{Duration, Instant};

pub(super) struct Site {
    pub(super) sky: Sky,
    pub(super) nodes: Vec<Node>,
    pub(super) devices: Vec<Device>,
    /// Until when what befell so far lasts.
    pub(super) mishaps: Vec<Instant>,
    /// What devices are asked first.
    prompts: Vec<Vec<TokenId>>,
}

impl Site {
    /// Everything that may vary, does.
    pub(super) fn new(seed: u64, dawn: Instant, told: bool) -> Self {
        let mut dice = Dice(seed ^ 0x0517e);
        let mut sky = Sky::new(seed, dawn, told);
        let upstream = uplink(&mut sky, &mut dice, Who::Node(GATEWAY), None, CLOUD);
        let mut upstream = Some(upstream);
        let nodes =
            (0..NODES.len()).map(|node| Node::new(node, upstream.take_if(|_| node == GATEWAY)));
        let nodes = nodes.collect();
        let prompts: Vec<_> = (0..2).map(|_| text(&mut dice, 6, 60)).collect();
        let tenants = [dice.roll(), dice.roll()];
        let mut devices = Vec::new();
        for index in 0..3 + usize::from(dice.percent(50)) {
            let tenant = tenants[if index < 2 { index } else { usize::from(dice.percent(50)) }];
            let model = model_of(if index == 2 && dice.percent(30) { OTHER } else { CLOUD });
            let who = Who::Device(index);
            let uplinks = (0..NODES.len())
                .map(|node| uplink(&mut sky, &mut dice, who, Some(tenant), node))
                .collect();
            let job = job(&mut dice, &prompts, model);
            let whose = Whose { tenant, model, lineage: 0 };
            devices.push(Device::new(index, whose, job, uplinks, dawn));
            sky.plan(dawn + ms(150 + dice.below(1500)), Happening::Begin(index));
        }
        for _ in 0..8 + dice.below(18) {
            let (at, fate) = (ms(200 + dice.below(5000)), fate(&mut dice, &sky, &devices));
            sky.plan(dawn + at, Happening::Fate(fate));
        }
        let mut site = Self { sky, nodes, devices, mishaps: Vec::new(), prompts };
        site.nodes.iter_mut().for_each(|node| node.settle(&mut site.sky));
        site.devices.iter_mut().for_each(|device| device.settle(&mut site.sky));
        site
    }

    /// Until all requests have ended.
    pub(super) fn run(&mut self) {
        while !self.devices.iter().all(|device| device.over) {
            let late = self.sky.now - self.sky.dawn;
            assert!(late < Duration::from_secs(600), "no end after {late:?}");
            let Some(((at, _), happening)) = self.sky.agenda.pop_first() else {
                panic!("nothing is going to happen, and a request has not ended")
            };
            self.sky.now = at;
            for who in self.happen(happening) {
                self.settle(who);
            }
        }
    }

    fn settle(&mut self, who: Who) {
        match who {
            Who::Device(index) => {
                self.devices[index].settle(&mut self.sky);
                self.check_device(index);
            }
            Who::Node(index) => {
                self.nodes[index].settle(&mut self.sky);
                self.nodes[index].check();
            }
        }
    }

    /// Whom it concerns.
    fn happen(&mut self, happening: Happening) -> Vec<Who> {
        let sky = &mut self.sky;
        match happening {
            Happening::Up(talk, bytes) => {
                let Link { accepted, node, .. } = sky.links[talk.link];
                if accepted != Some(talk.connection) {
                    return Vec::new();
                }
                self.nodes[node].hear(sky, talk, read(&bytes));
                vec![Who::Node(node)]
            }
            Happening::Down(talk, bytes) => {
                let Link { dialler, node, .. } = sky.links[talk.link];
                match dialler {
                    Who::Device(index) => {
                        self.devices[index].hear(sky, node, talk, &read(&bytes));
                    }
                    Who::Node(index) => self.nodes[index].hear_above(sky, talk, read(&bytes)),
                }
                vec![dialler]
            }
            Happening::Dialled(link) => {
                let Link { dialler, node, .. } = sky.links[link];
                let alive = !self.nodes[node].dead;
                self.with_uplink(link, |uplink, sky| uplink.dialled(sky, alive));
                self.nodes[node].accepted(link, self.sky.links[link].accepted);
                vec![dialler]
            }
            Happening::Closed(link, connection) => {
                self.with_uplink(link, |uplink, sky| uplink.closed(sky, connection));
                vec![self.sky.links[link].dialler]
            }
            Happening::Done { node, session, work, outcome } => {
                self.nodes[node].done(sky.now, session, work, outcome);
                vec![Who::Node(node)]
            }
            Happening::Wake(who) => Vec::from_iter(sky.wakes(who).then_some(who)),
            Happening::Begin(index) => {
                self.devices[index].begin(sky);
                vec![Who::Device(index)]
            }
            Happening::Fate(fate) => self.befall(fate),
            Happening::Reborn(node) => self.reborn(node),
        }
    }

    fn with_uplink(&mut self, link: usize, act: impl FnOnce(&mut Uplink, &mut Sky)) {
        let uplink = match self.sky.links[link].dialler {
            Who::Device(index) => {
                self.devices[index].uplinks.iter_mut().find(|uplink| uplink.link == link)
            }
            Who::Node(index) => self.nodes[index].upstream.as_mut(),
        };
        act(uplink.expect("a link has a dialler"), &mut self.sky);
    }

    fn befall(&mut self, fate: Fate) -> Vec<Who> {
        let (now, sky) = (self.sky.now, &mut self.sky);
        sky.tell(&"fate", &fate);
        match fate {
            Fate::Cut { link, aimed, length } => {
                let mut busy = self.devices.iter_mut().filter_map(Device::busy_link);
                let link = busy.next().filter(|_| aimed).unwrap_or(link);
                sky.links[link].cuts.push((now, now + length));
                self.mishaps.push(now + length);
            }
            Fate::Death { node, aimed, down, stored } => {
                let node =
                    self.nodes.iter().position(Node::is_asked).filter(|_| aimed).unwrap_or(node);
                if self.nodes[node].dead {
                    return Vec::new();
                }
                self.nodes[node].die(sky, stored);
                for link in sky.links.iter_mut().filter(|link| link.node == node) {
                    link.accepted = None;
                }
                self.mishaps.push(now + down);
                sky.plan(now + down, Happening::Reborn(node));
            }
            Fate::Evict(Who::Node(node), percent) => {
                self.nodes[node].pool.evict(&mut sky.dice, percent);
            }
            Fate::Evict(Who::Device(index), percent) => {
                let benches = self.devices[index].stages.values_mut();
                benches.for_each(|bench| bench.pool.evict(&mut sky.dice, percent));
            }
            Fate::Replan(index, plan) => {
                self.mishaps.push(now);
                self.devices[index].replan(sky, plan);
                return vec![Who::Device(index)];
            }
            Fate::Pry(index, node) => {
                self.devices[index].pry(sky, node, &self.prompts);
                return vec![Who::Device(index)];
            }
            Fate::Corrupt(node) => self.nodes[node].corrupts += 1,
        }
        Vec::new()
    }

    /// A node is back, and resets the connections that it had.
    fn reborn(&mut self, node: usize) -> Vec<Who> {
        let sky = &mut self.sky;
        self.nodes[node].dead = false;
        if let Some(upstream) = &mut self.nodes[node].upstream {
            *upstream = Uplink::new(upstream.link, sky.now);
        }
        for link in 0..sky.links.len() {
            let Link { dialler, node: of, .. } = sky.links[link];
            if of != node {
                continue;
            }
            let uplink = match dialler {
                Who::Device(index) => self.devices[index].uplinks.iter().find(|up| up.link == link),
                Who::Node(index) => self.nodes[index].upstream.as_ref(),
            };
            let connection = uplink.and_then(Uplink::connection);
            let told = sky.links[link].cut_until(sky.now).unwrap_or(sky.now) + ms(20);
            if let Some(connection) = connection {
                sky.plan(told, Happening::Closed(link, connection));
            }
        }
        vec![Who::Node(node)]
    }
}

fn uplink(sky: &mut Sky, dice: &mut Dice, who: Who, tenant: Option<u64>, node: usize) -> Uplink {
    let (delay, jitter) = (ms(1 + dice.below(35)), ms(dice.below(10)));
    let weather = Weather { delay, jitter, loss: 0, repeat: 0, reorder: false };
    sky.links.push(Link::new(who, tenant, node, weather));
    Uplink::new(sky.links.len() - 1, sky.now)
}

fn text(dice: &mut Dice, from: u64, to: u64) -> Vec<TokenId> {
    (0..from + dice.below(to - from)).map(|_| TokenId(1 + dice.below_u32(6))).collect()
}

fn job(dice: &mut Dice, prompts: &[Vec<TokenId>], model: u8) -> Job {
    let mut prompt = prompts[usize::from(dice.percent(30))].clone();
    if dice.percent(30) {
        prompt.extend(text(dice, 1, 12));
    }
    let reader = match model {
        0 => usize::from(dice.percent(70)),
        _ => OTHER,
    };
    Job {
        prompt,
        tokens_max: 30 + dice.below_u32(90),
        plan: Plan::any(dice, model),
        after_outage: if dice.percent(50) { AfterOutage::Keep } else { AfterOutage::Revise },
        accept: 40 + dice.below(60),
        reader: dice.percent(70).then_some(reader),
        stands_by: dice.percent(50),
        turns: (0..dice.below(3)).map(|_| text(dice, 1, 9)).collect(),
    }
}

fn fate(dice: &mut Dice, sky: &Sky, devices: &[Device]) -> Fate {
    let below = |dice: &mut Dice, bound: usize| usize::try_from(dice.below(bound as u64)).unwrap();
    let device = below(dice, devices.len());
    let node = [GATEWAY, CLOUD, CLOUD, GATEWAY, OTHER][below(dice, 5)];
    match dice.below(100) {
        0..30 => {
            let length = if dice.percent(85) { dice.below(2000) } else { dice.below(6000) };
            let (link, aimed) = (below(dice, sky.links.len()), dice.percent(60));
            Fate::Cut { link, aimed, length: ms(30 + length) }
        }
        30..41 => {
            let (aimed, stored) = (dice.percent(60), dice.percent(50));
            Fate::Death { node, aimed, down: ms(dice.below(1500)), stored }
        }
        41..48 => Fate::Evict(Who::Node(node), 20 + dice.below(81)),
        48..52 => Fate::Evict(Who::Device(device), 20 + dice.below(81)),
        52..87 => Fate::Replan(device, Plan::any(dice, devices[device].whose.model)),
        87..95 => Fate::Pry(device, below(dice, NODES.len())),
        _ => Fate::Corrupt(node),
    }
}
