//! What a person asks for in `[plan]`, and the checks that make a [`Plan`] of it.

use crate::plan::{LocalChoice, Mode, Plan, Speculation, Stage};
use base::{DraftLength, LayerRange, NodeName, WireCodec};
use serde::Serialize;

/// A plan as asked for: mode and stages by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRequest {
    /// Who leads.
    pub mode: Mode,
    /// The device that asks.
    pub device: NodeName,
    /// Which model runs in [`Mode::Local`].
    pub local: LocalChoice,
    /// The node that holds the whole target, for [`Mode::Remote`] and [`Mode::Speculative`].
    pub target: Option<NodeName>,
    /// The stages of [`Mode::Split`], in order.
    pub stages: Vec<RequestedStage>,
    /// How many drafted tokens go out together.
    pub draft_length: DraftLength,
    /// How drafts and verdicts follow each other.
    pub speculation: Speculation,
}

/// One stage as asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestedStage {
    /// The node.
    pub node: NodeName,
    /// Its layers.
    pub layers: LayerRange,
    /// How hidden states arrive.
    pub codec: WireCodec,
}

/// Why a request is no plan. The person who wrote it is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Remote and speculative need somebody to run the target.
    #[error("mode {0} needs a target node: set plan.target to the name of a peer")]
    NoTarget(&'static str),
    /// Speculation without drafts is mode remote.
    #[error("mode speculative needs a draft length of at least 1; mode remote has none")]
    NoDrafts,
    /// A split of nothing.
    #[error("mode split needs plan.stages: which node runs which layers")]
    NoStages,
    /// Layers missing, doubled or out of order.
    #[error(
        "stage {node} runs layers {layers}, but the next layer to run is {expected}: stages cover \
         the target's layers once and in order"
    )]
    Gap {
        /// The stage's node.
        node: NodeName,
        /// Its layers.
        layers: LayerRange,
        /// Where it should start.
        expected: u32,
    },
    /// Stages that end too early or run too far.
    #[error("the stages run {covered} layers; the target has {layers}")]
    Coverage {
        /// One past the last planned layer.
        covered: u32,
        /// How many the target has.
        layers: u32,
    },
    /// One node twice: a pass crosses a node once.
    #[error(
        "node {node} has two stages; a pass crosses each node once, and may come back only for the head: \
         a last stage of the layers {layers}..{layers}, right behind that of the last layer on another node"
    )]
    NodeTwice {
        /// Which.
        node: NodeName,
        /// How many layers the target has.
        layers: u32,
    },
    /// The device after another node.
    #[error(
        "the device {device} runs layers behind those of another node; it runs the first ones or none, and \
         may have the head: a last stage of the layers {layers}..{layers}"
    )]
    DeviceLater {
        /// The device.
        device: NodeName,
        /// How many layers the target has.
        layers: u32,
    },
    /// A split that is none.
    #[error("all stages are on the device; that is mode local with the target")]
    AllOnDevice,
}

impl PlanRequest {
    /// Whether the device is to run the whole target itself.
    pub fn is_target_alone(&self) -> bool {
        self.mode == Mode::Local && self.local == LocalChoice::Target
    }

    /// The first other node that a pass goes to; `None` in [`Mode::Local`], and where none is named.
    pub fn first_peer(&self) -> Option<&NodeName> {
        match self.mode {
            Mode::Local => None,
            Mode::Remote | Mode::Speculative => self.target.as_ref(),
            Mode::Split => {
                self.stages.iter().map(|stage| &stage.node).find(|node| **node != self.device)
            }
        }
    }

    /// Makes a plan for a target of `layers` layers.
    ///
    /// # Errors
    ///
    /// [`PlanError`] names the first thing that is wrong and what would be right.
    pub fn check(self, layers: u32) -> Result<Plan, PlanError> {
        match self.mode {
            Mode::Local => Ok(self.local()),
            Mode::Remote => self.whole(layers, DraftLength::NONE),
            Mode::Speculative if self.draft_length == DraftLength::NONE => Err(PlanError::NoDrafts),
            Mode::Speculative => {
                let draft_length = self.draft_length;
                self.whole(layers, draft_length)
            }
            Mode::Split => self.split(layers),
        }
    }

    fn local(self) -> Plan {
        let (stages, speculation) = (Vec::new(), self.speculation);
        Plan {
            mode: self.mode,
            local: self.local,
            stages,
            draft_length: DraftLength::NONE,
            speculation,
            device_stages: 0,
            head_at_home: false,
        }
    }

    fn whole(self, layers: u32, draft_length: DraftLength) -> Result<Plan, PlanError> {
        let node = self.target.ok_or(PlanError::NoTarget(self.mode.as_str()))?;
        let layers = LayerRange::all(layers);
        let stage = Stage { node, layers, embedding: true, head: true, codec: WireCodec::F32 };
        let (stages, speculation) = (vec![stage], self.speculation);
        Ok(Plan {
            mode: self.mode,
            local: self.local,
            stages,
            draft_length,
            speculation,
            device_stages: 0,
            head_at_home: false,
        })
    }

    fn split(self, layers: u32) -> Result<Plan, PlanError> {
        let stages = in_order(&self.stages, layers)?;
        let is_here = |stage: &Stage| stage.node == self.device;
        if stages.iter().all(is_here) {
            return Err(PlanError::AllOnDevice);
        }
        let device_stages = usize::from(stages.first().is_some_and(is_here));
        let ahead = &stages[device_stages..];
        let head_at_home = ahead.last().is_some_and(|last| is_here(last) && last.layers.is_empty());
        if ahead[..ahead.len() - usize::from(head_at_home)].iter().any(is_here) {
            return Err(PlanError::DeviceLater { device: self.device, layers });
        }
        let draft_length = self.draft_length;
        // No stage of a split can go on by itself.
        let speculation = match self.speculation {
            Speculation::Rounds => Speculation::Rounds,
            Speculation::Streaming | Speculation::WorkConserving => Speculation::Streaming,
        };
        Ok(Plan {
            mode: Mode::Split,
            local: self.local,
            stages,
            draft_length,
            speculation,
            device_stages,
            head_at_home,
        })
    }
}

/// The stages in the order in which a pass crosses them. Only the last may be on a node that was crossed
/// before, and only with the head.
fn in_order(requested: &[RequestedStage], all: u32) -> Result<Vec<Stage>, PlanError> {
    let mut covered = 0;
    let mut stages: Vec<Stage> = Vec::with_capacity(requested.len());
    for (index, RequestedStage { node, layers, codec }) in requested.iter().cloned().enumerate() {
        if layers.start() != covered {
            return Err(PlanError::Gap { node, layers, expected: covered });
        }
        let is_head = layers.start() == all && index + 1 == requested.len();
        let turns = stages.last().is_some_and(|last| !last.layers.is_empty() && last.node != node);
        if stages.iter().any(|stage| stage.node == node) && !(is_head && turns) {
            return Err(PlanError::NodeTwice { node, layers: all });
        }
        covered = layers.end();
        stages.push(Stage { node, layers, embedding: false, head: false, codec });
    }
    if covered != all {
        return Err(PlanError::Coverage { covered, layers: all });
    }
    stages.first_mut().ok_or(PlanError::NoStages)?.embedding = true;
    stages.last_mut().ok_or(PlanError::NoStages)?.head = true;
    Ok(stages)
}

#[cfg(test)]
mod tests;
