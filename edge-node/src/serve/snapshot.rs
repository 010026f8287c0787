//! What is going on, as JSON: for people, the page, and `edge-node status`.

use crate::config::Config;
use crate::device::Device;
use crate::metrics::{LinkSnapshot, Outcome, Snapshot, Totals};
use crate::serve::house::House;
use crate::serve::phase::{self, Phase, STEPS};
use crate::serve::staff::Staff;
use base::NodeName;
use partitioner::{Plan, Stage};
use runtime::ModelFile;
use serde_json::{Value, json};
use std::path::Path;
use transport::clock;

/// All of it, now.
pub(super) fn snapshot(house: &House) -> Value {
    let phase = house.phase.borrow().clone();
    let (running, queued) = house.door.load();
    let (totals, timeline) = (house.metrics.totals(), house.chronicle.events());
    let mut all = json!({
        "node": house.name.as_str(),
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
            "served": totals.served(),
            "refused": totals.refused.values().sum::<u64>(),
            "failed": ended(&totals, Outcome::Failed),
            "cancelled": ended(&totals, Outcome::Cancelled),
        },
        "totals": totals_of(&totals, house),
        "timeline": timeline,
    });
    if let (Phase::Serving(staff), Some(all)) = (&phase, all.as_object_mut()) {
        let of_device = of_device(staff, house);
        all.extend(of_device.as_object().cloned().unwrap_or_default());
    }
    all
}

fn ended(totals: &Totals, as_what: Outcome) -> u64 {
    let such = totals.ended.iter().filter(|((_, outcome), _)| *outcome == as_what);
    such.map(|(_, requests)| requests).sum()
}

fn totals_of(totals: &Totals, house: &House) -> Value {
    let links = links(house);
    let bytes = |of: fn(&LinkSnapshot) -> u64| links.iter().map(of).sum::<u64>();
    let power = house.power.is_some();
    json!({
        "tokens": totals.verified + totals.unverified,
        "verified": totals.verified,
        "unverified": totals.unverified,
        "drafted": totals.drafted,
        "accepted": totals.accepted,
        "failovers": totals.failovers,
        "bytes_sent": bytes(|link| link.traffic.udp.sent.0),
        "bytes_received": bytes(|link| link.traffic.udp.received.0),
        "money": totals.money,
        "energy_j": power.then_some(totals.energy_j),
    })
}

fn links(house: &House) -> Vec<LinkSnapshot> {
    match &*house.phase.borrow() {
        Phase::Serving(staff) => staff.device().links_reader().read(),
        Phase::Starting(_) | Phase::Failed(_) => Vec::new(),
    }
}

/// The same for Prometheus, as far as it is not summed up.
pub(super) fn reading(house: &House) -> Snapshot {
    let (running, queued) = house.door.load();
    Snapshot {
        node: house.name.to_string(),
        uptime_s: (clock::now() - house.began).as_secs_f64(),
        ready: house.staff().is_ok(),
        running,
        queued,
        streams_max: house.settings.streams_max,
        queue_max: house.settings.queue_max,
        links: links(house),
    }
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
    let links = links(house);
    let links = links.iter().map(|each| link(config, each, cut));
    let mode = if config.plan.auto { "auto" } else { config.plan.mode.as_str() };
    json!({
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

fn link(config: &Config, link: &LinkSnapshot, cut: bool) -> Value {
    let (up_mbps, down_mbps) = link.mbps;
    json!({
        "peer": link.peer,
        "role": link.role.as_str(),
        "address": link.address,
        "state": link.state.as_str(),
        "why": link.why,
        "rtt_ms": link.rtt_ms,
        "loss": link.loss,
        "up_mbps": up_mbps,
        "down_mbps": down_mbps,
        "load": link.load,
        "bytes_sent": link.traffic.udp.sent.0,
        "bytes_received": link.traffic.udp.received.0,
        "emulated": config.link.emulate,
        "cut": cut,
    })
}
