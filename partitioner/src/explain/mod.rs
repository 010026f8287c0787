//! Why this plan: what each alternative would take, or why it cannot be.
//!
//! Alternatives are the best plan of every other kind, those over every other chain of nodes, and the
//! neighbours of the plan that was chosen: a layer more or less on each side of a boundary, another
//! codec, drafts of another length or none.

mod alternative;
mod brought;
mod front;
mod neighbours;
mod parts;

use crate::cost::{lane, room};
use crate::search::speculative;
use crate::{
    Candidate, Choice, Costs, Criteria, Demand, LocalChoice, Objective, Obstacle, Situation,
    StageRoom,
};
use base::{NodeName, Privacy};
use serde::Serialize;

pub use alternative::{Alternative, Difference, Verdict};
pub use brought::BroughtPrompt;
pub use parts::{Part, PartOf};

/// Chains of nodes that an explanation looks at; of more it says how many it left out.
const CHAINS_MAX: usize = 16;

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    /// The best plan within the limits; `None` where there is none.
    pub chosen: Option<Choice>,
    /// Whose help the chosen plan takes to read the prompt.
    pub prompt: Option<BroughtPrompt>,
    /// What else there was, kinds first, then chains, then neighbours.
    pub alternatives: Vec<Alternative>,
    /// How many chains of nodes were not looked at one by one.
    pub chains_left_out: usize,
}

impl Costs<'_> {
    /// Finds the best plan and says why it is. Takes longer than [`Self::best`]: it searches each chain.
    pub fn decide(&self, objective: &Objective) -> Decision {
        let chosen = self.best(objective);
        let mut alternatives = Vec::new();
        for what in self.kinds() {
            let candidates: Vec<Candidate> =
                what.into_iter().filter(|other| !is_chosen(other, chosen.as_ref())).collect();
            alternatives.extend(self.best_alternative(&candidates, chosen.as_ref(), objective));
        }
        let chains = self.chains();
        let taken = chosen.as_ref().map(|chosen| chain_of(&chosen.candidate, self.situation));
        for chain in chains.iter().take(CHAINS_MAX) {
            let names: Vec<NodeName> = chain.iter().map(|node| self.name(*node)).collect();
            if taken.as_ref().is_none_or(|taken| *taken != names) {
                alternatives.extend(self.over(chain, &names, chosen.as_ref(), objective));
            }
        }
        if let Some(chosen) = &chosen {
            for candidate in neighbours::of(&chosen.candidate, self) {
                let judged = self.judge(&candidate, objective);
                alternatives.push(self.alternative(candidate, judged, Some(chosen), objective));
            }
        }
        let chains_left_out = chains.len().saturating_sub(CHAINS_MAX);
        let prompt = chosen.as_ref().and_then(|chosen| self.brought_prompt(&chosen.candidate));
        Decision { chosen, prompt, alternatives, chains_left_out }
    }

    /// The candidates that leave the target whole, by kind.
    fn kinds(&self) -> Vec<Vec<Candidate>> {
        let alone = [LocalChoice::Target, LocalChoice::Draft];
        let mut kinds = alone.map(|model| vec![Candidate::Local { model }]).to_vec();
        for node in 1..self.graph.nodes().len() {
            let target = self.name(node);
            kinds.push(vec![Candidate::Remote { target: target.clone() }]);
            kinds.push(speculative(&target));
        }
        kinds
    }

    /// The best of some candidates of one kind, or why there is none.
    fn best_alternative(
        &self,
        candidates: &[Candidate],
        chosen: Option<&Choice>,
        objective: &Objective,
    ) -> Option<Alternative> {
        let judged = candidates.iter().map(|one| (one, self.judge(one, objective)));
        let score = |judged: &Result<Choice, Obstacle>| {
            judged.as_ref().map_or(f64::INFINITY, |choice| choice.score)
        };
        let (candidate, judged) = judged.min_by(|a, b| score(&a.1).total_cmp(&score(&b.1)))?;
        Some(self.alternative(candidate.clone(), judged, chosen, objective))
    }

    /// The best split over one chain, or why there is none.
    fn over(
        &self,
        chain: &[usize],
        names: &[NodeName],
        chosen: Option<&Choice>,
        objective: &Objective,
    ) -> Option<Alternative> {
        let part = self.situation.along(names);
        let costs = Costs::new(&part).ok()?;
        let limitless = Objective { limits: Criteria::default(), ..*objective };
        let found = costs.best_split(objective, None);
        let found = found.or_else(|| costs.best_split(&limitless, None));
        let Some(found) = found else {
            let what = format!("split over {}", joined(names));
            return Some(Alternative::infeasible(what, self.why_none(chain, &part)));
        };
        // A longer chain that had better end sooner is told of by the shorter one.
        (chain_of(&found.candidate, self.situation) == names).then(|| {
            let judged = self.judge(&found.candidate, objective);
            self.alternative(found.candidate, judged, chosen, objective)
        })
    }

    /// Why there is no split over `chain`, of which `part` tells alone.
    fn why_none(&self, chain: &[usize], part: &Situation) -> Obstacle {
        let demand = &self.situation.demand;
        let mut rooms = Vec::new();
        for node in chain {
            let state = self.graph.nodes()[*node];
            match room::usable(state, false, demand.privacy) {
                Err(obstacle) if *node > 0 => return obstacle,
                Err(_) => {}
                Ok(model) => {
                    let fit = room::layers_max(state, model, lane::Part::MIDDLE, demand);
                    let (node, fit) = (state.profile.node.clone(), fit.unwrap_or(0));
                    rooms.push(StageRoom { node, holds: model.holds, fit });
                }
            }
        }
        let together = Obstacle::Together { layers: self.layers, rooms };
        self.kept_private(chain, part).unwrap_or(together)
    }

    /// What privacy says to the first node of `chain` that may not read, where that alone is in the way of a
    /// split.
    fn kept_private(&self, chain: &[usize], part: &Situation) -> Option<Obstacle> {
        let privacy = self.situation.demand.privacy;
        let reads = |node: &usize| room::usable(self.graph.nodes()[*node], true, privacy);
        let mut obstacles = chain.iter().filter_map(|node| reads(node).err());
        let kept = obstacles.find(|obstacle| matches!(obstacle, Obstacle::Privacy { .. }))?;
        let demand = Demand { privacy: Privacy::Anywhere, ..part.demand };
        let anywhere = Situation { demand, ..part.clone() };
        let costs = Costs::new(&anywhere).ok()?;
        costs.best_split(&Objective::FASTEST, None).map(|_| kept)
    }

    /// Every chain of nodes from the device on, the shortest first.
    fn chains(&self) -> Vec<Vec<usize>> {
        let mut chains = vec![vec![0]];
        let mut at = 0;
        while at < chains.len() {
            let chain = chains[at].clone();
            let last = *chain.last().expect("a chain has a start");
            for (to, _) in self.graph.up(last) {
                chains.push(chain.iter().copied().chain([*to]).collect());
            }
            at += 1;
        }
        chains.remove(0);
        chains
    }

    fn name(&self, node: usize) -> NodeName {
        self.graph.nodes()[node].profile.node.clone()
    }
}

