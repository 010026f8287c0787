//! What a node of a world says that it can do: nothing but its pace takes time, and everything has room.

use crate::demo::nodes;
use base::{ByteCount, LayerRange, Role};
use profile::{ModelProfile, NodeProfile, PassTimes, Weights};
use runtime::ModelFile;
use settings::Pace;

/// The profile of a node with `pace`. A pace is that of any model's layers, so that the device's draft
/// model is as slow as its target.
pub(super) fn paced_node(role: Role, target: &ModelFile, pace: Pace) -> NodeProfile {
    let model = paced(target, pace);
    NodeProfile {
        node: nodes::name(role),
        role,
        measured_unix_s: 0,
        draft: (role == Role::Device).then(|| model.clone()),
        target: Some(model),
        // Whatever a run needs of it.
        memory: ByteCount(u64::MAX),
        load: 0.0,
        power: None,
        price_per_hour: None,
    }
}

fn paced(target: &ModelFile, Pace { decode_ms, per_row_ms }: Pace) -> ModelProfile {
    let config = target.config();
    let nothing = ByteCount(0);
    // A key and a value, in half precision.
    let kv_bytes = 2 * 2 * config.kv_heads * config.head_width;
    let model = ModelProfile {
        model: target.fingerprint(),
        layers: config.layers,
        width: u32::try_from(config.width).expect("no model is that wide"),
        holds: LayerRange::all(config.layers),
        times: PassTimes::nothing(),
        weights: Weights {
            layer: nothing,
            embedding: nothing,
            head: nothing,
            kv_position: ByteCount(kv_bytes as u64),
        },
        paced: false,
    };
    model.paced(decode_ms, per_row_ms)
}
