//! Who reaches whom, by number: checked, and in an order in which every link leads forward.
//!
//! # Invariants
//!
//! - **No link leads back**: roles never fall along one, and there is no cycle. So a pass that goes from
//!   node to node ends, and crosses each node once.
//! - **Node 0 is the device.** It has no link into it.

use crate::{Link, NodeState, Situation};
use base::{ModelFingerprint, NodeName, Role};
use profile::ModelProfile;

/// A situation that no plan can be made from. Whoever gathered it is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SituationError {
    /// A name without a profile.
    #[error("{0} has no profile")]
    Unknown(NodeName),
    /// A name with two.
    #[error("{0} has two profiles")]
    Twice(NodeName),
    /// Two links between the same two.
    #[error("there are two links from {0} to {1}")]
    LinkTwice(NodeName, NodeName),
    /// Something that is no device plans, or another device is known.
    #[error("{0} has the role {1}; the node that asks is the one device")]
    Device(NodeName, Role),
    /// A link that leads down.
    #[error("the link from {from} ({from_role}) to {to} ({to_role}) leads away from the target")]
    Falls {
        /// Who dials.
        from: NodeName,
        /// Its tier.
        from_role: Role,
        /// Who is dialled.
        to: NodeName,
        /// Its tier.
        to_role: Role,
    },
    /// Links that lead in a circle.
    #[error("links lead in a circle: {}", circle(.0))]
    Cycle(Vec<NodeName>),
    /// Nodes with different targets.
    #[error("{0} runs the target {1}, and {2} runs {3}")]
    Targets(NodeName, ModelFingerprint, NodeName, ModelFingerprint),
    /// A reply of nothing, or to nothing.
    #[error("a request reads at least one token and expects at least one")]
    Nothing,
    /// A chance that is none.
    #[error("the acceptance of drafts is a number from 0 to 1")]
    Acceptance,
}

/// Nodes and links by number.
#[derive(Debug)]
pub(crate) struct Graph<'a> {
    nodes: Vec<&'a NodeState>,
    /// By where they lead from.
    up: Vec<Vec<(usize, &'a Link)>>,
}

impl<'a> Graph<'a> {
    /// # Errors
    ///
    /// [`SituationError`] names the first thing that is wrong.
    pub(crate) fn new(situation: &'a Situation) -> Result<Self, SituationError> {
        let demand = &situation.demand;
        if demand.prompt_tokens == 0 || demand.reply_tokens == 0 {
            return Err(SituationError::Nothing);
        }
        if !(0.0..=1.0).contains(&demand.acceptance) {
            return Err(SituationError::Acceptance);
        }
        check_nodes(situation)?;
        let ordered = in_order(situation)?;
        let number = |name: &NodeName| {
            ordered.iter().position(|node| node.profile.node == *name).expect("links are checked")
        };
        let mut up = vec![Vec::new(); ordered.len()];
        for link in &situation.links {
            up[number(&link.from)].push((number(&link.to), link));
        }
        Ok(Self { nodes: ordered, up })
    }

    /// The nodes; the device first, and no link leads to an earlier one.
    pub(crate) fn nodes(&self) -> &[&'a NodeState] {
        &self.nodes
    }

    /// Where the links of `node` lead.
    pub(crate) fn up(&self, node: usize) -> &[(usize, &'a Link)] {
        &self.up[node]
    }

    /// The node of that name.
    pub(crate) fn number(&self, name: &NodeName) -> Option<usize> {
        self.nodes.iter().position(|node| node.profile.node == *name)
    }

    /// The link between two nodes.
    pub(crate) fn link(&self, from: usize, to: usize) -> Option<&'a Link> {
        self.up[from].iter().find(|(end, _)| *end == to).map(|(_, link)| *link)
    }

    /// The target as the first node that runs layers of it describes it.
    pub(crate) fn target(&self) -> Option<&'a ModelProfile> {
        self.nodes.iter().find_map(|node| node.profile.target.as_ref())
    }
}

fn check_nodes(situation: &Situation) -> Result<(), SituationError> {
    let mut target: Option<(&NodeName, ModelFingerprint)> = None;
    for (index, node) in situation.nodes.iter().enumerate() {
        let (name, role) = (&node.profile.node, node.profile.role);
        if situation.nodes[..index].iter().any(|other| other.profile.node == *name) {
            return Err(SituationError::Twice(name.clone()));
        }
        if (role == Role::Device) != (*name == situation.device) {
            return Err(SituationError::Device(name.clone(), role));
        }
        let Some(model) = &node.profile.target else { continue };
        let (first, fingerprint) = *target.get_or_insert((name, model.model));
        if fingerprint != model.model {
            let (first, name) = (first.clone(), name.clone());
            return Err(SituationError::Targets(first, fingerprint, name, model.model));
        }
    }
    role(situation, &situation.device)?;
    for (index, link) in situation.links.iter().enumerate() {
        let (from_role, to_role) = (role(situation, &link.from)?, role(situation, &link.to)?);
        let (from, to) = (link.from.clone(), link.to.clone());
        if to_role < from_role {
            return Err(SituationError::Falls { from, from_role, to, to_role });
        }
        let same = |other: &Link| (&other.from, &other.to) == (&from, &to);
        if situation.links[..index].iter().any(same) {
            return Err(SituationError::LinkTwice(from, to));
        }
    }
    Ok(())
}

fn role(situation: &Situation, name: &NodeName) -> Result<Role, SituationError> {
    let node = situation.nodes.iter().find(|node| node.profile.node == *name);
    node.map(|node| node.profile.role).ok_or_else(|| SituationError::Unknown(name.clone()))
}

/// The nodes, the device first, so that every link leads forward.
fn in_order(situation: &Situation) -> Result<Vec<&NodeState>, SituationError> {
    let mut left: Vec<&NodeState> = situation.nodes.iter().collect();
    left.sort_by_key(|node| node.profile.role);
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits = |node: &NodeState| {
            let links = situation.links.iter().filter(|link| link.to == node.profile.node);
            links.into_iter().any(|link| left.iter().any(|from| from.profile.node == link.from))
        };
        let Some(free) = left.iter().position(|node| !waits(node)) else {
            return Err(SituationError::Cycle(find_cycle(situation, &left)));
        };
        ordered.push(left.remove(free));
    }
    Ok(ordered)
}

/// Walks back from a node that waits to those it waits for, until one comes again.
fn find_cycle(situation: &Situation, waiting: &[&NodeState]) -> Vec<NodeName> {
    let is_waiting = |name: &NodeName| waiting.iter().any(|node| node.profile.node == *name);
    let mut walked = vec![waiting[0].profile.node.clone()];
    loop {
        let at = walked.last().expect("a walk has a start");
        let before = situation.links.iter().find(|link| link.to == *at && is_waiting(&link.from));
        let before = before.expect("each of them waits for another").from.clone();
        if let Some(start) = walked.iter().position(|name| *name == before) {
            walked.drain(..start);
            walked.reverse();
            return walked;
        }
        walked.push(before);
    }
}

fn circle(names: &[NodeName]) -> String {
    let names: Vec<&str> = names.iter().chain(names.first()).map(NodeName::as_str).collect();
    names.join(" > ")
}
