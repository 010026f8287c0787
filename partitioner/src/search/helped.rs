//! Splits whose prompt is read with the help of the one other node: at most one for each boundary and
//! neighbour of the device, so each is added up as it is.

use super::measure::Score;
use super::tables::{Ground, Head, Tables};
use crate::Costs;
use crate::certificates::EXACT_BITS;
use crate::cost::chain::Tally;
use crate::cost::crossing::Cargo;
use crate::cost::lane::{Lanes, Part};

/// A chain of the device and one other node.
#[derive(Debug)]
pub(super) struct Helped {
    pub(super) score: Score,
    /// On the device.
    pub(super) layers: usize,
    /// The other node.
    pub(super) node: usize,
}

/// All of them, with their head there.
pub(super) fn all(
    costs: &Costs<'_>,
    ground: &Ground<'_>,
    tables: &Tables,
    head: Head,
) -> Vec<Helped> {
    let (prompt, style) = (&costs.rest, &tables.style);
    let lanes = |node: usize| {
        let room = ground.nodes[node].as_ref();
        room.map(|room| costs.lanes(node, room.model, prompt, style))
    };
    let stage = |lanes: &Lanes, part: Part| lanes.stage(part, prompt, style, costs.later);
    let mut all = Vec::new();
    for (link, (node, edge)) in costs.graph.up(0).iter().enumerate() {
        let mut ends = ground.ends(0, 0, head.on_device());
        if ends.all(|layers| ground.brought(link, layers).is_none()) {
            continue;
        }
        let (Some(own), Some(other)) = (lanes(0), lanes(*node)) else { continue };
        // Behind the last layer any codec will do: the other node has no KV.
        let cargoes = [Cargo::Rows(EXACT_BITS), ground.homing()];
        let [rows, chosen] =
            cargoes.map(|up| costs.hop(&edge.estimate, (up, head.answer(ground)), prompt, style));
        for layers in ground.ends(0, 0, head.on_device()) {
            let (Some(brought), Some(place)) =
                (ground.brought(link, layers), ground.last(*node, layers, head))
            else {
                continue;
            };
            let here = head.on_device().cost(layers, |part| stage(&own, part));
            let hop = if layers == ground.layers { &chosen } else { &rows };
            let there = place.cost(ground.layers - layers, |part| stage(&other, part));
            let tally = Tally::start(&costs.drafting(), &here, style).bring(brought);
            let score = tables.measures.score(&tally.cross(hop).run(&there));
            all.push(Helped { score, layers, node: *node });
        }
    }
    all
}
