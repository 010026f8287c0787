//! A plan that has been checked, and how it explains itself.

use base::{DraftLength, LayerRange, NodeName, WireCodec};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who leads a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The device alone.
    Local,
    /// A remote target decides and streams; the device follows.
    Remote,
    /// The device drafts, a remote target verifies.
    Speculative,
    /// The target's layers span tiers; the device leads.
    Split,
}

impl Mode {
    /// Every mode, in the order people meet them.
    pub const ALL: [Self; 4] = [Self::Local, Self::Remote, Self::Speculative, Self::Split];

    /// The mode as configuration and command line spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
            Self::Speculative => "speculative",
            Self::Split => "split",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The model of a device that works alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LocalChoice {
    /// All of the target: its words are vouched for.
    Target,
    /// The draft model: its words are its own.
    #[default]
    Draft,
}

/// How drafts and verdicts follow each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speculation {
    /// Draft, send, wait for the verdict.
    Rounds,
    /// Drafts flow while verdicts are under way.
    Streaming,
    /// And where no draft waits, a target that has all its layers goes on by itself.
    #[default]
    WorkConserving,
}

impl Speculation {
    /// The way as configuration spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rounds => "rounds",
            Self::Streaming => "streaming",
            Self::WorkConserving => "work-conserving",
        }
    }
}

/// A range of the target's layers on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// The node.
    pub node: NodeName,
    /// Its layers.
    pub layers: LayerRange,
    /// Whether the stage turns tokens into hidden states.
    pub embedding: bool,
    /// Whether the stage turns hidden states into the target's choice.
    pub head: bool,
    /// How hidden states arrive; of no effect on a stage with the embedding.
    pub codec: WireCodec,
}

/// How one request is run. Built by [`crate::PlanRequest::check`] alone, so holding one proves that
/// its stages cover the target's layers once and in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    pub(crate) mode: Mode,
    pub(crate) local: LocalChoice,
    pub(crate) stages: Vec<Stage>,
    pub(crate) draft_length: DraftLength,
    pub(crate) speculation: Speculation,
    /// How many stages of the device are before the others.
    pub(crate) device_stages: usize,
    /// Whether the last stage is on the device: the head, to which the chain comes back.
    pub(crate) head_at_home: bool,
}

impl Plan {
    /// Who leads.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the device runs the whole target itself.
    pub fn is_target_alone(&self) -> bool {
        self.mode == Mode::Local && self.local == LocalChoice::Target
    }

    /// The stages in the order in which a pass crosses them; empty in [`Mode::Local`].
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The target's first layers on the device itself, if it has some.
    pub fn device_stage(&self) -> Option<&Stage> {
        self.stages[..self.device_stages].first()
    }

    /// The target's head on the device, if the chain comes back to it.
    pub fn device_head(&self) -> Option<&Stage> {
        self.stages.last().filter(|_| self.head_at_home)
    }

    /// The stages on other nodes, in order.
    pub fn remote_stages(&self) -> &[Stage] {
        let ahead = self.stages_ahead();
        &ahead[..ahead.len() - usize::from(self.head_at_home)]
    }

    /// The stages behind the device's first layers: those on other nodes, and the head that is behind them.
    pub fn stages_ahead(&self) -> &[Stage] {
        &self.stages[self.device_stages..]
    }

    /// How many drafted tokens go out together.
    pub const fn draft_length(&self) -> DraftLength {
        self.draft_length
    }

    /// How drafts and verdicts follow each other, where there are drafts.
    pub const fn speculation(&self) -> Speculation {
        self.speculation
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.mode)?;
        if self.is_target_alone() {
            f.write_str(": the target")?;
        }
        for (index, stage) in self.stages.iter().enumerate() {
            let joint = if index == 0 { ":" } else { " >" };
            write!(f, "{joint} {} {}", stage.node, stage.layers)?;
            if !stage.embedding {
                write!(f, " ({})", stage.codec)?;
            }
        }
        let how = self.speculation.as_str();
        match self.draft_length {
            DraftLength::NONE => Ok(()),
            DraftLength::Fixed(length) => write!(f, ", drafts of {length}, {how}"),
            DraftLength::Auto => write!(f, ", drafts as they pay, {how}"),
        }
    }
}
