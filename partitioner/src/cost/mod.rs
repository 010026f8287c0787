//! What a candidate takes, if it can be run at all.
//!
//! | file | says |
//! |---|---|
//! | `hop.rs` | how long a message takes over a link |
//! | `lane.rs` | how long a pass takes on a node |
//! | `style.rs` | what drafts of some length do to a token's time |
//! | `crossing.rs` | what a hop adds to a chain |
//! | `chain.rs` | what stages and hops add up to |
//! | `pace.rs` | how drafts flow past a target that has all its layers |
//! | `room.rs` | what fits on a node |
//! | `route.rs` | which stages and links a candidate uses, checked |
//! | `brought.rs` | what it takes where another node reads the prompt too |
//! | `whole.rs` | what a target on one node takes, the device included |

pub(crate) mod brought;
pub(crate) mod chain;
pub(crate) mod crossing;
pub(crate) mod hop;
pub(crate) mod lane;
mod pace;
mod prediction;
pub(crate) mod room;
mod route;
pub(crate) mod style;
mod whole;

use crate::situation::Graph;
use crate::{Candidate, LocalChoice, Obstacle, Situation, SituationError, Speculation};
use base::DraftLength;
use chain::{Drafting, Tally};
use crossing::{Bytes, Cargo, HopCost};
use hop::Hop;
use lane::{Lanes, Part, Prompt, StageCost};
use prediction::{Deviations, Totals};
use profile::{Estimate, LinkEstimate, ModelProfile, Power};
use style::{DRAFTS_MAX, Style};

pub use prediction::Prediction;
pub(crate) use route::{Home, Route, RouteStage};

/// A situation, checked, and what of it every candidate needs.
#[derive(Debug)]
pub struct Costs<'a> {
    pub(crate) situation: &'a Situation,
    pub(crate) graph: Graph<'a>,
    pub(crate) prompt: Prompt,
    /// What is left of it where the KV of all its blocks is there.
    pub(crate) rest: Prompt,
    /// Tokens after the first.
    pub(crate) later: f64,
    /// Of the target; 0 where nobody runs it.
    pub(crate) layers: u32,
    width: f64,
    pub(crate) drafting: Option<Drafting>,
}

impl<'a> Costs<'a> {
    /// Checks `situation`.
    ///
    /// # Errors
    ///
    /// [`SituationError`] names the first thing that is wrong with it.
    pub fn new(situation: &'a Situation) -> Result<Self, SituationError> {
        let graph = Graph::new(situation)?;
        let demand = &situation.demand;
        let (layers, width) =
            graph.target().map_or((0, 0.0), |target| (target.layers, f64::from(target.width)));
        let (prompt, later) = (Prompt::new(demand.prompt_tokens), demand.later_tokens());
        let device = graph.nodes()[0];
        let drafting = device.profile.draft.as_ref().map(|draft| {
            let (prompt_s, draft_s, _) = whole::alone(device, draft, &prompt, demand.context());
            Drafting { draft_s, prompt_s }
        });
        let rest = Prompt::behind_blocks(demand.prompt_tokens);
        Ok(Self { situation, graph, prompt, rest, later, layers, width, drafting })
    }

    /// What `candidate` takes.
    ///
    /// # Errors
    ///
    /// [`Obstacle`] is the first reason why it cannot be run.
    pub fn predict(&self, candidate: &Candidate) -> Result<Prediction, Obstacle> {
        let route = self.route(candidate)?;
        let totals = self.totals(candidate, &route, &route.links);
        let vouched = *candidate != Candidate::Local { model: LocalChoice::Draft };
        let deviations = self.deviations(candidate, &route);
        let length = candidate.draft_length();
        Ok(Prediction::new(&totals, deviations, self.later, length, vouched))
    }

    /// How many layers the target has; 0 where nobody runs it.
    pub const fn layers(&self) -> u32 {
        self.layers
    }

    pub(crate) fn power(&self) -> Option<Power> {
        self.graph.nodes()[0].profile.power
    }

    pub(crate) fn lanes(
        &self,
        node: usize,
        model: &ModelProfile,
        prompt: &Prompt,
        style: &Style,
    ) -> Lanes {
        let context = self.situation.demand.context();
        Lanes::new(self.graph.nodes()[node], model, prompt, style.rows(), context)
    }

    /// Of a hop that this crosses, towards the target and from there.
    pub(crate) fn hop(
        &self,
        link: &LinkEstimate,
        cargo: (Cargo, Cargo),
        prompt: &Prompt,
        style: &Style,
    ) -> HopCost {
        HopCost::new(&Hop::new(link), cargo, self.width, prompt, style, self.later)
    }

    /// What a stage adds.
    pub(crate) fn stage(
        &self,
        (node, model): (usize, &ModelProfile),
        part: Part,
        prompt: &Prompt,
        style: &Style,
    ) -> StageCost {
        self.lanes(node, model, prompt, style).stage(part, prompt, style, self.later)
    }

