//! What a plan is a function of, gathered.

use crate::config::PlannerSettings;
use base::NodeName;
use link_emulator::{Emulation, Typical};
use partitioner::{Admission, Certificates, Demand, Link, NodeState, Situation};
use profile::{Estimate, LinkEstimate, LinkTerms, NodeProfile, Reach, Upstream};

/// The nodes that a device has heard of, and the links between them.
#[derive(Debug, Default)]
pub(crate) struct Known {
    nodes: Vec<NodeState>,
    links: Vec<Link>,
}

impl Known {
    /// The device itself.
    pub(crate) fn new(own: NodeProfile) -> Self {
        let mut known = Self::default();
        known.add(own, 0.0);
        known
    }

    /// A node, behind `link`, and the one above it, where no more is known of that one; each with how many
    /// seconds ago it said how busy it is.
    pub(crate) fn reached(
        &mut self,
        device: &NodeName,
        reach: Reach,
        link: LinkEstimate,
        (age_s, age_above_s): (f64, f64),
    ) {
        let Reach { node, upstream } = reach;
        let name = node.node.clone();
        self.link(device.clone(), name.clone(), link);
        self.add(node, age_s);
        if let Some(Upstream { link, node }) = upstream {
            self.link(name, node.node.clone(), link);
            self.add(node, age_above_s);
        }
    }

    /// A link between two nodes.
    pub(crate) fn link(&mut self, from: NodeName, to: NodeName, estimate: LinkEstimate) {
        let known = self.links.iter().any(|link| (&link.from, &link.to) == (&from, &to));
        if !known {
            self.links.push(Link { from, to, estimate });
        }
    }

    /// A node, unless it is known already.
    pub(crate) fn add(&mut self, profile: NodeProfile, load_age_s: f64) {
        if !self.nodes.iter().any(|known| known.profile.node == profile.node) {
            self.nodes.push(NodeState { profile, load_age_s, admission: Admission::Open });
        }
    }

    /// The nodes, the device first.
    pub(crate) fn nodes(&self) -> &[NodeState] {
        &self.nodes
    }

    /// What the plans of `device` are a function of, for `demand`.
    pub(crate) fn situation(
        self,
        device: NodeName,
        certificates: Certificates,
        demand: Demand,
    ) -> Situation {
        let Self { nodes, links } = self;
        Situation { device, nodes, links, demand, certificates }
    }
}

impl PlannerSettings {
    /// What is asked: a prompt of so many tokens that the target has not read, and a reply; whether a peer
    /// may read the prompt for the device as well.
    pub(crate) fn demand(
        &self,
        (prompt_tokens, reply_tokens): (u32, u32),
        positions_max: u32,
        acceptance: f64,
        brings: bool,
    ) -> Demand {
        let (privacy, unvouched) = (self.privacy, self.unvouched);
        let prompt_tokens = prompt_tokens.max(1);
        Demand {
            prompt_tokens,
            reply_tokens,
            positions_max,
            acceptance,
            privacy,
            unvouched,
            brings,
        }
    }
}

/// Megabits a second of a link without a bound: more than any machine here fills.
const UNBOUNDED: Estimate = Estimate::exactly(10_000.0);

/// A link on which all arrives at once.
pub(crate) const AT_ONCE: LinkEstimate = LinkEstimate {
    rtt_ms: Estimate::exactly(0.0),
    loss: Estimate::exactly(0.0),
    up_mbps: UNBOUNDED,
    down_mbps: UNBOUNDED,
    price_per_gigabyte: None,
};

/// What is to be expected of an emulated link, and of what it costs by `terms`.
pub(crate) fn link_of(emulation: &Emulation, terms: &LinkTerms) -> LinkEstimate {
    let Typical { rtt_ms, loss, up_mbps, down_mbps } = emulation.typical();
    let estimate = |(mean, deviation)| Estimate { mean, deviation };
    LinkEstimate {
        rtt_ms: estimate(rtt_ms),
        loss: Estimate::exactly(loss),
        up_mbps: up_mbps.map_or(UNBOUNDED, estimate),
        down_mbps: down_mbps.map_or(UNBOUNDED, estimate),
        price_per_gigabyte: terms.price_per_gigabyte,
    }
}
