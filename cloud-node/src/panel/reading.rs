//! What a node knows of itself at one moment: what `/status` answers, as JSON.
//!
//! Times are in seconds since the server started or milliseconds, as their names say; sizes in bytes, of UDP
//! payload where they crossed a link. Who reads one of another version finds what he knows, and the rest at its
//! default.

use super::Panel;
use crate::node::Node;
use serde::{Deserialize, Serialize};
use settings::chain;
use std::collections::BTreeMap;
use transport::{Flow, Tally, Traffic, Uplink, clock};

/// A node at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Reading {
    /// Its name, by its certificate.
    pub(crate) node: String,
    /// `gateway` or `cloud`.
    pub(crate) role: String,
    /// Of the program.
    pub(crate) version: String,
    /// Since it started.
    pub(crate) uptime_s: f64,
    /// Whether a session would be served now.
    pub(crate) ready: bool,
    /// Why not.
    pub(crate) why: Option<String>,
    /// Whether it takes no more sessions, because it is to stop.
    pub(crate) draining: bool,
    /// What it runs.
    pub(crate) model: ModelReading,
    /// Whom it runs it for.
    pub(crate) sessions: SessionsReading,
    /// What it remembers.
    pub(crate) kv: KvReading,
    /// How it computes.
    pub(crate) engine: EngineReading,
    /// What KV it gives and gets.
    pub(crate) segments: SegmentsReading,
    /// What came to its door, by name: `links` that were handed on, and of what was turned away why.
    pub(crate) door: BTreeMap<String, u64>,
    /// Links from below that are there.
    pub(crate) links: Vec<LinkReading>,
    /// What crossed all links from below, also those that are over, by the role of their peers.
    pub(crate) traffic: BTreeMap<String, TrafficReading>,
    /// The link to the node above, of a gateway.
    pub(crate) upstream: Option<UpstreamReading>,
}

/// The model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ModelReading {
    /// Its file or folder, without the way to it.
    pub(crate) name: String,
    /// By its weights.
    pub(crate) fingerprint: String,
    /// All layers of it.
    pub(crate) layers: u32,
    /// Those that are loaded, half-open.
    pub(crate) holds: [u32; 2],
}

/// Sessions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SessionsReading {
    /// Of devices that are there.
    pub(crate) served: usize,
    /// That wait for their device.
    pub(crate) orphans: usize,
    /// The most of both.
    pub(crate) max: usize,
    /// Turns of sessions that were admitted.
    pub(crate) admitted: u64,
    /// Sessions that were refused, by reason.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Sessions that ended because their peer broke the protocol.
    pub(crate) misbehaved: u64,
}

/// The KV pool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct KvReading {
    /// In use, with what is only kept for a text that may come again.
    pub(crate) used_bytes: u64,
    /// What sessions may come to take.
    pub(crate) reserved_bytes: u64,
    /// The most that there is.
    pub(crate) bound_bytes: u64,
    /// Full blocks that a sequence with the same text would find.
    pub(crate) known_blocks: usize,
    /// Rows that were computed.
    pub(crate) rows_run: u64,
    /// Rows that were found, and not computed again.
    pub(crate) rows_found: u64,
}

/// The engine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct EngineReading {
    /// Jobs that wait or run.
    pub(crate) jobs: usize,
    /// Forward passes so far.
    pub(crate) passes: u64,
    /// For how long it has computed.
    pub(crate) busy_s: f64,
    /// The share of the last seconds in which it computed.
    pub(crate) load: f64,
    /// Over the same seconds.
    pub(crate) passes_per_s: f64,
}

/// Segments of KV.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SegmentsReading {
    /// Given to peers.
    pub(crate) given: u64,
    /// Their bytes.
    pub(crate) given_bytes: u64,
    /// Got from the node above.
    pub(crate) taken: u64,
    /// Their bytes.
    pub(crate) taken_bytes: u64,
    /// What became of requests to the store and of its files, by name; nothing where there is no store.
    pub(crate) store: BTreeMap<String, u64>,
}

/// A link from below.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LinkReading {
    /// `device` or `gateway`.
    pub(crate) role: String,
    /// Its peer's name.
    pub(crate) name: String,
    /// Where the peer is.
    pub(crate) address: String,
    /// For how long it is there.
    pub(crate) since_s: f64,
    /// There and back.
    pub(crate) rtt_ms: f64,
    /// From this node.
    pub(crate) bytes_sent: u64,
    /// To this node.
    pub(crate) bytes_received: u64,
}

/// What crossed links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TrafficReading {
    /// UDP payload from this node.
    pub(crate) bytes_sent: u64,
    /// UDP payload to this node.
    pub(crate) bytes_received: u64,
    /// Of these, frames of the protocol, from this node.
    pub(crate) frame_bytes_sent: u64,
    /// Frames of the protocol, to this node.
    pub(crate) frame_bytes_received: u64,
}

/// The link to the node above.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UpstreamReading {
    /// The node's name.
    pub(crate) name: String,
    /// As configured.
    pub(crate) address: String,
    /// `dialling`, `up`, `trying` or `down`.
    pub(crate) state: String,
    /// Why it is not up.
    pub(crate) why: Option<String>,
    /// There and back, as it is to be expected.
    pub(crate) rtt_ms: f64,
    /// The share of packets that are lost.
    pub(crate) loss: f64,
    /// The share of the last seconds in which the node above computed, by its own word.
    pub(crate) load: Option<f64>,
    /// What crossed it.
    pub(crate) traffic: TrafficReading,
}

