//! A candidate's stages and links by number, once it is sure that it can be run.

use super::brought::Brought;
use super::crossing::Cargo;
use super::lane::Part;
use super::{Costs, room};
use crate::candidate::homing;
use crate::{Candidate, LocalChoice, NodeState, Obstacle, RequestedStage};
use base::{LayerRange, NodeName, WireCodec};
use profile::{LinkEstimate, ModelProfile};

/// The stages of a candidate and the links between them.
#[derive(Debug)]
pub(crate) struct Route<'a> {
    pub(crate) stages: Vec<RouteStage<'a>>,
    /// Into each stage that is not on the device.
    pub(crate) links: Vec<LinkEstimate>,
    /// The head, where it is not on the last stage.
    pub(crate) home: Option<Home<'a>>,
    /// Whose help it takes to read the prompt in the device's own layers of the target; nobody's where
    /// that does not pay.
    pub(crate) brought: Option<Brought>,
}

/// A stage by number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RouteStage<'a> {
    pub(crate) node: usize,
    pub(crate) model: &'a ModelProfile,
    pub(crate) part: Part,
    /// What arrives.
    pub(crate) cargo: Cargo,
}

/// A head behind the last layer, on a node that the chain has crossed before: rows come home to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Home<'a> {
    pub(crate) node: usize,
    pub(crate) model: &'a ModelProfile,
    /// What comes home.
    pub(crate) cargo: Cargo,
    /// Over so many links, the last ones of the chain.
    hops: usize,
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

    /// The head that stands alone on `node`.
    pub(crate) fn home_on(&self, node: usize) -> Option<&Home<'a>> {
        self.home.as_ref().filter(|home| home.node == node)
    }

    /// What crosses link `at` each way, where `up` goes towards the target.
    pub(crate) fn cargo(&self, at: usize, up: Cargo) -> (Cargo, Cargo) {
        let home = self.home.as_ref().filter(|home| at + home.hops >= self.links.len());
        (up, home.map_or(Cargo::Verdicts, |home| home.cargo))
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
            Candidate::Local { model: LocalChoice::Target } => {
                let route = self.whole_on(device)?;
                Ok(Route { brought: self.brought(route.stages[0].model), ..route })
            }
            Candidate::Remote { target } | Candidate::Speculative { target, .. } => {
                self.whole_on(target)
            }
            Candidate::Split { stages, .. } => {
                let no_plan = |why: crate::PlanError| Obstacle::NoPlan { why: why.to_string() };
                let plan = candidate.plan(device, self.layers).map_err(no_plan)?;
                let route = self.staged(stages)?;
                let brought = match (plan.reader(), &route.stages[..]) {
                    (Some(_), [own, other]) => self.pays_by(other.node, own.model, own.part),
                    (_, _) => None,
                };
                Ok(Route { brought, ..route })
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
        let stages = vec![RouteStage { node: 0, model, part, cargo: Cargo::Tokens }];
        Ok(Route { stages, links: Vec::new(), home: None, brought: None })
    }

    fn whole_on(&self, target: &NodeName) -> Result<Route<'a>, Obstacle> {
        let codec = WireCodec::F32;
        let layers = LayerRange::all(self.layers);
        self.staged(&[RequestedStage { node: target.clone(), layers, codec }])
    }

    fn staged(&self, requested: &[RequestedStage]) -> Result<Route<'a>, Obstacle> {
        let (requested, home) = homing(requested, &self.situation.device);
        let mut route = Route { stages: Vec::new(), links: Vec::new(), home: None, brought: None };
        let mut before = 0;
        for (index, RequestedStage { node: name, layers, codec }) in requested.iter().enumerate() {
            let is_last = index + 1 == requested.len();
            let (embedding, head) = (index == 0, is_last && home.is_none());
            let part = Part { layers: layers.len(), embedding, head };
            let (number, node) = self.known(name)?;
            let demand = &self.situation.demand;
            let homes = home.is_some_and(|home| home.node == *name);
            let held = if homes { part.with_head() } else { part };
            let reads = held.embedding || held.head || layers.start() == 0;
            let model = room::usable(node, reads, demand.privacy)?;
            if number > 0 {
                let link = self.graph.link(before, number).ok_or_else(|| Obstacle::NoLink {
                    from: self.graph.nodes()[before].profile.node.clone(),
                    to: name.clone(),
                })?;
                route.links.push(link.estimate);
            }
            room::fits(node, model, *layers, held, demand)?;
            let cargo = match embedding {
                true => Cargo::Tokens,
                false => self.cargo(*codec, layers.start())?,
            };
            route.stages.push(RouteStage { node: number, model, part, cargo });
            before = number;
        }
        route.home = home.map(|stage| self.home(stage, &route)).transpose()?;
        Ok(route)
    }

    /// The head that stands alone behind the stages of `route`.
    fn home(&self, stage: &RequestedStage, route: &Route<'a>) -> Result<Home<'a>, Obstacle> {
        let demand = &self.situation.demand;
        let (number, node) = self.known(&stage.node)?;
        let model = room::usable(node, true, demand.privacy)?;
        let at = route.stages.iter().position(|other| other.node == number);
        if at.is_none() {
            room::fits(node, model, stage.layers, Part::HEAD, demand)?;
        }
        let cargo = self.cargo(stage.codec, stage.layers.start())?;
        // Behind its own stage, or from the device on.
        let hops = at.map_or(route.links.len(), |at| route.stages.len() - 1 - at);
        Ok(Home { node: number, model, cargo, hops })
    }

    fn known(&self, name: &NodeName) -> Result<(usize, &'a NodeState), Obstacle> {
        let number = self.graph.number(name);
        let number = number.ok_or_else(|| Obstacle::Unknown { node: name.clone() })?;
        Ok((number, self.graph.nodes()[number]))
    }

    /// Hidden states in `codec` behind `boundary` layers.
    fn cargo(&self, codec: WireCodec, boundary: u32) -> Result<Cargo, Obstacle> {
        let bits = self.situation.certificates.bits(codec, boundary);
        Ok(self.cargo_of(bits.map_err(Obstacle::Certificate)?, boundary))
    }

    /// Hidden states with so many bits a value, behind `boundary` layers.
    pub(crate) const fn cargo_of(&self, bits: f64, boundary: u32) -> Cargo {
        if boundary == self.layers { Cargo::Chosen(bits) } else { Cargo::Rows(bits) }
    }
}
