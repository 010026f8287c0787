//! A way to run a request, before anybody knows whether it can be and what it takes.

use crate::{LocalChoice, Mode, Plan, PlanError, PlanRequest, RequestedStage, Speculation};
use base::{DraftLength, NodeName, WireCodec};
use serde::Serialize;
use std::fmt;

/// A way to run a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "mode", rename_all = "lowercase")]
pub enum Candidate {
    /// The device alone.
    Local {
        /// With which model.
        model: LocalChoice,
    },
    /// A target decides and streams.
    Remote {
        /// The node that holds all of it.
        target: NodeName,
    },
    /// The device drafts and a target verifies.
    Speculative {
        /// The node that holds all of it.
        target: NodeName,
        /// How they follow each other.
        speculation: Speculation,
        /// So many drafts at once; [`DraftLength::Auto`] where they flow.
        draft_length: DraftLength,
    },
    /// The target's layers lie on several nodes.
    Split {
        /// The stages, in order. A first stage on another node gets tokens. A last stage without layers may
        /// be on the device or on the node below the last layers: the head, to which rows come home.
        stages: Vec<RequestedStage>,
        /// How drafts and verdicts follow each other.
        speculation: Speculation,
        /// So many drafts at once; [`DraftLength::NONE`] for none.
        draft_length: DraftLength,
    },
}

impl Candidate {
    /// Who leads.
    pub const fn mode(&self) -> Mode {
        match self {
            Self::Local { .. } => Mode::Local,
            Self::Remote { .. } => Mode::Remote,
            Self::Speculative { .. } => Mode::Speculative,
            Self::Split { .. } => Mode::Split,
        }
    }

    /// How many drafts go out together.
    pub const fn draft_length(&self) -> DraftLength {
        match self {
            Self::Local { .. } | Self::Remote { .. } => DraftLength::NONE,
            Self::Speculative { draft_length, .. } | Self::Split { draft_length, .. } => {
                *draft_length
            }
        }
    }

    /// Whether the device's draft model proposes.
    pub fn drafts(&self) -> bool {
        self.draft_length() != DraftLength::NONE
    }

    /// The names of the nodes that a pass crosses beyond the device, in order.
    pub fn crosses<'a>(&'a self, device: &'a NodeName) -> Vec<&'a NodeName> {
        match self {
            Self::Local { .. } => Vec::new(),
            Self::Remote { target } | Self::Speculative { target, .. } => vec![target],
            // A head that is back on a node before the last stage is crossed on the way home.
            Self::Split { stages, .. } => {
                let mut crossed = Vec::with_capacity(stages.len());
                for RequestedStage { node, .. } in stages {
                    if node != device && !crossed.contains(&node) {
                        crossed.push(node);
                    }
                }
                crossed
            }
        }
    }

    /// As the runtime takes it.
    pub fn request(&self, device: &NodeName) -> PlanRequest {
        let request = PlanRequest {
            mode: self.mode(),
            device: device.clone(),
            local: LocalChoice::Draft,
            target: None,
            stages: Vec::new(),
            draft_length: self.draft_length(),
            speculation: Speculation::default(),
        };
        match self.clone() {
            Self::Local { model } => PlanRequest { local: model, ..request },
            Self::Remote { target } => PlanRequest { target: Some(target), ..request },
            Self::Speculative { target, speculation, .. } => {
                PlanRequest { target: Some(target), speculation, ..request }
            }
            Self::Split { stages, speculation, .. } => {
                PlanRequest { stages, speculation, ..request }
            }
        }
    }

    /// The candidate that `request` asks for; `None` where it names no target.
    pub fn of(request: &PlanRequest) -> Option<Self> {
        let PlanRequest { mode, local, stages, draft_length, speculation, .. } = request.clone();
        let target = || request.target.clone();
        Some(match mode {
            Mode::Local => Self::Local { model: local },
            Mode::Remote => Self::Remote { target: target()? },
            Mode::Speculative => Self::Speculative { target: target()?, speculation, draft_length },
            Mode::Split => Self::Split { stages, speculation, draft_length },
        })
    }

    /// The checked plan, for a target of `layers` layers.
    ///
    /// # Errors
    ///
    /// [`PlanError`] where a candidate written by hand does not cover the target.
    pub fn plan(&self, device: &NodeName, layers: u32) -> Result<Plan, PlanError> {
        self.request(device).check(layers)
    }
}

/// The stages of a split, and behind them the head alone, where rows come home to it: to the device, or to a
/// node that they crossed.
pub(crate) fn homing<'a>(
    stages: &'a [RequestedStage],
    device: &NodeName,
) -> (&'a [RequestedStage], Option<&'a RequestedStage>) {
    let Some((last, chain)) = stages.split_last() else { return (stages, None) };
    let is_crossed = last.node == *device || chain.iter().any(|stage| stage.node == last.node);
    if is_crossed && !chain.is_empty() { (chain, Some(last)) } else { (stages, None) }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { model: LocalChoice::Target } => {
                f.write_str("the target on the device alone")
            }
            Self::Local { model: LocalChoice::Draft } => {
                f.write_str("the draft model on the device alone")
            }
            Self::Remote { target } => write!(f, "remote via {target}"),
            Self::Speculative { target, speculation, draft_length } => {
                write!(f, "speculative via {target}, ")?;
                write_drafts(f, *draft_length, *speculation)
            }
            Self::Split { stages, speculation, draft_length } => {
                f.write_str("split ")?;
                for (index, RequestedStage { node, layers, codec }) in stages.iter().enumerate() {
                    let joint = if index == 0 { "" } else { " > " };
                    write!(f, "{joint}{node} {layers}")?;
                    if index > 0 && *codec != WireCodec::F32 {
                        write!(f, " ({codec})")?;
                    }
                }
                f.write_str(", ")?;
                write_drafts(f, *draft_length, *speculation)
            }
        }
    }
}

fn write_drafts(
    f: &mut fmt::Formatter<'_>,
    length: DraftLength,
    speculation: Speculation,
) -> fmt::Result {
    match length {
        DraftLength::NONE => f.write_str("no drafts"),
        DraftLength::Fixed(length) => write!(f, "drafts of {length}, {}", speculation.as_str()),
        DraftLength::Auto => write!(f, "drafts as they pay, {}", speculation.as_str()),
    }
}
