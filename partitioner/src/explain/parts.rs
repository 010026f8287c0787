//! Where a token's time goes.

use crate::cost::lane;
use crate::cost::style::Style;
use crate::{Candidate, Costs, Speculation};
use base::{DraftLength, NodeName};
use serde::Serialize;
use std::fmt;

/// A share of a token's time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// Who takes it.
    pub of: PartOf,
    /// Milliseconds a token.
    pub itl_ms: f64,
}

/// Who takes a share of a token's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartOf {
    /// The device, drafting.
    Drafting,
    /// Layers on a node.
    Stage(NodeName),
    /// The head alone on a node, to which rows come home.
    Head(NodeName),
    /// The way to a node and back.
    Hop(NodeName),
    /// The wait for the slowest stage or hop, chunk behind chunk.
    Slowest,
    /// Drafts that flow to a node that has the whole target, and its passes.
    Flow(NodeName),
}

impl fmt::Display for PartOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drafting => f.write_str("drafting"),
            Self::Stage(node) => write!(f, "the layers on {node}"),
            Self::Head(node) => write!(f, "the head on {node}"),
            Self::Hop(node) => write!(f, "the hop to {node} and back"),
            Self::Slowest => f.write_str("the slowest stage"),
            Self::Flow(node) => write!(f, "drafts and passes of {node}"),
        }
    }
}

impl Costs<'_> {
    /// Where a token's time goes; empty where the candidate cannot be run. The parts add up to the time.
    pub fn parts(&self, candidate: &Candidate) -> Vec<Part> {
        let (Ok(route), Ok(prediction)) = (self.route(candidate), self.predict(candidate)) else {
            return Vec::new();
        };
        let Some(style) = self.style_of(candidate) else {
            let node = self.graph.nodes()[route.stages[0].node].profile.node.clone();
            let flows = candidate.drafts();
            let of = if flows { PartOf::Flow(node) } else { PartOf::Stage(node) };
            return vec![Part { of, itl_ms: prediction.itl_ms }];
        };
        let share = style.cycle_share * 1e3;
        let drafting = f64::from(style.drafts) * self.drafting().draft_s * share;
        let mut parts = vec![Part { of: PartOf::Drafting, itl_ms: drafting }];
        let mut links = route.links.iter().enumerate();
        for stage in &route.stages {
            let node = self.graph.nodes()[stage.node].profile.node.clone();
            if stage.node > 0
                && let Some((at, link)) = links.next()
            {
                let hop = self.hop(link, route.cargo(at, stage.cargo), &self.prompt, &style);
                let of = PartOf::Hop(node.clone());
                parts.push(Part { of, itl_ms: hop.round_s * share });
            }
            let pass_s =
                self.lanes(stage.node, stage.model, &self.prompt, &style).round.pass_s(stage.part);
            parts.push(Part { of: PartOf::Stage(node), itl_ms: pass_s * share });
        }
        if let Some(home) = &route.home {
            let node = self.graph.nodes()[home.node].profile.node.clone();
            let pass_s = self
                .lanes(home.node, home.model, &self.prompt, &style)
                .round
                .pass_s(lane::Part::HEAD);
            parts.push(Part { of: PartOf::Head(node), itl_ms: pass_s * share });
        }
        let told: f64 = parts.iter().map(|part| part.itl_ms).sum();
        parts.push(Part { of: PartOf::Slowest, itl_ms: prediction.itl_ms - told });
        parts
    }

    /// The style of a candidate whose chunks cross it one by one.
    fn style_of(&self, candidate: &Candidate) -> Option<Style> {
        let acceptance = self.situation.demand.acceptance;
        let style = |length: &DraftLength, way| match length {
            DraftLength::Fixed(length) => Some(Style::new(*length, way, acceptance)),
            DraftLength::Auto => None,
        };
        match candidate {
            Candidate::Local { .. } | Candidate::Remote { .. } => None,
            Candidate::Speculative { speculation, draft_length, .. } => match speculation {
                Speculation::Rounds => style(draft_length, *speculation),
                Speculation::Streaming | Speculation::WorkConserving => None,
            },
            Candidate::Split { speculation, draft_length, .. } => style(draft_length, *speculation),
        }
    }
}
