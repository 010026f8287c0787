//! Why a candidate cannot be run, in words and numbers.

use crate::{BrokenLimit, NoCertificate};
use base::{ByteCount, LayerRange, NodeName, Privacy, Role};
use serde::Serialize;

const GIB: f64 = (1_u64 << 30) as f64;

/// Why a candidate cannot be run.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "obstacle", rename_all = "snake_case")]
pub enum Obstacle {
    /// A node that nobody knows.
    #[error("{node} is not known")]
    Unknown {
        /// It.
        node: NodeName,
    },
    /// A node without the target.
    #[error("{node} runs no layers of the target")]
    NoTarget {
        /// It.
        node: NodeName,
    },
    /// A device without a draft model.
    #[error("{device} has no draft model")]
    NoDraftModel {
        /// It.
        device: NodeName,
    },
    /// A reply that the target would not vouch for.
    #[error("the draft model's words are not the target's, and the request asks for the target's")]
    Unvouched,
    /// Text that would go too far.
    #[error("privacy class {} {}", class.as_str(), kept_from(*class, node, *role))]
    Privacy {
        /// The class asked for.
        class: Privacy,
        /// Who would read the text.
        node: NodeName,
        /// Its tier.
        role: Role,
    },
    /// A node that takes nobody now.
    #[error("{node} takes no new session now")]
    Refuses {
        /// It.
        node: NodeName,
    },
    /// Two nodes that do not reach each other.
    #[error("there is no link from {from} to {to}")]
    NoLink {
        /// Who would dial.
        from: NodeName,
        /// Whom.
        to: NodeName,
    },
    /// Layers that a node lacks.
    #[error("{node} holds layers {holds} and would need {layers}")]
    Holds {
        /// It.
        node: NodeName,
        /// What it has.
        holds: LayerRange,
        /// What it would run.
        layers: LayerRange,
    },
    /// Weights, keys and values that do not fit.
    #[error("{node} needs {} for layers {layers} and has {}", gib(*needs), gib(*has))]
    Memory {
        /// Which node.
        node: NodeName,
        /// What it would run.
        layers: LayerRange,
        /// Weights, keys and values, and the draft model on a device.
        needs: ByteCount,
        /// Its memory.
        has: ByteCount,
    },
    /// Keys and values that do not fit in what a node has left for a session.
    #[error("{node} needs {} for the text of layers {layers} and has {} left", gib(*needs), gib(*has))]
    Room {
        /// Which node.
        node: NodeName,
        /// What it would run.
        layers: LayerRange,
        /// Keys and values at full length.
        needs: ByteCount,
        /// What it has left.
        has: ByteCount,
    },
    /// A codec that spoils too much, or nobody knows.
    #[error("{0}")]
    Certificate(NoCertificate),
    /// A limit of the objective.
    #[error("{} is {:.4} and may be {:.4} at most", .0.criterion, .0.found, .0.limit)]
    Limit(BrokenLimit),
    /// Stages that are no plan.
    #[error("{why}")]
    NoPlan {
        /// What the check of plans says.
        why: String,
    },
    /// Nodes that cannot run all layers between them, however these are spread.
    #[error("these nodes cannot run all {layers} layers between them: {}", list(rooms))]
    Together {
        /// How many there are.
        layers: u32,
        /// What each can run at most.
        rooms: Vec<StageRoom>,
    },
}

/// What a node can run at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageRoom {
    /// It.
    pub node: NodeName,
    /// The layers that it holds.
    pub holds: LayerRange,
    /// How many of them fit in its memory.
    pub fit: u32,
}

/// What `class` says to a node that is further away than it allows.
fn kept_from(class: Privacy, node: &NodeName, role: Role) -> String {
    match class.allows_stage(role, false) {
        true => format!("lets {node}, a {role}, run middle layers alone"),
        false => format!("forbids {node}, a {role}"),
    }
}

fn gib(bytes: ByteCount) -> String {
    #[allow(clippy::cast_precision_loss, reason = "shown with one digit")]
    let gib = bytes.0 as f64 / GIB;
    if gib < 0.1 { bytes.to_string() } else { format!("{gib:.1} GiB") }
}

fn list(rooms: &[StageRoom]) -> String {
    let room = |StageRoom { node, holds, fit }: &StageRoom| {
        format!("{node} holds {holds} and has room for {fit}")
    };
    rooms.iter().map(room).collect::<Vec<_>>().join(", ")
}
