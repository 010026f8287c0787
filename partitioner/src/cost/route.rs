//! A candidate's stages and links by number, once it is sure that it can be run.

use super::lane::Part;
use super::{Costs, room};
use crate::{Candidate, LocalChoice, Obstacle, RequestedStage};
use base::{LayerRange, NodeName, WireCodec};
use profile::{LinkEstimate, ModelProfile};

/// The stages of a candidate and the links between them.
#[derive(Debug)]
pub(crate) struct Route<'a> {
    pub(crate) stages: Vec<RouteStage<'a>>,
    /// Into each stage that is not on the device.
    pub(crate) links: Vec<LinkEstimate>,
}

/// A stage by number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RouteStage<'a> {
    pub(crate) node: usize,
    pub(crate) model: &'a ModelProfile,
    pub(crate) part: Part,
    /// Of a hidden value on the hop into the stage; `None` where tokens come.
    pub(crate) bits: Option<f64>,
}

impl<'a> Route<'a> {
    /// The stage on the device, if it has one.
    pub(crate) fn device_stage(&self) -> Option<&RouteStage<'a>> {
        self.stages.first().filter(|stage| stage.node == 0)
    }

    /// The stages elsewhere.
    pub(crate) fn remote_stages(&self) -> &[RouteStage<'a>] {
        &self.stages[self.stages.len() - self.links.len()..]
    }
}

impl<'a> Costs<'a> {
    /// The stages and links of `candidate`.
    ///
    /// # Errors
    ///
    /// [`Obstacle`] is the first reason why it cannot be run.
    pub(crate) fn route(&self, candidate: &Candidate) -> Result<Route<'a>, Obstacle> {
        let device = &self.situation.device;
        if candidate.drafts() && self.drafting.is_none() {
            return Err(Obstacle::NoDraftModel { device: device.clone() });
        }
        match candidate {
            Candidate::Local { model: LocalChoice::Draft } => self.draft_alone(),
            Candidate::Local { model: LocalChoice::Target } => self.whole_on(device),
            Candidate::Remote { target } | Candidate::Speculative { target, .. } => {
                self.whole_on(target)
            }
            Candidate::Split { stages, .. } => {
                let no_plan = |why: crate::PlanError| Obstacle::NoPlan { why: why.to_string() };
                candidate.plan(device, self.layers).map_err(no_plan)?;
                self.staged(stages)
            }
        }
    }

    fn draft_alone(&self) -> Result<Route<'a>, Obstacle> {
        let node = self.graph.nodes()[0];
        let name = || node.profile.node.clone();
        let model = node.profile.draft.as_ref();
        let model = model.ok_or_else(|| Obstacle::NoDraftModel { device: name() })?;
        let demand = &self.situation.demand;
        if !demand.unvouched {
            return Err(Obstacle::Unvouched);
        }
        let (needs, has) = (room::draft_needs(model, demand), node.profile.memory);
        let layers = LayerRange::all(model.layers);
        if needs > has {
            return Err(Obstacle::Memory { node: name(), layers, needs, has });
        }
        let part = Part { layers: model.layers, embedding: true, head: true };
        let stages = vec![RouteStage { node: 0, model, part, bits: None }];
        Ok(Route { stages, links: Vec::new() })
    }

    fn whole_on(&self, target: &NodeName) -> Result<Route<'a>, Obstacle> {
        let codec = WireCodec::F32;
        let layers = LayerRange::all(self.layers);
        self.staged(&[RequestedStage { node: target.clone(), layers, codec }])
    }

    fn staged(&self, requested: &[RequestedStage]) -> Result<Route<'a>, Obstacle> {
        let mut route = Route { stages: Vec::new(), links: Vec::new() };
        let mut before = 0;
        for (index, RequestedStage { node: name, layers, codec }) in requested.iter().enumerate() {
            let (embedding, head) = (index == 0, index + 1 == requested.len());
            let part = Part { layers: layers.len(), embedding, head };
            let unknown = || Obstacle::Unknown { node: name.clone() };
            let number = self.graph.number(name).ok_or_else(unknown)?;
            let node = self.graph.nodes()[number];
            let demand = &self.situation.demand;
            let model = room::usable(node, demand.privacy)?;
            if number > 0 {
                let link = self.graph.link(before, number).ok_or_else(|| Obstacle::NoLink {
                    from: self.graph.nodes()[before].profile.node.clone(),
                    to: name.clone(),
                })?;
                route.links.push(link.estimate);
            }
            room::fits(node, model, *layers, part, demand)?;
            let bits = match embedding {
                true => None,
                false => {
                    let bits = self.situation.certificates.bits(*codec, layers.start());
                    Some(bits.map_err(Obstacle::Certificate)?)
                }
            };
            route.stages.push(RouteStage { node: number, model, part, bits });
            before = number;
        }
        Ok(route)
    }
}
