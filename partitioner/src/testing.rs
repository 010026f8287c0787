//! Worlds for tests: three tiers by hand, and any number of small ones from a seed.

use crate::{
    Admission, Certificate, Certificates, Criteria, Demand, Link, NodeState, Objective,
    QualityBudget, Situation,
};
use base::{ByteCount, LayerRange, ModelFingerprint, NodeName, Privacy, Role, WireCodec};
use profile::{
    Curve, Estimate, LinkEstimate, ModelProfile, NodeProfile, PassTimes, Power, Surface, Weights,
};

pub(crate) const MIB: u64 = 1 << 20;

/// Numbers from a seed: SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap()) / f64::from(u32::MAX)
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// From `low` to `high`, both included.
    pub(crate) fn count(&mut self, low: u32, high: u32) -> u32 {
        low + u32::try_from(self.next() % u64::from(high - low + 1)).unwrap()
    }

    pub(crate) fn chance(&mut self, of: f64) -> bool {
        self.unit() < of
    }
}

pub(crate) fn name(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

pub(crate) fn range(start: u32, end: u32) -> LayerRange {
    LayerRange::new(start, end).unwrap()
}

/// A model of `layers` layers of 10 MiB, each of which takes `layer_us` for a row and a tenth of that
/// for each further one.
pub(crate) fn model(layers: u32, layer_us: f32) -> ModelProfile {
    let layer = Surface::flat(Curve::line(layer_us, layer_us / 10.0).unwrap());
    ModelProfile {
        model: ModelFingerprint([7; 32]),
        layers,
        width: 1_024,
        holds: LayerRange::all(layers),
        times: PassTimes {
            overhead_us: layer_us / 2.0,
            layer,
            embedding: Curve::line(layer_us / 20.0, 1.0).unwrap(),
            head: Curve::line(layer_us, layer_us / 4.0).unwrap(),
        },
        weights: Weights {
            layer: ByteCount(10 * MIB),
            embedding: ByteCount(20 * MIB),
            head: ByteCount(20 * MIB),
            kv_position: ByteCount(1_024),
        },
        paced: false,
    }
}

pub(crate) fn node(name_: &str, role: Role, target: Option<ModelProfile>) -> NodeState {
    let profile = NodeProfile {
        node: name(name_),
        role,
        measured_unix_s: 0,
        target,
        draft: None,
        memory: ByteCount(10_000 * MIB),
        load: 0.0,
        power: None,
        price_per_hour: None,
    };
    NodeState { profile, load_age_s: 0.0, admission: Admission::Open }
}

pub(crate) fn link(from: &str, to: &str, rtt_ms: f64, mbps: f64) -> Link {
    let estimate = LinkEstimate {
        rtt_ms: Estimate::exactly(rtt_ms),
        loss: Estimate::exactly(0.0),
        up_mbps: Estimate::exactly(mbps),
        down_mbps: Estimate::exactly(mbps),
        price_per_gigabyte: None,
    };
    Link { from: name(from), to: name(to), estimate }
}

/// A car with a draft model and a slow target, a site near by, a cloud far away: 24 layers.
pub(crate) fn three_tiers() -> Situation {
    let mut car = node("car", Role::Device, Some(model(24, 4_000.0)));
    car.profile.draft = Some(model(4, 2_000.0));
    car.profile.power = Some(Power { idle_w: 5.0, busy_w: 25.0 });
    let mut cloud = node("cloud", Role::Cloud, Some(model(24, 1_000.0)));
    cloud.profile.price_per_hour = Some(3.6);
    let site = node("site", Role::Gateway, Some(model(24, 2_000.0)));
    let mut far = link("car", "cloud", 60.0, 20.0);
    far.estimate.price_per_gigabyte = Some(5.0);
    Situation {
        device: name("car"),
        nodes: vec![car, site, cloud],
        links: vec![link("car", "site", 4.0, 200.0), far, link("site", "cloud", 30.0, 500.0)],
        demand: Demand {
            prompt_tokens: 300,
            reply_tokens: 101,
            positions_max: 2_048,
            acceptance: 0.8,
            privacy: Privacy::Anywhere,
            unvouched: false,
            brings: true,
        },
        certificates: Certificates::none(),
    }
}

/// A small world from a seed, where anything may be scarce.
pub(crate) fn random(dice: &mut Dice) -> Situation {
    let drafts = dice.chance(0.25);
    // The naive enumeration takes its time: a few worlds are large, the others many.
    let is_large = !drafts && dice.chance(0.05);
    let layers = match (drafts, is_large) {
        (true, _) => dice.count(1, 4),
        (false, true) => dice.count(10, 12),
        (false, false) => dice.count(1, 9),
    };
    let most = if !drafts && !is_large && layers > 4 { 3 } else { 4 };
    let mut nodes = random_nodes(dice, drafts, layers, most);
    // Two layers, six, or the embedding's own weights.
    let head = [20, 60, 0][dice.count(0, 2) as usize];
    for target in nodes.iter_mut().filter_map(|node| node.profile.target.as_mut()) {
        target.weights.head = ByteCount(head * MIB);
    }
    let mut links = Vec::new();
    for (index, from) in nodes.iter().enumerate() {
        for to in &nodes[index + 1..] {
            if dice.chance(0.85) {
                links.push(random_link(dice, &from.profile.node, &to.profile.node));
            }
        }
    }
    let privacy = match dice.count(0, 11) {
        0 => Privacy::Device,
        1 | 2 => Privacy::Site,
        _ => Privacy::Anywhere,
    };
    let mut situation = Situation {
        device: name("n0"),
        nodes,
        links,
        demand: Demand {
            prompt_tokens: dice.count(1, 900),
            reply_tokens: dice.count(1, 200),
            positions_max: dice.count(1, 2_000),
            // Mostly right, so that the slowest stage counts.
            acceptance: if dice.chance(0.1) { 1.0 } else { dice.unit().sqrt() },
            privacy,
            unvouched: dice.chance(0.1),
            brings: dice.chance(0.8),
        },
        // Codecs beside many drafts are more plans than a test can look at.
        certificates: match drafts {
            true => Certificates::none(),
            false => random_certificates(dice, layers),
        },
    };
    if dice.chance(0.2) {
        make_device_slow_to_read(dice, &mut situation);
    }
    situation
}

/// A device that makes a token as fast as any and reads a prompt far slower than others, who have room for
/// the whole target, and are near.
fn make_device_slow_to_read(dice: &mut Dice, situation: &mut Situation) {
    situation.demand.prompt_tokens = dice.count(200, 900);
    for (index, node) in situation.nodes.iter_mut().enumerate() {
        let Some(target) = &mut node.profile.target else { continue };
        if index == 0 {
            let layer_us = dice.count(100, 1_000) as f32;
            target.times.layer = Surface::flat(Curve::line(layer_us, layer_us).unwrap());
            let layers = dice.count(1, target.layers);
            node.profile.memory = ByteCount(u64::from(90 + 10 * layers) * MIB);
        } else {
            let layer_us = dice.count(1_000, 9_000) as f32;
            target.times.layer = Surface::flat(Curve::line(layer_us, layer_us / 100.0).unwrap());
            target.holds = LayerRange::all(target.layers);
            node.profile.memory = ByteCount(1_000 * MIB);
        }
    }
    for link in &mut situation.links {
        let Link { from, estimate, .. } = link;
        if *from == situation.device {
            estimate.rtt_ms.mean = dice.between(0.0, 20.0);
            estimate.up_mbps.mean = dice.between(50.0, 500.0);
            estimate.down_mbps.mean = dice.between(50.0, 500.0);
        }
    }
}

fn random_nodes(dice: &mut Dice, drafts: bool, layers: u32, most: u32) -> Vec<NodeState> {
    let count = dice.count(2, most);
    let gateways = dice.count(0, count - 1);
    let nodes = (0..count).map(|index| {
        let role = match index {
            0 => Role::Device,
            index if index <= gateways => Role::Gateway,
            _ => Role::Cloud,
        };
        let target = dice.chance(0.95).then(|| {
            let mut target = model(layers, dice.count(100, 9_000) as f32);
            if dice.chance(0.25) {
                let (a, b) = (dice.count(0, layers), dice.count(0, layers));
                target.holds = range(a.min(b), a.max(b));
            }
            target
        });
        let mut node = node(&format!("n{index}"), role, target);
        node.profile.draft = (index == 0 && drafts).then(|| model(1, dice.count(50, 9_000) as f32));
        let room = if index == 0 { 10 * layers + 60 } else { 25 * layers + 120 };
        node.profile.memory = ByteCount(u64::from(dice.count(30, room)) * MIB);
        node.profile.load = if dice.chance(0.3) { single(dice.unit()) } else { 0.0 };
        node.profile.power = dice.chance(0.7).then(|| Power {
            idle_w: single(dice.between(0.0, 10.0)),
            busy_w: single(dice.between(0.0, 40.0)),
        });
        node.profile.price_per_hour = dice.chance(0.6).then(|| dice.between(0.0, 5.0));
        node.admission = match dice.count(0, 19) {
            0 => Admission::Refuses,
            1 | 2 => Admission::Room(ByteCount(u64::from(dice.count(0, 20_000)) * 1_024)),
            _ => Admission::Open,
        };
        node
    });
    nodes.collect()
}

#[allow(clippy::cast_possible_truncation, reason = "any number near it will do")]
const fn single(value: f64) -> f32 {
    value as f32
}

fn random_link(dice: &mut Dice, from: &NodeName, to: &NodeName) -> Link {
    let mut link = link(from.as_str(), to.as_str(), dice.between(0.0, 120.0), 1.0);
    link.estimate.up_mbps.mean = 10.0_f64.powf(dice.between(-0.5, 2.5));
    link.estimate.down_mbps.mean = 10.0_f64.powf(dice.between(-0.5, 2.5));
    link.estimate.loss.mean = if dice.chance(0.3) { dice.between(0.0, 0.1) } else { 0.0 };
    link.estimate.price_per_gigabyte = dice.chance(0.5).then(|| dice.between(0.0, 20.0));
    link
}

fn random_certificates(dice: &mut Dice, layers: u32) -> Certificates {
    let mut measured = Vec::new();
    for (codec, bits) in [(WireCodec::Int8, 8.5), (WireCodec::Scaled(3), 3.0)] {
        if dice.chance(0.5) {
            continue;
        }
        for boundary in 0..=layers {
            if dice.chance(0.8) {
                let (kl, bits) = (dice.between(0.0, 0.04), bits * dice.between(0.9, 1.1));
                let good =
                    Certificate { codec, boundary, bits, kl, top1: 0.99, perplexity_change: 0.0 };
                measured.push(good);
            }
        }
    }
    let budget = QualityBudget { kl_max: 0.02, top1_min: 0.9, perplexity_change_max: 0.1 };
    Certificates { measured, budget }
}

/// An objective from a seed: some criteria, and limits not far from what the fastest plan takes.
pub(crate) fn random_objective(dice: &mut Dice, near: Option<Criteria<f64>>) -> Objective {
    let mut weight = |scale: f64| if dice.chance(0.5) { dice.between(0.0, scale) } else { 0.0 };
    let weights = Criteria {
        ttft_ms: weight(1.0),
        itl_ms: weight(1.0),
        money: weight(1e6),
        device_energy_j: weight(100.0),
        metered_bytes: weight(1e-2),
        cloud_passes: weight(20.0),
    };
    let near = near.unwrap_or_default();
    let mut limit = |value: f64| dice.chance(0.1).then(|| value * dice.between(0.7, 2.0));
    let limits = Criteria {
        ttft_ms: limit(near.ttft_ms),
        itl_ms: limit(near.itl_ms),
        money: limit(near.money),
        device_energy_j: limit(near.device_energy_j),
        metered_bytes: limit(near.metered_bytes),
        cloud_passes: limit(near.cloud_passes),
    };
    Objective { weights, limits }
}
