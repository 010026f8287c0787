//! What a stage needs on its node, and whether the node has it.

use super::lane::Part;
use crate::{Admission, Demand, NodeState, Obstacle};
use base::{ByteCount, LayerRange, Privacy, Role};
use profile::{ModelProfile, Weights};

/// The model of a stage on a node that may have one at all: one that `reads` the text, or not.
///
/// # Errors
///
/// [`Obstacle`] where the node is too far away, runs no target, or takes nobody.
pub(crate) fn usable(
    node: &NodeState,
    reads: bool,
    privacy: Privacy,
) -> Result<&ModelProfile, Obstacle> {
    let (name, role) = (&node.profile.node, node.profile.role);
    if !privacy.allows_stage(role, reads) {
        return Err(Obstacle::Privacy { class: privacy, node: name.clone(), role });
    }
    let no_target = || Obstacle::NoTarget { node: name.clone() };
    let model = node.profile.target.as_ref().ok_or_else(no_target)?;
    if node.admission == Admission::Refuses {
        return Err(Obstacle::Refuses { node: name.clone() });
    }
    Ok(model)
}

/// Whether `layers` of the target fit on `node`.
///
/// # Errors
///
/// [`Obstacle`] says what is missing, and how much.
pub(crate) fn fits(
    node: &NodeState,
    model: &ModelProfile,
    layers: LayerRange,
    part: Part,
    demand: &Demand,
) -> Result<(), Obstacle> {
    let name = || node.profile.node.clone();
    if !model.holds.contains(layers) {
        return Err(Obstacle::Holds { node: name(), holds: model.holds, layers });
    }
    let text = model.weights.kv(part.layers, demand.positions_max);
    if let Admission::Room(has) = node.admission
        && text > has
    {
        return Err(Obstacle::Room { node: name(), layers, needs: text, has });
    }
    let (needs, has) = (needs(node, &model.weights, part, demand), node.profile.memory);
    if needs > has {
        return Err(Obstacle::Memory { node: name(), layers, needs, has });
    }
    Ok(())
}

/// The most layers that fit on `node` beside the ends that `part` has; `None` where these alone do not.
pub(crate) fn layers_max(
    node: &NodeState,
    model: &ModelProfile,
    part: Part,
    demand: &Demand,
) -> Option<u32> {
    let fit = |layers: u32| {
        let part = Part { layers, ..part };
        let range = LayerRange::new(model.holds.start(), model.holds.start() + layers).ok()?;
        fits(node, model, range, part, demand).ok()
    };
    (0..=model.holds.len()).rev().find(|layers| fit(*layers).is_some())
}

fn needs(node: &NodeState, weights: &Weights, part: Part, demand: &Demand) -> ByteCount {
    let stage = whole(weights, part, demand.positions_max);
    // The draft model stands by in every mode, for the time when nobody is there.
    let draft = node.profile.draft.as_ref().filter(|_| node.profile.role == Role::Device);
    stage + draft.map_or(ByteCount(0), |draft| draft_needs(draft, demand))
}

/// Room for a draft model and its keys and values.
pub(crate) fn draft_needs(draft: &ModelProfile, demand: &Demand) -> ByteCount {
    let part = Part { layers: draft.layers, embedding: true, head: true };
    whole(&draft.weights, part, demand.positions_max)
}

fn whole(weights: &Weights, part: Part, positions: u32) -> ByteCount {
    let layers = ByteCount(weights.layer.0.saturating_mul(u64::from(part.layers)));
    let embedding = if part.embedding { weights.embedding } else { ByteCount(0) };
    // A head that shares the embedding's weights has none of its own, and needs those.
    let shared = part.head && !part.embedding && weights.head == ByteCount(0);
    let head = match (part.head, shared) {
        (false, _) => ByteCount(0),
        (true, true) => weights.embedding,
        (true, false) => weights.head,
    };
    layers + embedding + head + weights.kv(part.layers, positions)
}
