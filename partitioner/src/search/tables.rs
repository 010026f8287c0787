//! What every stage and hop of a style adds, looked up by number, and what is left at least.

use super::measure::{Measures, Score};
use crate::cost::chain::Tally;
use crate::cost::lane::Part;
use crate::cost::room;
use crate::cost::style::Style;
use crate::{Costs, Objective};
use base::{LayerRange, WireCodec};
use profile::ModelProfile;

/// Where in a chain a stage stands, and so which ends it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Turns tokens into hidden states.
    First,
    /// Neither.
    Middle,
    /// Decides.
    Last,
}

/// What does not depend on the style.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) layers: usize,
    /// By node: what it can run; `None` where nothing may.
    pub(super) nodes: Vec<Option<Room<'a>>>,
    /// By boundary: the codec, and which of the distinct widths it has.
    pub(super) codecs: Vec<(WireCodec, usize)>,
    /// The distinct bits of a value.
    bits: Vec<f64>,
}

/// What a node can run.
#[derive(Debug)]
pub(super) struct Room<'a> {
    pub(super) model: &'a ModelProfile,
    holds: LayerRange,
    /// Most layers, by place; `None` where not even none.
    most: [Option<u32>; 3],
}

/// What stages and hops add in one style.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) style: Style,
    pub(super) measures: Measures,
    /// By node, place and layers.
    stages: Vec<[Vec<Score>; 3]>,
    /// By node and link: where tokens cross, and by width of hidden states.
    hops: Vec<Vec<(Score, Vec<Score>)>>,
    /// By number of layers: a beginning with so many on the device.
    device: Vec<Score>,
    /// A beginning without any.
    pub(super) bare: Score,
}

impl Place {
    const ALL: [Self; 3] = [Self::First, Self::Middle, Self::Last];

    const fn part(self, layers: u32) -> Part {
        let (embedding, head) = (matches!(self, Self::First), matches!(self, Self::Last));
        Part { layers, embedding, head }
    }
}

impl<'a> Ground<'a> {
    pub(super) fn new(costs: &Costs<'a>) -> Self {
        let demand = &costs.situation.demand;
        let nodes = costs.graph.nodes().iter().map(|node| {
            let model = room::usable(node, demand.privacy).ok()?;
            let most = Place::ALL.map(|place| room::layers_max(node, model, place.part(0), demand));
            Some(Room { model, holds: model.holds, most })
        });
        let mut ground = Self {
            layers: costs.layers as usize,
            nodes: nodes.collect(),
            codecs: Vec::new(),
            bits: Vec::new(),
        };
        for (codec, bits) in costs.situation.certificates.leanest(costs.layers) {
            let width = ground.bits.iter().position(|known| known.total_cmp(&bits).is_eq());
            let width = width.unwrap_or(ground.bits.len());
            if width == ground.bits.len() {
                ground.bits.push(bits);
            }
            ground.codecs.push((codec, width));
        }
        ground
    }
}

impl Room<'_> {
    /// The places at which a stage that starts behind `done` layers may end.
    pub(super) fn ends(&self, done: usize, place: Place, layers: usize) -> std::ops::Range<usize> {
        let Some(most) = self.most[place as usize] else { return 0..0 };
        let holds = self.holds.start() as usize..self.holds.end() as usize;
        // A stage without layers may stand anywhere.
        let end = if holds.contains(&done) { (done + most as usize).min(holds.end) } else { done };
        match place {
            Place::First | Place::Middle => done..end + 1,
            Place::Last => layers..if end == layers { layers + 1 } else { layers },
        }
    }
}

impl Tables {
    pub(super) fn new(
        costs: &Costs<'_>,
        ground: &Ground<'_>,
        objective: &Objective,
        style: Style,
    ) -> Self {
        let measures = Measures::new(costs, objective, style);
        let mut tables = Self {
            style,
            stages: Vec::new(),
            hops: Vec::new(),
            device: Vec::new(),
            bare: measures.score(&Tally::start(&costs.drafting(), None, &style)),
            measures,
        };
        for (node, room) in ground.nodes.iter().enumerate() {
            tables.add_stages(costs, node, room.as_ref());
            let links = costs.graph.up(node).iter().map(|(_, link)| {
                let cost = |bits| {
                    let hop = costs.hop(&link.estimate, bits, &style);
                    tables.measures.score(&Tally::default().cross(&hop))
                };
                (cost(None), ground.bits.iter().map(|bits| cost(Some(*bits))).collect())
            });
            let links = links.collect();
            tables.hops.push(links);
        }
        tables
    }

    fn add_stages(&mut self, costs: &Costs<'_>, node: usize, room: Option<&Room<'_>>) {
        let mut places = [Vec::new(), Vec::new(), Vec::new()];
        if let Some(Room { model, most, .. }) = room {
            let lanes = costs.lanes(node, model, &self.style);
            let stage = |part| lanes.stage(part, &costs.prompt, &self.style, costs.later);
            let sizes = |place: Place| most[place as usize].map_or(0..0, |most| 0..most + 1);
            for (place, scores) in Place::ALL.into_iter().zip(&mut places) {
                let tally = |layers| Tally::default().run(&stage(place.part(layers)));
                let score = |layers| self.measures.score(&tally(layers));
                scores.extend(sizes(place).map(score));
            }
            if node == 0 {
                let start = |layers| {
                    let stage = stage(Place::First.part(layers));
                    let tally = Tally::start(&costs.drafting(), Some(&stage), &self.style);
                    self.measures.score(&tally)
                };
                self.device.extend(sizes(Place::First).map(start));
            }
        }
        self.stages.push(places);
    }

    /// What a stage of so many layers adds.
    pub(super) fn stage(&self, node: usize, place: Place, layers: usize) -> &Score {
        &self.stages[node][place as usize][layers]
    }

    /// What a hop adds that hidden states of `width` cross, or tokens.
    pub(super) fn hop(&self, node: usize, link: usize, width: Option<usize>) -> &Score {
        let (tokens, hidden) = &self.hops[node][link];
        width.map_or(tokens, |width| &hidden[width])
    }

    /// A beginning with so many layers on the device.
    pub(super) fn device(&self, layers: usize) -> &Score {
        &self.device[layers]
    }
}
