//! What a request finds: nodes, links between them, what is asked, and what is allowed.

mod graph;

use crate::Certificates;
use base::{ByteCount, NodeName, Privacy};
use profile::{LinkEstimate, NodeProfile};
use serde::{Deserialize, Serialize};

pub(crate) use graph::Graph;
pub use graph::SituationError;

/// All that a plan is a function of, beside the objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Situation {
    /// The node that asks, and plans.
    pub device: NodeName,
    /// Itself and the others that it knows.
    pub nodes: Vec<NodeState>,
    /// Who reaches whom.
    pub links: Vec<Link>,
    /// What is asked.
    pub demand: Demand,
    /// Which codecs may be used where.
    pub certificates: Certificates,
}

/// A node, as it is at present.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeState {
    /// What it can do.
    pub profile: NodeProfile,
    /// Seconds since it said how loaded it is.
    pub load_age_s: f64,
    /// Whether it takes another session.
    pub admission: Admission,
}

/// Whether a node takes another session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Admission {
    /// As many as its memory holds.
    #[default]
    Open,
    /// One whose keys and values fit in this.
    Room(ByteCount),
    /// None now.
    Refuses,
}

/// A link from a node to one that is nearer to the target: the one that dials is `from`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Who dials.
    pub from: NodeName,
    /// Who is dialled.
    pub to: NodeName,
    /// What it does to what crosses it.
    pub estimate: LinkEstimate,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    /// Tokens that the target has not read yet; at least 1.
    pub prompt_tokens: u32,
    /// Tokens that the reply is expected to have; at least 1.
    pub reply_tokens: u32,
    /// Positions that every stage reserves room for.
    pub positions_max: u32,
    /// The chance that a draft is right if those before it are, 0 to 1.
    pub acceptance: f64,
    /// How far the text may travel.
    pub privacy: Privacy,
    /// Whether the device's draft model may answer alone: fast, and not the target's words.
    pub unvouched: bool,
    /// Whether other nodes may read a prompt for the device's own layers, whose KV is brought.
    pub brings: bool,
}

impl Demand {
    /// Tokens after the first.
    pub(crate) fn later_tokens(&self) -> f64 {
        f64::from(self.reply_tokens.saturating_sub(1))
    }

    /// Positions before the average token of the reply.
    pub(crate) fn context(&self) -> f64 {
        f64::from(self.prompt_tokens) + self.later_tokens() / 2.0
    }
}

#[cfg(test)]
mod tests;
