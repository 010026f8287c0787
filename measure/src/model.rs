//! A model's profile on this node.

use crate::part::{Part, Sizes};
use crate::passes::Passes;
use base::{ByteCount, LayerRange};
use profile::{Curve, CurveError, ModelProfile, PassTimes, Surface, Weights};
use runtime::{
    ForwardError, KvOptions, LoadError, ModelFile, Pool, PoolError, RollbackError, Stage, StageSpec,
};
use settings::Pace;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Positions by which the room of one is found: whole blocks.
const KV_POSITIONS: u32 = 1_024;

/// A model that cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// Its weights.
    #[error("cannot load what is to be measured")]
    Load(#[from] LoadError),
    /// Memory for the texts that passes are timed behind.
    #[error("no room for the texts behind which passes are timed")]
    Pool(#[from] PoolError),
    /// A pass.
    #[error("a pass that is timed fails")]
    Forward(#[from] ForwardError),
    /// Cutting a text back after a pass: its window is too short to be measured.
    #[error("a text that is measured cannot be cut back")]
    Rollback(#[from] RollbackError),
    /// Times that a profile does not take.
    #[error("what was measured is no profile")]
    Curve(#[from] CurveError),
}

/// Times the parts of `model` that `spec` names, on `threads`, with KV as `kv` says; where a `pace`
/// makes the machine stand for a slower one, they are that one's. Takes seconds to minutes.
///
/// # Errors
///
/// [`MeasureError`].
///
/// # Panics
///
/// Never: widths are capped when a model is opened.
pub fn model_profile(
    model: &ModelFile,
    spec: StageSpec,
    threads: &Arc<Pool>,
    kv: &KvOptions,
    pace: Pace,
    sizes: &Sizes,
) -> Result<ModelProfile, MeasureError> {
    let stage = model.load_stage(spec, threads)?;
    let parts = sizes.parts(spec);
    let medians = timed(&stage, kv, sizes, &parts)?;
    let config = model.config();
    let measured = ModelProfile {
        model: model.fingerprint(),
        layers: config.layers,
        width: u32::try_from(config.width).expect("widths are capped far below"),
        holds: spec.layers,
        times: pass_times(&medians, spec)?,
        weights: weights(model, spec, threads, kv)?,
        paced: false,
    };
    Ok(match pace.is_none() {
        true => measured,
        false => measured.paced(pace.decode_ms, pace.per_row_ms),
    })
}

/// The median time of each part, in microseconds.
fn timed(
    stage: &Stage,
    kv: &KvOptions,
    sizes: &Sizes,
    parts: &[Part],
) -> Result<BTreeMap<Part, f32>, MeasureError> {
    let mut passes = Passes::new(stage, kv, parts)?;
    let mut times: BTreeMap<Part, Vec<Duration>> = BTreeMap::new();
    // The first round only brings weights into memory.
    for round in 0..=sizes.rounds {
        tracing::info!(round, of = sizes.rounds, parts = parts.len(), "measuring");
        for part in parts {
            let time = passes.time(*part)?;
            if round > 0 {
                times.entry(*part).or_default().push(time);
            }
        }
    }
    Ok(times.into_iter().map(|(part, times)| (part, median_us(times))).collect())
}

fn median_us(mut times: Vec<Duration>) -> f32 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f32() * 1e6
}

/// A pass of one layer and one of all differ by all but one: what is left of them is the overhead, or half of
/// the pass where noise says more. Embedding and head are timed by themselves, with hardly any.
pub(crate) fn pass_times(
    medians: &BTreeMap<Part, f32>,
    spec: StageSpec,
) -> Result<PassTimes, MeasureError> {
    let layers = spec.layers.len() as f32;
    let first = medians.iter().find(|(part, _)| matches!(part, Part::Layers { .. }));
    let overhead_us = match (medians.get(&Part::OneLayer), first) {
        (Some(one), Some((_, all))) if layers > 1.0 => {
            ((layers * one - all) / (layers - 1.0)).clamp(0.0, all / 2.0)
        }
        _ => 0.0,
    };
    let less = |us: f32| (us - overhead_us).max(0.0);
    let mut by_context: BTreeMap<u32, Vec<(u32, f32)>> = BTreeMap::new();
    let (mut embedding, mut head) = (Vec::new(), Vec::new());
    for (part, us) in medians {
        match part {
            Part::Layers { rows, context } => {
                by_context.entry(*context).or_default().push((*rows, less(*us) / layers));
            }
            Part::OneLayer => {}
            Part::Embedding { rows } => embedding.push((*rows, *us)),
            Part::Head { rows } => head.push((*rows, *us)),
        }
    }
    let mut curves = Vec::new();
    for (context, points) in by_context {
        curves.push((context, Curve::new(points)?));
    }
    let layer = if curves.is_empty() { Surface::flat(nothing()?) } else { Surface::new(curves)? };
    let curve = |points: Vec<_>| if points.is_empty() { nothing() } else { Curve::new(points) };
    Ok(PassTimes { overhead_us, layer, embedding: curve(embedding)?, head: curve(head)? })
}

/// What a part takes that is not there.
fn nothing() -> Result<Curve, CurveError> {
    Curve::line(0.0, 0.0)
}

/// The room of each part, as if it were alone.
fn weights(
    model: &ModelFile,
    spec: StageSpec,
    threads: &Arc<Pool>,
    kv: &KvOptions,
) -> Result<Weights, MeasureError> {
    let of = |spec: StageSpec| model.load_stage(spec, threads);
    let range = |start, end| LayerRange::new(start, end).expect("starts before it ends");
    let (start, layers) = (spec.layers.start(), model.config().layers);
    let none = StageSpec { layers: range(0, 0), embedding: false, head: false };
    let mut weights = Weights {
        layer: ByteCount(0),
        embedding: ByteCount(0),
        head: ByteCount(0),
        kv_position: ByteCount(0),
    };
    if !spec.layers.is_empty() {
        let one = of(StageSpec { layers: range(start, start + 1), ..none })?;
        weights.layer = one.weight_bytes();
        let positions = one.kv_bytes(kv, KV_POSITIONS as usize, 0);
        weights.kv_position = ByteCount(positions.0.div_ceil(KV_POSITIONS.into()));
    }
    if spec.embedding {
        weights.embedding = of(StageSpec { embedding: true, ..none })?.weight_bytes();
    }
    if spec.head {
        let head = StageSpec { layers: range(layers, layers), head: true, ..none };
        weights.head = of(head)?.weight_bytes();
    }
    Ok(weights)
}