impl Panel {
    /// The node as it is now.
    pub(crate) fn reading(&self) -> Reading {
        let node = &*self.node;
        let (draining, upstream) = (node.registry().is_draining(), upstream(node));
        let why = match (&upstream, draining) {
            (_, true) => Some("it is being stopped and takes no more sessions".to_owned()),
            (Some(above), false) if above.state != "up" => Some(unreachable(above)),
            (Some(_) | None, false) => None,
        };
        Reading {
            node: node.host.node.to_string(),
            role: node.host.role.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: clock::now().saturating_duration_since(self.began).as_secs_f64(),
            ready: why.is_none(),
            why,
            draining,
            model: self.model(),
            sessions: sessions(node),
            kv: kv(node),
            engine: engine(node),
            segments: segments(node),
            door: door(self.tally.tally(), node),
            links: links(node),
            traffic: node
                .links
                .traffic()
                .into_iter()
                .map(|(role, traffic)| (role.to_owned(), traffic.into()))
                .collect(),
            upstream,
        }
    }

    fn model(&self) -> ModelReading {
        let (host, holds) = (&self.node.host, self.node.holds.layers);
        ModelReading {
            name: self.model.clone(),
            fingerprint: host.model.to_string(),
            layers: host.layers,
            holds: [holds.start(), holds.end()],
        }
    }
}

fn sessions(node: &Node) -> SessionsReading {
    let (served, orphans) = {
        let registry = node.registry();
        (registry.served(), registry.orphans())
    };
    SessionsReading {
        served,
        orphans,
        max: node.limits.sessions_max,
        admitted: node.counters.admitted.get(),
        refused: node.counters.refused(),
        misbehaved: node.counters.misbehaved.get(),
    }
}

fn kv(node: &Node) -> KvReading {
    let pool = node.engine.pool();
    KvReading {
        used_bytes: pool.used.0,
        reserved_bytes: node.registry().reserved().0,
        bound_bytes: node.engine.bound().0,
        known_blocks: pool.known_blocks,
        rows_run: pool.counts.run,
        rows_found: pool.counts.adopted,
    }
}

fn engine(node: &Node) -> EngineReading {
    let (load, passes_per_s) = node.pace();
    EngineReading {
        jobs: node.engine.jobs(),
        passes: node.engine.passes_run(),
        busy_s: node.engine.busy().as_secs_f64(),
        load,
        passes_per_s,
    }
}

fn segments(node: &Node) -> SegmentsReading {
    let store = node.store.as_ref().map(|store| store.counts()).map(|counts| {
        [
            ("found", counts.found),
            ("missed", counts.missed),
            ("broken", counts.broken),
            ("evicted", counts.evicted),
            ("failed", counts.failed),
        ]
    });
    let counters = &node.counters;
    SegmentsReading {
        given: counters.given.get(),
        given_bytes: counters.given_bytes.get(),
        taken: counters.taken.get(),
        taken_bytes: counters.taken_bytes.get(),
        store: named(store.into_iter().flatten()),
    }
}

fn door(tally: Tally, node: &Node) -> BTreeMap<String, u64> {
    named([
        ("links", tally.links),
        ("handshakes_failed", tally.handshakes_failed),
        ("peers_refused", tally.peers_refused),
        ("hellos_refused", node.counters.hellos_refused.get()),
        ("overloads", tally.overloads),
        ("misbehaviours", tally.misbehaviours),
    ])
}

fn named(counts: impl IntoIterator<Item = (&'static str, u64)>) -> BTreeMap<String, u64> {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

fn links(node: &Node) -> Vec<LinkReading> {
    let now = clock::now();
    let open = node.links.open().into_iter();
    open.map(|open| {
        let (peer, Flow { sent, received }) = (open.link.peer(), open.link.traffic().udp);
        LinkReading {
            role: peer.role.to_string(),
            name: peer.name.to_string(),
            address: open.link.remote_address().to_string(),
            since_s: now.saturating_duration_since(open.since).as_secs_f64(),
            rtt_ms: open.link.rtt().as_secs_f64() * 1e3,
            bytes_sent: sent.0,
            bytes_received: received.0,
        }
    })
    .collect()
}

impl From<Traffic> for TrafficReading {
    fn from(Traffic { frames, udp }: Traffic) -> Self {
        Self {
            bytes_sent: udp.sent.0,
            bytes_received: udp.received.0,
            frame_bytes_sent: frames.sent.0,
            frame_bytes_received: frames.received.0,
        }
    }
}

fn upstream(node: &Node) -> Option<UpstreamReading> {
    let uplink: &Uplink = node.upstream.as_deref()?;
    let watched = uplink.watch();
    let (state, why) = {
        let now = watched.borrow();
        (now.state(), now.why().map(|why| chain(why)))
    };
    let estimate = uplink.estimate();
    Some(UpstreamReading {
        name: uplink.peer().name.to_string(),
        address: uplink.address().to_owned(),
        state: state.as_str().to_owned(),
        why,
        rtt_ms: estimate.rtt_ms.mean,
        loss: estimate.loss.mean,
        load: uplink.load().map(|(load, _)| load.into()),
        traffic: uplink.traffic().into(),
    })
}

fn unreachable(above: &UpstreamReading) -> String {
    let why = above.why.as_deref().unwrap_or("it has not answered yet");
    format!("the upstream {} at {} cannot be reached: {why}", above.name, above.address)
}
