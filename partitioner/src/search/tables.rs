//! What every stage and hop of a style adds, looked up by number, and what is left at least.

use super::line::Line;
use super::measure::{Measures, Score};
use crate::cost::brought::Brought;
use crate::cost::chain::Tally;
use crate::cost::crossing::Cargo;
use crate::cost::lane::{Part, StageCost};
use crate::cost::room;
use crate::cost::style::Style;
use crate::{Costs, Objective};
use base::{LayerRange, WireCodec};
use profile::ModelProfile;
use std::ops::Range;

/// Where in a chain a stage stands, and so which ends it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Turns tokens into hidden states.
    First,
    /// Neither.
    Middle,
    /// Decides.
    Last,
    /// A first stage that hidden states come home to: it has the head as well, apart.
    FirstHome,
    /// The same of a middle one.
    MiddleHome,
}

/// Where chains have their head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// On the node with the last layers, or on the one below it.
    Above,
    /// On the device.
    Device,
}

/// What does not depend on the style.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) layers: usize,
    /// By node: what it can run; `None` where nothing may.
    pub(super) nodes: Vec<Option<Room<'a>>>,
    /// By boundary: the codec, and which of the distinct cargoes crosses in it.
    pub(super) codecs: Vec<(WireCodec, usize)>,
    /// The distinct hidden states that may cross a hop.
    cargoes: Vec<Cargo>,
    /// The device with the head and no layers, where it has room for it.
    bare: Option<&'a ModelProfile>,
    /// By link of the device and its layers: how a prompt is read with the help of the node there.
    brought: Vec<Vec<Option<Brought>>>,
}

/// What a node can run.
#[derive(Debug)]
pub(super) struct Room<'a> {
    pub(super) model: &'a ModelProfile,
    holds: LayerRange,
    /// Most layers, by place; `None` where not even none.
    most: [Option<u32>; Place::ALL.len()],
    /// Whether it may read the text.
    reads: bool,
}

/// What stages and hops add in one style.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) style: Style,
    pub(super) measures: Measures,
    /// By node and place; `None` where no stage may be.
    stages: Vec<[Option<Line>; Place::ALL.len()]>,
    /// By node and link.
    hops: Vec<Vec<Hops>>,
    /// Beginnings, by where the head is.
    starts: [Starts; 2],
}

/// Beginnings of chains.
#[derive(Debug)]
struct Starts {
    /// With layers on the device; `None` where it can run none.
    device: Option<Line>,
    /// Without any; `None` where the head is on the device and has no room.
    bare: Option<Score>,
}

/// What may cross a link, and what that adds.
#[derive(Debug)]
struct Hops {
    /// Tokens.
    tokens: Score,
    /// Hidden states, by cargo.
    hidden: Vec<Score>,
    /// The same, where chosen rows come home: tokens, and by cargo.
    home: (Score, Vec<Score>),
}

impl Head {
    pub(super) const ALL: [Self; 2] = [Self::Above, Self::Device];

    /// What the device's own stage is.
    pub(super) const fn on_device(self) -> Place {
        match self {
            Self::Above => Place::First,
            Self::Device => Place::FirstHome,
        }
    }

    /// What comes down every hop.
    pub(super) fn answer(self, ground: &Ground<'_>) -> Cargo {
        match self {
            Self::Above => Cargo::Verdicts,
            Self::Device => ground.homing(),
        }
    }
}

impl Place {
    pub(super) const ALL: [Self; 5] =
        [Self::First, Self::Middle, Self::Last, Self::FirstHome, Self::MiddleHome];

    /// What has to fit on the node.
    const fn held(self, layers: u32) -> Part {
        let embedding = matches!(self, Self::First | Self::FirstHome);
        let head = matches!(self, Self::Last | Self::FirstHome | Self::MiddleHome);
        Part { layers, embedding, head }
    }

    /// What a stage of so many layers adds, where `stage` says what a part does.
    pub(super) fn cost(self, layers: usize, stage: impl Fn(Part) -> StageCost) -> StageCost {
        let held = self.held(u32::try_from(layers).expect("a model has few layers"));
        match self {
            Self::First | Self::Middle | Self::Last => stage(held),
            Self::FirstHome | Self::MiddleHome => {
                stage(Part { head: false, ..held }).and(&stage(Part::HEAD))
            }
        }
    }
}

