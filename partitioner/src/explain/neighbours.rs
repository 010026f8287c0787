//! Plans that differ from another in one thing.

use crate::candidate::homing;
use crate::cost::style::DRAFTS_MAX;
use crate::{Candidate, Costs, RequestedStage, Speculation};
use base::{DraftLength, LayerRange};

/// The neighbours of `candidate`, whether they can be run or not.
pub(super) fn of(candidate: &Candidate, costs: &Costs<'_>) -> Vec<Candidate> {
    match candidate {
        Candidate::Local { .. } | Candidate::Remote { .. } => Vec::new(),
        Candidate::Speculative { target, speculation, draft_length } => lengths(*draft_length)
            .into_iter()
            .filter(|length| *length > 0)
            .map(|length| Candidate::Speculative {
                target: target.clone(),
                speculation: *speculation,
                draft_length: DraftLength::Fixed(length),
            })
            .collect(),
        Candidate::Split { stages, speculation, draft_length } => {
            let split = |stages: Vec<RequestedStage>, speculation, draft_length| Candidate::Split {
                stages,
                speculation,
                draft_length,
            };
            let (chain, home) = homing(stages, &costs.situation.device);
            let changed = moved(chain, home).into_iter().chain(recoded(stages, costs));
            let mut all: Vec<Candidate> = changed
                .chain(headed(chain, home, costs))
                .map(|stages| split(stages, *speculation, *draft_length))
                .collect();
            for length in lengths(*draft_length) {
                let length = DraftLength::Fixed(length);
                all.push(split(stages.clone(), *speculation, length));
            }
            if *draft_length != DraftLength::NONE {
                let other = match speculation {
                    Speculation::Rounds => Speculation::Streaming,
                    Speculation::Streaming | Speculation::WorkConserving => Speculation::Rounds,
                };
                all.push(split(stages.clone(), other, *draft_length));
                if *draft_length != DraftLength::Fixed(1) {
                    all.push(split(stages.clone(), *speculation, DraftLength::NONE));
                }
            }
            all
        }
    }
}

/// One draft less or more.
fn lengths(length: DraftLength) -> Vec<u32> {
    match length {
        DraftLength::Auto => Vec::new(),
        DraftLength::Fixed(length) => {
            let less = length.checked_sub(1);
            let more = (length < DRAFTS_MAX).then_some(length + 1);
            less.into_iter().chain(more).collect()
        }
    }
}

/// Each boundary of `chain` one layer earlier and later; a head that rows come `home` to stays.
fn moved(chain: &[RequestedStage], home: Option<&RequestedStage>) -> Vec<Vec<RequestedStage>> {
    let mut all = Vec::new();
    for at in 1..chain.len() {
        let (before, behind) = (chain[at - 1].layers, chain[at].layers);
        let places = [before.end().checked_sub(1), Some(before.end() + 1)];
        for place in places.into_iter().flatten() {
            let shorter = LayerRange::new(before.start(), place);
            let longer = LayerRange::new(place, behind.end());
            if let (Ok(before), Ok(behind)) = (shorter, longer) {
                let mut stages: Vec<_> = chain.iter().chain(home).cloned().collect();
                stages[at - 1].layers = before;
                stages[at].layers = behind;
                all.push(stages);
            }
        }
    }
    all
}

/// The head in each other place.
fn headed(
    chain: &[RequestedStage],
    home: Option<&RequestedStage>,
    costs: &Costs<'_>,
) -> Vec<Vec<RequestedStage>> {
    let (device, layers) = (&costs.situation.device, LayerRange::all(costs.layers));
    let Some((last, below)) = chain.split_last() else { return Vec::new() };
    let Ok(behind) = LayerRange::new(layers.end(), layers.end()) else { return Vec::new() };
    if last.layers.is_empty() {
        return Vec::new();
    }
    let (codec, _) = costs.situation.certificates.leanest(costs.layers)[costs.layers as usize];
    let below = below.last().map(|stage| &stage.node).filter(|node| *node != device);
    let others = std::iter::once(device).chain(below);
    let others = others.filter(|node| home.is_none_or(|home| home.node != **node));
    let others = others.map(|node| {
        let home = RequestedStage { node: node.clone(), layers: behind, codec };
        chain.iter().cloned().chain([home]).collect()
    });
    // With the last layers, where those are not all there are.
    let above = home.filter(|_| chain.len() > 1).map(|_| chain.to_vec());
    others.chain(above).collect()
}

/// Each hop in each other codec.
fn recoded(stages: &[RequestedStage], costs: &Costs<'_>) -> Vec<Vec<RequestedStage>> {
    let codecs = costs.situation.certificates.codecs();
    let mut all = Vec::new();
    for at in 1..stages.len() {
        for codec in codecs.iter().filter(|codec| **codec != stages[at].codec) {
            let mut stages = stages.to_vec();
            stages[at].codec = *codec;
            all.push(stages);
        }
    }
    all
}
