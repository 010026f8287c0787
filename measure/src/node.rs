//! A node's profile, and how it reads.

use crate::machine::{memory_available, unix_now_s};
use base::{ByteCount, NodeName, Role};
use profile::{ModelProfile, NodeProfile};
use std::fmt;

/// Rows that the summary shows: a token, a verification, a piece of a prompt.
const ROWS_SHOWN: [u32; 3] = [1, 8, 256];

/// What there is to say of a node beside its models' times.
///
/// Memory is what its configuration says, or what is free now; with neither, none, and no plan gives it
/// any layers.
pub fn node_profile(
    node: NodeName,
    role: Role,
    settings: &settings::Profile,
    target: Option<ModelProfile>,
    draft: Option<ModelProfile>,
) -> NodeProfile {
    NodeProfile {
        node,
        role,
        measured_unix_s: unix_now_s(),
        target,
        draft,
        memory: settings.memory().or_else(memory_available).unwrap_or(ByteCount(0)),
        load: 0.0,
        power: settings.power,
        price_per_hour: settings.price_per_hour,
    }
}

/// A profile for people.
#[derive(Debug)]
pub struct Summary<'a>(pub &'a NodeProfile);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NodeProfile { node, role, target, draft, memory, .. } = self.0;
        writeln!(f, "{role} {node}, {memory} for models and KV")?;
        for (what, model) in [("target", target), ("draft", draft)] {
            if let Some(model) = model {
                write_model(f, what, model)?;
            }
        }
        Ok(())
    }
}

fn write_model(f: &mut fmt::Formatter<'_>, what: &str, model: &ModelProfile) -> fmt::Result {
    let paced = if model.paced { ", at an emulated machine's pace" } else { "" };
    let ModelProfile { model: name, layers, holds, times, weights, .. } = model;
    writeln!(f, "{what} {name}, layers {holds} of {layers}{paced}")?;
    writeln!(f, "  {:28} {}", "weights of a layer", weights.layer)?;
    writeln!(f, "  {:28} {}, {}", "embedding, head", weights.embedding, weights.head)?;
    writeln!(f, "  {:28} {}", "KV of a position in a layer", weights.kv_position)?;
    writeln!(f, "  {:28} {:.3} ms", "overhead of a pass", times.overhead_s() * 1e3)?;
    for rows in ROWS_SHOWN {
        let what = format!("layer, {rows} rows");
        let ms = times.layers_s(1, rows.into(), 0.0) * 1e3;
        writeln!(f, "  {what:28} {ms:.3} ms")?;
    }
    let (embedding, head) = (times.embedding_s(1.0) * 1e3, times.head_s(1.0) * 1e3);
    writeln!(f, "  {:28} {embedding:.3} ms, {head:.3} ms", "embedding, head, 1 row")
}
