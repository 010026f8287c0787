//! What is going on, as JSON: for people, the page, and `edge-node status`.

use crate::config::Config;
use crate::device::Device;
use crate::serve::house::House;
use crate::serve::phase::{self, Phase, STEPS};
use crate::serve::staff::Staff;
use base::NodeName;
use partitioner::{Plan, Stage};
use runtime::ModelFile;
use serde_json::{Value, json};
use std::path::Path;
use transport::{Uplink, UplinkState, clock};

/// All of it, now.
pub(super) fn snapshot(house: &House) -> Value {
    let phase = house.phase.borrow().clone();
    let (running, queued) = house.door.load();
    let (totals, counts, timeline) = house.chronicle.so_far();
    let mut all = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_s": (clock::now() - house.began).as_secs_f64(),
        "ready": house.staff().is_ok(),
        "link_switch": house.settings.link_switch,
        "loading": loading(&phase),
        "failed": failed(&phase),
        "requests": {
            "running": running,
            "queued": queued,
            "streams_max": house.settings.streams_max,
            "queue_max": house.settings.queue_max,
            "served": counts.served,
            "refused": counts.refused,
            "failed": counts.failed,
            "cancelled": counts.cancelled,
        },
        "totals": totals,
        "timeline": timeline,
    });
    if let (Phase::Serving(staff), Some(all)) = (&phase, all.as_object_mut()) {
        let of_device = of_device(staff, house);
        all.extend(of_device.as_object().cloned().unwrap_or_default());
    }
    all
}

fn loading(phase: &Phase) -> Value {
    match phase {
        Phase::Starting(step) => {
            let (done, step) = phase::progress(*step);
            json!({ "step": step, "done": done, "of": STEPS })
        }
        Phase::Serving(_) | Phase::Failed(_) => Value::Null,
    }
}

fn failed(phase: &Phase) -> Value {
    match phase {
        Phase::Failed(why) => Value::from(&**why),
        Phase::Starting(_) | Phase::Serving(_) => Value::Null,
    }
}

fn of_device(staff: &Staff, house: &House) -> Value {
    let device = staff.device();
    let (config, models) = (&device.config, &device.models);
    let plan = device.plan().ok().flatten();
    let cut = house.network.switch().is_cut();
    let links = device.uplinks.each().map(|(_, uplink)| link(config, uplink, cut));
    let mode = if config.plan.auto { "auto" } else { config.plan.mode.as_str() };
    json!({
        "node": config.name.as_str(),
        "model": staff.model().id,
        "routes": staff.routes(),
        "models": {
            "target": model(models.target.as_ref(), config.models.target.as_deref()),
            "draft": model(models.draft.as_ref(), config.models.draft.as_deref()),
        },
        "mode": mode,
        "layers": models.target.as_ref().map(|target| target.config().layers),
        "plan": plan.map(|plan| shown(&plan, device)),
        "links": links.collect::<Vec<_>>(),
    })
}

fn model(file: Option<&ModelFile>, path: Option<&Path>) -> Value {
    let (Some(file), Some(path)) = (file, path) else { return Value::Null };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    // Of a folder that is the folder's own length, which says nothing.
    let bytes =
        std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len());
    json!({ "id": name, "layers": file.config().layers, "bytes": bytes })
}

fn shown(plan: &Plan, device: &Device) -> Value {
    let stage = |stage: &Stage| {
        let (start, end) = (stage.layers.start(), stage.layers.end());
        json!({
            "node": stage.node.as_str(),
            "role": role(device, &stage.node),
            "layers": [start, end],
            "embedding": stage.embedding,
            "head": stage.head,
            "codec": stage.codec.to_string(),
        })
    };
    json!({ "text": plan.to_string(), "stages": plan.stages().iter().map(stage).collect::<Vec<_>>() })
}

fn role(device: &Device, node: &NodeName) -> &'static str {
    match *node == device.config.name {
        true => "device",
        false => device.role_of(node).as_str(),
    }
}

fn link(config: &Config, uplink: &Uplink, cut: bool) -> Value {
    let (state, why) = match &*uplink.watch().borrow() {
        UplinkState::Dialling => ("dialling", None),
        UplinkState::Up(..) => ("up", None),
        UplinkState::Trying(why) => ("trying", Some(settings::chain(&**why))),
        UplinkState::Down(why) => ("down", Some(settings::chain(&**why))),
    };
    let (estimate, traffic) = (uplink.estimate(), uplink.traffic().udp);
    let load = uplink.load().map(|(load, _)| load);
    json!({
        "peer": uplink.peer().name.as_str(),
        "role": uplink.peer().role.as_str(),
        "address": uplink.address(),
        "state": state,
        "why": why,
        "rtt_ms": estimate.rtt_ms.mean,
        "loss": estimate.loss.mean,
        "up_mbps": estimate.up_mbps.mean,
        "down_mbps": estimate.down_mbps.mean,
        "load": load,
        "bytes_sent": traffic.sent.0,
        "bytes_received": traffic.received.0,
        "emulated": config.link.emulate,
        "cut": cut,
    })
}
