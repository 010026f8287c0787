//! What the planner says of a run: the world's paces and link as profiles, and the forced plan among its
//! candidates.
//!
//! ```text
//!   WorldConfig ─▶ Situation ─┐
//!        └───────▶ Candidate ─┴▶ Costs::predict ─▶ Predicted
//! ```
//!
//! Only what is known beforehand is looked at. A run without paces, or with drafts that are right as often
//! as they happen to be, has no prediction.

use super::outcome::Predicted;
use super::paced_node::paced_node;
use super::world::{Drafts, WorldConfig};
use crate::config::Prefill;
use crate::demo::nodes;
use crate::planning::situation::{AT_ONCE, Known, link_of};
use anyhow::Context as _;
use base::{Privacy, Role};
use partitioner::{Candidate, Certificates, Costs, Demand, Mode, Situation};
use profile::LinkTerms;
use runtime::{ModelFile, SegmentFormat};
use settings::Pace;

/// What the planner says of a reply of `reply_tokens` to a prompt of `prompt_tokens` in `world`.
///
/// # Errors
///
/// Where the target cannot be opened, or the planner does not take the plan.
pub(super) fn predicted(
    world: &WorldConfig,
    prompt_tokens: usize,
    reply_tokens: u32,
) -> anyhow::Result<Option<Predicted>> {
    let target = world.models.target.as_deref().context("there is no target")?;
    let target = ModelFile::open(target)?;
    let candidate = candidate(world, target.config().layers)?;
    let paces = [world.paces.device, world.paces.gateway, world.paces.cloud];
    let Some(acceptance) = acceptance(world, &candidate) else { return Ok(None) };
    if paces.into_iter().any(Pace::is_none) {
        return Ok(None);
    }
    let brings = match world.segments.prefill {
        Prefill::Device => false,
        Prefill::Auto | Prefill::Both => world.mode == Mode::Split || world.segments.from.is_some(),
        // Whether to is the planner's choice, not the run's.
        Prefill::Peer => return Ok(None),
    };
    if world.segments.format != SegmentFormat::Exact {
        return Ok(None);
    }
    let prompt_tokens = u32::try_from(prompt_tokens).context("the prompt is far too long")?;
    let demand = Demand {
        prompt_tokens,
        reply_tokens,
        positions_max: prompt_tokens.saturating_add(reply_tokens),
        acceptance,
        privacy: Privacy::Anywhere,
        unvouched: true,
        brings,
    };
    let situation = situation(world, &target, demand);
    let prediction = Costs::new(&situation)?.predict(&candidate)?;
    Ok(Some(Predicted { ttft_ms: prediction.ttft_ms, itl_ms: prediction.itl_ms }))
}

/// How often drafts are right, where that is known or there are none.
fn acceptance(world: &WorldConfig, candidate: &Candidate) -> Option<f64> {
    match world.drafts {
        Drafts::RightAt { accept, .. } => Some(accept),
        Drafts::From(_) => (!candidate.drafts()).then_some(0.0),
    }
}

/// The plan that `world` is forced to.
fn candidate(world: &WorldConfig, layers: u32) -> anyhow::Result<Candidate> {
    let WorldConfig { speculation, draft_length, .. } = *world;
    let target = nodes::name(Role::Cloud);
    Ok(match world.mode {
        Mode::Local => Candidate::Local { model: world.local },
        Mode::Remote => Candidate::Remote { target },
        Mode::Speculative => Candidate::Speculative { target, speculation, draft_length },
        Mode::Split => Candidate::Split {
            stages: world.share.stages(world.chain(), layers)?,
            speculation,
            draft_length,
        },
    })
}

/// The nodes and links of `world`.
fn situation(world: &WorldConfig, target: &ModelFile, demand: Demand) -> Situation {
    let [device, gateway, cloud] = [Role::Device, Role::Gateway, Role::Cloud].map(nodes::name);
    let link = world.link.as_ref();
    let link = link.map_or(AT_ONCE, |emulation| link_of(emulation, &LinkTerms::default()));
    let mut known = Known::new(paced_node(Role::Device, target, world.paces.device));
    known.link(device.clone(), cloud.clone(), link);
    if world.gateway {
        known.link(device.clone(), gateway.clone(), link);
        known.link(gateway, cloud, AT_ONCE);
        known.add(paced_node(Role::Gateway, target, world.paces.gateway), 0.0);
    }
    known.add(paced_node(Role::Cloud, target, world.paces.cloud), 0.0);
    known.situation(device, Certificates::none(), demand)
}

#[cfg(test)]
mod tests;