impl<'a> Ground<'a> {
    pub(super) fn new(costs: &Costs<'a>) -> Self {
        let demand = &costs.situation.demand;
        let nodes = costs.graph.nodes().iter().map(|node| {
            let usable = |reads| room::usable(node, reads, demand.privacy).ok();
            let most = Place::ALL.map(|place| {
                let part = place.held(0);
                let model = usable(part.embedding || part.head);
                model.and_then(|model| room::layers_max(node, model, part, demand))
            });
            let model = usable(false)?;
            Some(Room { model, holds: model.holds, most, reads: usable(true).is_some() })
        });
        let nodes: Vec<Option<Room<'a>>> = nodes.collect();
        let bare = nodes[0].as_ref().filter(|room| room.most[Place::Last as usize].is_some());
        let mut ground = Self {
            layers: costs.layers as usize,
            bare: bare.map(|room| room.model),
            nodes,
            codecs: Vec::new(),
            cargoes: Vec::new(),
            brought: Vec::new(),
        };
        ground.brought = ground.all_brought(costs);
        let leanest = costs.situation.certificates.leanest(costs.layers);
        for (boundary, (codec, bits)) in (0..).zip(leanest) {
            let cargo = costs.cargo_of(bits, boundary);
            let known = ground.cargoes.iter().position(|known| *known == cargo);
            let number = known.unwrap_or(ground.cargoes.len());
            if number == ground.cargoes.len() {
                ground.cargoes.push(cargo);
            }
            ground.codecs.push((codec, number));
        }
        ground
    }

    fn all_brought(&self, costs: &Costs<'_>) -> Vec<Vec<Option<Brought>>> {
        let Some(own) = &self.nodes[0] else { return Vec::new() };
        let links = costs.graph.up(0).iter().map(|(node, _)| {
            let sizes = (0..).zip(own.sizes(Place::First)).map(|(layers, _)| {
                let part = Place::First.held(layers);
                (layers > 0).then(|| costs.pays_by(*node, own.model, part)).flatten()
            });
            sizes.collect()
        });
        links.collect()
    }

    /// How a prompt is read with the help of the node over `link`, where the device has so many layers.
    pub(super) fn brought(&self, link: usize, layers: usize) -> Option<&Brought> {
        self.brought.get(link)?.get(layers)?.as_ref()
    }

    /// Whether a chain of the device, with so many layers, and the node over `link` alone is helped if its hop
    /// has the leanest codec: hidden states as they are, or no layers behind it.
    pub(super) fn is_helped(&self, link: usize, layers: usize) -> bool {
        let is_told = layers == self.layers || self.codecs[layers].0 == WireCodec::F32;
        is_told && self.brought(link, layers).is_some()
    }

    /// Where a stage on `node` may end that starts behind `done` layers.
    pub(super) fn ends(&self, node: usize, done: usize, place: Place) -> Range<usize> {
        let room = self.nodes[node].as_ref();
        room.map_or(0..0, |room| room.ends(done, place, self.layers))
    }

    /// Whether a stage on `node` behind `done` layers may have all the others, and send rows home.
    pub(super) fn turns(&self, node: usize, done: usize) -> bool {
        done < self.layers && self.ends(node, done, Place::Middle).contains(&self.layers)
    }

    /// What the last stage is, if one on `node` behind `done` layers may be.
    pub(super) fn last(&self, node: usize, done: usize, head: Head) -> Option<Place> {
        match head {
            Head::Above => {
                let ends = self.ends(node, done, Place::Last);
                (!ends.is_empty()).then_some(Place::Last)
            }
            Head::Device => self.turns(node, done).then_some(Place::Middle),
        }
    }

    /// What comes home from behind the last layer.
    pub(super) fn homing(&self) -> Cargo {
        self.cargoes[self.codecs[self.layers].1]
    }
}