    /// What the device spends on drafts; nothing where it has no draft model.
    pub(crate) fn drafting(&self) -> Drafting {
        self.drafting.unwrap_or(Drafting { draft_s: 0.0, prompt_s: 0.0 })
    }

    pub(crate) fn totals(
        &self,
        candidate: &Candidate,
        route: &Route<'_>,
        links: &[LinkEstimate],
    ) -> Totals {
        match candidate {
            Candidate::Local { .. } => self.local(route),
            Candidate::Remote { .. } => self.remote(route, links),
            Candidate::Speculative { speculation, draft_length, .. } => match speculation {
                Speculation::Rounds => self.chain(route, links, *draft_length, *speculation),
                Speculation::Streaming => self.flowing(route, links, *draft_length, false),
                Speculation::WorkConserving => self.flowing(route, links, *draft_length, true),
            },
            Candidate::Split { speculation, draft_length, .. } => {
                self.chain(route, links, *draft_length, *speculation)
            }
        }
    }

    /// Chunks that cross a chain one by one. A device that drafts as pays comes to the length that makes
    /// tokens fastest (`protocol/src/speculation/tuning.rs`).
    fn chain(
        &self,
        route: &Route<'_>,
        links: &[LinkEstimate],
        length: DraftLength,
        speculation: Speculation,
    ) -> Totals {
        let of = |drafts| {
            let style = Style::new(drafts, speculation, self.situation.demand.acceptance);
            let (tally, bytes) = self.tally(route, links, &style);
            let criteria = tally.criteria(&style, self.power(), self.later);
            Totals { criteria, bytes, passes_per_token: style.judged_per_token }
        };
        match length {
            DraftLength::Fixed(drafts) => of(drafts),
            DraftLength::Auto => {
                let all = (1..=DRAFTS_MAX).map(of);
                let itl = |totals: &Totals| totals.criteria.itl_ms;
                let fastest = all.min_by(|a, b| itl(a).total_cmp(&itl(b)));
                fastest.expect("there is a length")
            }
        }
    }

    fn tally(&self, route: &Route<'_>, links: &[LinkEstimate], style: &Style) -> (Tally, Bytes) {
        let prompt = if route.brought.is_some() { &self.rest } else { &self.prompt };
        let home = |node| {
            let head = |home: &Home<'_>| self.stage((node, home.model), Part::HEAD, prompt, style);
            route.home_on(node).map(head).unwrap_or_default()
        };
        let cost = |stage: &RouteStage<'_>| {
            self.stage((stage.node, stage.model), stage.part, prompt, style)
        };
        let device = route.device_stage().map(cost).unwrap_or_default().and(&home(0));
        let mut tally = Tally::start(&self.drafting(), &device, style);
        let mut bytes = Bytes::default();
        if let (Some(_), [own, reader]) = (route.brought, &route.stages[..]) {
            // Whether it pays was decided by the links as they are.
            let reader = (reader.node, reader.model);
            let brought = self.brought_by(reader, &links[0], own.model, own.part);
            tally = tally.bring(&brought);
            bytes = bytes.and(&brought.bytes);
        }
        for (at, (stage, link)) in route.remote_stages().iter().zip(links).enumerate() {
            let hop = self.hop(link, route.cargo(at, stage.cargo), prompt, style);
            tally = tally.cross(&hop).run(&cost(stage).and(&home(stage.node)));
            bytes = bytes.and(&hop.bytes);
        }
        (tally, bytes)
    }

    /// First order: each estimate of each link moved by its deviation, the moves added as independent.
    fn deviations(&self, candidate: &Candidate, route: &Route<'_>) -> Deviations {
        let mut squares = Deviations::default();
        for at in 0..route.links.len() {
            for estimate in ESTIMATES {
                let Estimate { mean, deviation } = *estimate(&mut route.links[at].clone());
                if deviation <= 0.0 || mean <= 0.0 {
                    continue;
                }
                let step = deviation.min(mean / 2.0);
                let at_moved = |by: f64| {
                    let mut links = route.links.clone();
                    estimate(&mut links[at]).mean += by;
                    self.totals(candidate, route, &links).criteria
                };
                let (more, less) = (at_moved(step), at_moved(-step));
                let per_deviation = deviation / (2.0 * step);
                let ttft = (more.ttft_ms - less.ttft_ms) * per_deviation;
                let itl = (more.itl_ms - less.itl_ms) * per_deviation;
                squares.ttft_ms += ttft.powi(2);
                squares.itl_ms += itl.powi(2);
                squares.reply_ms += (ttft + self.later * itl).powi(2);
            }
        }
        let Deviations { ttft_ms, itl_ms, reply_ms } = squares;
        Deviations { ttft_ms: ttft_ms.sqrt(), itl_ms: itl_ms.sqrt(), reply_ms: reply_ms.sqrt() }
    }
}

/// The estimates of a link that its times follow.
const ESTIMATES: [fn(&mut LinkEstimate) -> &mut Estimate; 3] =
    [|link| &mut link.rtt_ms, |link| &mut link.up_mbps, |link| &mut link.down_mbps];

#[cfg(test)]
mod tests;