impl Situation {
    /// With the nodes and links of one chain alone.
    fn along(&self, chain: &[NodeName]) -> Self {
        let follows = |from: &NodeName, to: &NodeName| {
            chain.windows(2).any(|pair| pair[0] == *from && pair[1] == *to)
        };
        let nodes = self.nodes.iter().filter(|node| chain.contains(&node.profile.node));
        let links = self.links.iter().filter(|link| follows(&link.from, &link.to));
        Self { nodes: nodes.cloned().collect(), links: links.cloned().collect(), ..self.clone() }
    }
}

fn is_chosen(candidate: &Candidate, chosen: Option<&Choice>) -> bool {
    chosen.is_some_and(|chosen| chosen.candidate == *candidate)
}

/// The nodes that a split crosses, the device first; none where it is no split.
fn chain_of(candidate: &Candidate, situation: &Situation) -> Vec<NodeName> {
    match candidate {
        Candidate::Local { .. } | Candidate::Remote { .. } | Candidate::Speculative { .. } => {
            Vec::new()
        }
        Candidate::Split { .. } => {
            let crossed = candidate.crosses(&situation.device);
            std::iter::once(&situation.device).chain(crossed).cloned().collect()
        }
    }
}

fn joined(names: &[NodeName]) -> String {
    names.iter().map(NodeName::as_str).collect::<Vec<_>>().join(" > ")
}

#[cfg(test)]
mod tests;