impl Room<'_> {
    /// How many layers a stage may have.
    pub(super) fn sizes(&self, place: Place) -> Range<usize> {
        self.most[place as usize].map_or(0..0, |most| 0..most as usize + 1)
    }

    /// The places at which a stage that starts behind `done` layers may end.
    fn ends(&self, done: usize, place: Place, layers: usize) -> Range<usize> {
        let Some(most) = self.most[place as usize] else { return 0..0 };
        if done == 0 && !self.reads {
            return 0..0;
        }
        let holds = self.holds.start() as usize..self.holds.end() as usize;
        // A stage without layers may stand anywhere.
        let end = if holds.contains(&done) { (done + most as usize).min(holds.end) } else { done };
        match place {
            Place::First | Place::Middle | Place::FirstHome | Place::MiddleHome => done..end + 1,
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
        let starts = Head::ALL.map(|head| Starts::new(costs, ground, &measures, &style, head));
        let nodes = ground.nodes.iter().enumerate();
        let stages = nodes.map(|(node, room)| {
            // The device's own are beginnings.
            let Some(room) = room.as_ref().filter(|_| node > 0) else { return [const { None }; _] };
            let lanes = costs.lanes(node, room.model, &costs.prompt, &style);
            let cost = |part| lanes.stage(part, &costs.prompt, &style, costs.later);
            Place::ALL.map(|place| {
                let tally = |layers| Tally::default().run(&place.cost(layers, cost));
                room.most[place as usize]
                    .map(|_| Line::through(|layers| measures.score(&tally(layers))))
            })
        });
        let stages = stages.collect();
        let hops = (0..ground.nodes.len()).map(|node| {
            let links = costs.graph.up(node).iter().map(|(_, link)| {
                let score = |up, down| {
                    let hop = costs.hop(&link.estimate, (up, down), &costs.prompt, &style);
                    measures.score(&Tally::default().cross(&hop))
                };
                let all = |down| ground.cargoes.iter().map(|up| score(*up, down)).collect();
                let (word, home) = (Cargo::Verdicts, ground.homing());
                Hops {
                    tokens: score(Cargo::Tokens, word),
                    hidden: all(word),
                    home: (score(Cargo::Tokens, home), all(home)),
                }
            });
            links.collect()
        });
        let hops = hops.collect();
        Self { style, stages, hops, starts, measures }
    }

    /// What a stage of so many layers adds.
    pub(super) fn stage(&self, node: usize, place: Place, layers: usize) -> Score {
        self.line(node, place).at(layers)
    }

    /// What stages of any number of layers add.
    pub(super) fn line(&self, node: usize, place: Place) -> &Line {
        let line = self.stages[node][place as usize].as_ref();
        line.expect("only a stage that may be is asked for")
    }

    /// What a hop adds to a chain with its head there, if a cargo of hidden states crosses it, or tokens.
    pub(super) fn hop(&self, head: Head, node: usize, link: usize, cargo: Option<usize>) -> &Score {
        let Hops { tokens, hidden, home } = &self.hops[node][link];
        let (tokens, hidden) = match head {
            Head::Above => (tokens, hidden),
            Head::Device => (&home.0, &home.1),
        };
        cargo.map_or(tokens, |cargo| &hidden[cargo])
    }

    /// The same, where chosen rows come home over this hop.
    pub(super) fn hop_home(&self, node: usize, link: usize, cargo: usize) -> &Score {
        &self.hops[node][link].home.1[cargo]
    }

    /// The beginning with so many layers on the device, which has room for them.
    pub(super) fn device(&self, head: Head, layers: usize) -> Score {
        let line = self.starts[head as usize].device.as_ref();
        line.expect("only a stage that may be is asked for").at(layers)
    }

    /// The beginning without any, where there is one.
    pub(super) fn bare(&self, head: Head) -> Option<&Score> {
        self.starts[head as usize].bare.as_ref()
    }
}

impl Starts {
    fn new(
        costs: &Costs<'_>,
        ground: &Ground<'_>,
        measures: &Measures,
        style: &Style,
        head: Head,
    ) -> Self {
        let start =
            |stage: &StageCost| measures.score(&Tally::start(&costs.drafting(), stage, style));
        let place = head.on_device();
        let bare = match head {
            Head::Above => Some(start(&StageCost::default())),
            Head::Device => ground
                .bare
                .map(|model| start(&costs.stage((0, model), Part::HEAD, &costs.prompt, style))),
        };
        let room = ground.nodes[0].as_ref().filter(|room| room.most[place as usize].is_some());
        let device = room.map(|room| {
            let lanes = costs.lanes(0, room.model, &costs.prompt, style);
            let cost = |part| lanes.stage(part, &costs.prompt, style, costs.later);
            Line::through(|layers| start(&place.cost(layers, cost)))
        });
        Self { device, bare }
    }
}
