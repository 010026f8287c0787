//! Who runs which layers of a request.

use super::toy::LAYERS;
use crate::dice::Dice;
use crate::{PlannedStage, Route};
use base::{DraftLength, LayerRange, NodeName, WireCodec};

/// The nodes, by their number.
pub(super) const GATEWAY: usize = 0;
pub(super) const CLOUD: usize = 1;
pub(super) const OTHER: usize = 2;
pub(super) const NODES: [&str; 3] = ["gateway", "cloud", "other"];

/// The model that a node serves: that of [`OTHER`] is another one.
pub(super) fn model_of(node: usize) -> u8 {
    u8::from(node == OTHER)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) stages: Stages,
    /// Draft length, of one chunk.
    drafts: u32,
    extend: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stages {
    /// The device has all layers.
    Local,
    /// A node has all layers.
    Remote { node: usize },
    /// The device has those before `from`, a node the rest.
    Split { from: u32, node: usize, codec: WireCodec },
    /// The device has those before `from`, if any; the gateway those before `then`, the cloud the rest.
    Chain { from: u32, then: u32, codecs: [WireCodec; 2] },
}

impl Plan {
    /// Any plan over nodes that serve `model`.
    pub(super) fn any(dice: &mut Dice, model: u8) -> Self {
        let node = match (model, dice.percent(75)) {
            (0, true) => CLOUD,
            (0, false) => GATEWAY,
            _ => OTHER,
        };
        let codec = |dice: &mut Dice| match dice.percent(25) {
            true => WireCodec::F16,
            false => WireCodec::F32,
        };
        let stages = match dice.below(10) {
            0 | 1 => Stages::Local,
            2..5 => Stages::Remote { node },
            5..8 => {
                let from = 1 + dice.below_u32(LAYERS - 1);
                Stages::Split { from, node, codec: codec(dice) }
            }
            _ if model == 0 => {
                let from = dice.below_u32(LAYERS - 1);
                let then = from + 1 + dice.below_u32(LAYERS - from - 1);
                Stages::Chain { from, then, codecs: [codec(dice), codec(dice)] }
            }
            _ => Stages::Remote { node },
        };
        let is_remote = matches!(stages, Stages::Remote { .. });
        let drafts = if dice.percent(40) { 1 + dice.below_u32(4) } else { 0 };
        let extend = if is_remote && drafts == 0 { 1 + dice.below_u32(16) } else { 0 };
        Self { stages, drafts, extend }
    }

    pub(super) const fn local() -> Self {
        Self { stages: Stages::Local, drafts: 0, extend: 0 }
    }

    /// How many of the first layers the device has.
    pub(super) const fn depth(&self) -> u32 {
        match self.stages {
            Stages::Local => LAYERS,
            Stages::Remote { .. } => 0,
            Stages::Split { from, .. } | Stages::Chain { from, .. } => from,
        }
    }

    /// The node that the device talks to.
    pub(super) const fn first(&self) -> Option<usize> {
        match self.stages {
            Stages::Local => None,
            Stages::Remote { node } | Stages::Split { node, .. } => Some(node),
            Stages::Chain { .. } => Some(GATEWAY),
        }
    }

    /// Of the hop behind the device's layers.
    pub(super) const fn codec(&self) -> WireCodec {
        match self.stages {
            Stages::Local | Stages::Remote { .. } => WireCodec::F32,
            Stages::Split { codec, .. } | Stages::Chain { codecs: [codec, _], .. } => codec,
        }
    }

    pub(super) fn route(&self) -> Route {
        let stage = |node: usize, from: u32, to: u32, codec| PlannedStage {
            node: NodeName::new(NODES[node]).unwrap(),
            layers: LayerRange::new(from, to).unwrap(),
            embedding: from == 0,
            head: to == LAYERS,
            codec,
            scales: Vec::new(),
        };
        let stages = match self.stages {
            Stages::Local => return Route::local(true),
            Stages::Remote { node } => vec![stage(node, 0, LAYERS, WireCodec::F32)],
            Stages::Split { from, node, codec } => vec![stage(node, from, LAYERS, codec)],
            Stages::Chain { from, then, codecs: [first, second] } => {
                vec![stage(GATEWAY, from, then, first), stage(CLOUD, then, LAYERS, second)]
            }
        };
        Route {
            stages,
            draft_length: DraftLength::Fixed(self.drafts),
            window: self.drafts,
            chunks: 1,
            extend: self.extend,
            vouched: false,
        }
    }
}
