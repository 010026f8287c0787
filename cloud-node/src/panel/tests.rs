//! What a reading says to Prometheus, to a person, and to who reads it later.

use super::metrics::page;
use super::reading::{
    EngineReading, KvReading, LinkReading, ModelReading, Reading, SegmentsReading, SessionsReading,
    TrafficReading, UpstreamReading,
};
use super::words::words;
use crate::engine::Passes;
use std::collections::BTreeMap;
use telemetry::histogram_of;

fn counts<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

/// A gateway that has everything that a node can have.
fn sample() -> Reading {
    let traffic = TrafficReading {
        bytes_sent: 1_500_000,
        bytes_received: 2_500,
        frame_bytes_sent: 1_400_000,
        frame_bytes_received: 2_000,
    };
    Reading {
        node: "site-3".to_owned(),
        role: "gateway".to_owned(),
        version: "0.1.0".to_owned(),
        uptime_s: 93_784.5,
        ready: false,
        why: Some("the upstream cloud at 10.0.0.1:7443 cannot be reached: no answer".to_owned()),
        draining: false,
        model: ModelReading {
            name: "target.gguf".to_owned(),
            fingerprint: "ab".to_owned(),
            layers: 6,
            holds: [0, 3],
        },
        sessions: SessionsReading {
            served: 2,
            orphans: 1,
            max: 64,
            admitted: 7,
            refused: counts([("plan", 1), ("memory", 2)]),
            misbehaved: 0,
        },
        kv: KvReading {
            used_bytes: 5_000,
            reserved_bytes: 10_000,
            bound_bytes: 1_000_000,
            known_blocks: 4,
            rows_run: 300,
            rows_found: 64,
        },
        engine: EngineReading { jobs: 3, passes: 20, busy_s: 1.5, load: 0.25, passes_per_s: 12.5 },
        segments: SegmentsReading {
            given: 5,
            given_bytes: 500,
            taken: 6,
            taken_bytes: 600,
            store: counts([("found", 1)]),
        },
        door: counts([("links", 9), ("handshakes_failed", 1)]),
        links: vec![LinkReading {
            role: "device".to_owned(),
            name: "car".to_owned(),
            address: "10.0.0.7:4000".to_owned(),
            since_s: 61.0,
            rtt_ms: 35.25,
            bytes_sent: 1_500_000,
            bytes_received: 2_500,
        }],
        traffic: BTreeMap::from([("device".to_owned(), traffic)]),
        upstream: Some(UpstreamReading {
            name: "cloud".to_owned(),
            address: "10.0.0.1:7443".to_owned(),
            state: "down".to_owned(),
            why: Some("no answer".to_owned()),
            rtt_ms: 40.0,
            loss: 0.01,
            load: None,
            traffic,
        }),
    }
}

fn sample_page() -> String {
    let passes = Passes { seconds: histogram_of(&[0.1]), rows: histogram_of(&[1.0, 16.0]) };
    passes.rows.observe(4.0);
    page(&sample(), &passes).text()
}

#[test]
fn the_document_says_what_the_code_says_of_each_metric() {
    let document = include_str!("../../../docs/METRICS.md");
    let section =
        document.split("\n## ").find(|section| section.starts_with("Gateway and cloud\n"));
    let table = telemetry::table(&sample_page());
    let says =
        section.is_some_and(|section| section.ends_with(&format!("|---|---|---|---|\n{table}")));
    assert!(says, "docs/METRICS.md, \"Gateway and cloud\", is to end with\n{table}");
}

#[test]
fn what_is_counted_is_what_is_read() {
    let page = sample_page();
    for line in [
        "causeway_node_ready 0.0",
        "causeway_links{role=\"device\"} 1.0",
        "causeway_links{role=\"gateway\"} 0.0",
        "causeway_door_events_total{event=\"handshakes_failed\"} 1.0",
        "causeway_link_bytes_total{role=\"device\",way=\"sent\"} 1500000.0",
        "causeway_link_frame_bytes_total{role=\"cloud\",way=\"received\"} 2000.0",
        "causeway_sessions{state=\"orphan\"} 1.0",
        "causeway_sessions_refused_total{reason=\"memory\"} 2.0",
        "causeway_pass_rows_bucket{le=\"16.0\"} 1",
        "causeway_kv_rows_total{from=\"found\"} 64.0",
        "causeway_segments_total{way=\"taken\"} 6.0",
        "causeway_upstream_up{peer=\"cloud\"} 0.0",
        "causeway_upstream_rtt_seconds{peer=\"cloud\"} 0.04",
    ] {
        assert!(page.lines().any(|found| found == line), "no {line} in\n{page}");
    }
}

#[test]
fn a_cloud_without_a_store_has_no_metric_of_an_upstream_or_a_store() {
    let reading = Reading::default();
    let passes = Passes { seconds: histogram_of(&[0.1]), rows: histogram_of(&[1.0]) };
    let page = page(&reading, &passes).text();
    assert!(!page.contains("upstream") && !page.contains("store"), "{page}");
    assert!(page.contains("causeway_segments_total{way=\"given\"} 0.0"), "{page}");
}

#[test]
fn a_person_reads_what_goes_on() {
    assert_eq!(
        words(&sample()),
        "\
gateway   site-3, version 0.1.0, up for 1 d 2 h: not ready: the upstream cloud at 10.0.0.1:7443 cannot be reached: no answer
model     target.gguf, layers 0 to 3 of 6
sessions  2 served, 1 wait for their device, 64 at most; 7 admitted, 3 refused so far
KV        5000 B used, 10000 B reserved, of 976 KiB; 300 rows computed, 64 found
engine    12.5 passes/s, load 25 %, 3 jobs wait or run
segments  5 given, 6 taken
link      device car at 10.0.0.7:4000 for 1 min 1 s: RTT 35.2 ms, 1464 KiB sent, 2500 B received
upstream  cloud at 10.0.0.1:7443 is down: no answer; RTT 40.0 ms, 1.0 % lost, 1464 KiB sent, 2500 B received
"
    );
}

#[test]
fn a_reading_of_another_version_is_read_as_far_as_it_is_known() {
    let known = r#"{"node": "site-3", "later": [1], "kv": {"used_bytes": 7, "later": 1}}"#;
    let reading: Reading = serde_json::from_str(known).unwrap();
    assert_eq!((reading.node.as_str(), reading.kv.used_bytes), ("site-3", 7));
    let json = serde_json::to_string(&sample()).unwrap();
    assert_eq!(serde_json::from_str::<Reading>(&json).unwrap(), sample());
}
