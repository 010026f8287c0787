//! A reading as metrics. docs/METRICS.md is made of what stands here.

use super::reading::{Reading, TrafficReading, UpstreamReading};
use crate::engine::Passes;
use telemetry::{Labels, Page};

/// Counts that a float of 53 bits holds exactly for longer than any node runs.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
const fn count(count: u64) -> f64 {
    count as f64
}

fn by(label: &'static str, value: &str) -> Labels {
    vec![(label, value.to_owned())]
}

/// Everything that Prometheus reads of a node.
pub(crate) fn page(reading: &Reading, passes: &Passes) -> Page {
    let mut page = Page::default();
    node(&mut page, reading);
    links(&mut page, reading);
    sessions(&mut page, reading);
    engine(&mut page, reading, passes);
    kv(&mut page, reading);
    upstream(&mut page, reading);
    page
}

fn node(page: &mut Page, reading: &Reading) {
    let model = &reading.model;
    let about = vec![
        ("node", reading.node.clone()),
        ("role", reading.role.clone()),
        ("version", reading.version.clone()),
        ("model", model.name.clone()),
        ("layers", format!("{}..{}", model.holds[0], model.holds[1])),
    ];
    page.gauges(
        "causeway_node_info",
        "Which node this is, and what it has loaded; 1",
        [(about, 1.0)],
    );
    page.gauge("causeway_node_uptime_seconds", "Since the node started", reading.uptime_s);
    let ready = u8::from(reading.ready).into();
    page.gauge("causeway_node_ready", "1 where a session would be served now, else 0", ready);
}

fn links(page: &mut Page, reading: &Reading) {
    let mut open = [("device", 0_u64), ("gateway", 0)];
    for link in &reading.links {
        for (role, links) in &mut open {
            *links += u64::from(link.role == *role);
        }
    }
    let open = open.map(|(role, links)| (by("role", role), count(links)));
    page.gauges(
        "causeway_links",
        "Links from below that are there, by the role of their peer",
        open,
    );
    let door = reading.door.iter().map(|(event, times)| (by("event", event), count(*times)));
    page.counters(
        "causeway_door_events",
        "What came to the node's door: links that were handed on, handshakes that failed, peers of a \
         wrong role, hellos that do not fit, overloads and misbehaviours",
        door,
    );
    let all = reading.traffic.iter();
    let above = reading.upstream.as_ref().map(|above| ("cloud", &above.traffic));
    let all = all.map(|(role, traffic)| (role.as_str(), traffic)).chain(above);
    let all: Vec<_> = all.collect();
    page.counters(
        "causeway_link_bytes",
        "UDP payload that crossed links, with what QUIC adds, by the role of the peer and its way from this node",
        all.iter().flat_map(|(role, t)| ways(role, t.bytes_sent, t.bytes_received)),
    );
    page.counters(
        "causeway_link_frame_bytes",
        "Frames of the protocol that crossed links, by the role of the peer and their way from this node",
        all.iter().flat_map(|(role, t)| frames(role, t)),
    );
}

fn frames(role: &str, traffic: &TrafficReading) -> [(Labels, f64); 2] {
    ways(role, traffic.frame_bytes_sent, traffic.frame_bytes_received)
}

fn ways(role: &str, sent: u64, received: u64) -> [(Labels, f64); 2] {
    [("sent", sent), ("received", received)].map(|(way, bytes)| {
        (vec![("role", role.to_owned()), ("way", way.to_owned())], count(bytes))
    })
}

fn sessions(page: &mut Page, reading: &Reading) {
    let sessions = &reading.sessions;
    let states = [("served", sessions.served), ("orphan", sessions.orphans)];
    page.gauges(
        "causeway_sessions",
        "Sessions: served, or orphans that wait for their device",
        states.map(|(state, sessions)| (by("state", state), count(sessions as u64))),
    );
    page.gauge("causeway_sessions_max", "The most sessions", count(sessions.max as u64));
    page.counter(
        "causeway_sessions_admitted",
        "Turns of sessions that were admitted",
        count(sessions.admitted),
    );
    let refused = sessions.refused.iter();
    page.counters(
        "causeway_sessions_refused",
        "Sessions that were refused, by reason",
        refused.map(|(reason, sessions)| (by("reason", reason), count(*sessions))),
    );
    page.counter(
        "causeway_sessions_misbehaved",
        "Sessions that ended because their peer broke the protocol",
        count(sessions.misbehaved),
    );
}

fn engine(page: &mut Page, reading: &Reading, passes: &Passes) {
    let engine = &reading.engine;
    page.histogram(
        "causeway_pass_seconds",
        "How long forward passes take, with what a configured pace adds",
        &passes.seconds,
    );
    page.histogram(
        "causeway_pass_rows",
        "Rows of forward passes, of all sessions together",
        &passes.rows,
    );
    page.counter(
        "causeway_engine_busy_seconds",
        "For how long the engine has computed",
        engine.busy_s,
    );
    page.gauge(
        "causeway_engine_jobs",
        "Jobs that wait for the engine or run",
        count(engine.jobs as u64),
    );
    page.gauge(
        "causeway_engine_load_ratio",
        "Share of about the last ten seconds in which the engine computed",
        engine.load,
    );
}

fn kv(page: &mut Page, reading: &Reading) {
    let (kv, segments) = (&reading.kv, &reading.segments);
    page.gauge(
        "causeway_kv_used_bytes",
        "Keys and values in use, with those that are only kept for a text that may come again",
        count(kv.used_bytes),
    );
    page.gauge(
        "causeway_kv_reserved_bytes",
        "What sessions may come to take of the pool of keys and values",
        count(kv.reserved_bytes),
    );
    page.gauge("causeway_kv_bound_bytes", "The pool's size", count(kv.bound_bytes));
    page.gauge(
        "causeway_kv_shared_blocks",
        "Full blocks that a session with the same text would find",
        count(kv.known_blocks as u64),
    );
    page.counters(
        "causeway_kv_rows",
        "Rows of keys and values: computed, or found in what another session or node had computed",
        [("computed", kv.rows_run), ("found", kv.rows_found)]
            .map(|(from, rows)| (by("from", from), count(rows))),
    );
    page.counters(
        "causeway_segments",
        "Segments of keys and values: given to peers, or taken from the node above",
        [("given", segments.given), ("taken", segments.taken)]
            .map(|(way, segments)| (by("way", way), count(segments))),
    );
    page.counters(
        "causeway_segment_bytes",
        "Bytes of these segments",
        [("given", segments.given_bytes), ("taken", segments.taken_bytes)]
            .map(|(way, bytes)| (by("way", way), count(bytes))),
    );
    let store = segments.store.iter().map(|(event, times)| (by("event", event), count(*times)));
    page.counters(
        "causeway_segment_store_events",
        "What became of requests to the store on disk and of its files; only where there is one",
        store,
    );
}

fn upstream(page: &mut Page, reading: &Reading) {
    let above = reading.upstream.as_ref();
    let with = |value: fn(&UpstreamReading) -> f64| {
        above.map(|above| (by("peer", &above.name), value(above)))
    };
    page.gauges(
        "causeway_upstream_up",
        "1 while sessions can be opened at the node above, else 0; of a gateway",
        with(|above| u8::from(above.state == "up").into()),
    );
    page.gauges(
        "causeway_upstream_rtt_seconds",
        "Round trip to the node above, as it is to be expected",
        with(|above| above.rtt_ms / 1e3),
    );
    page.gauges(
        "causeway_upstream_loss_ratio",
        "Share of packets to the node above that are lost",
        with(|above| above.loss),
    );
}
