//! A status of a device as a person reads it, whole, in parts and from the wrong place.

use super::reading::Reading;
use super::words::words;
use super::{StatusArguments, address, ask, status};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

const WHOLE: &str = r#"{"node": "car", "version": "0.1.0", "uptime_s": 61.2, "ready": true, "loading": null,
  "models": {"target": {"id": "target-q8_0", "layers": 6, "bytes": 2097152}, "draft": null},
  "mode": "split", "plan": {"text": "split device 0..2, cloud 2..6", "stages": [
    {"node": "car", "role": "device", "layers": [0, 2], "embedding": true, "head": false, "codec": null},
    {"node": "cloud", "role": "cloud", "layers": [2, 6], "embedding": false, "head": true, "codec": "f16"}]},
  "layers": 6,
  "links": [{"peer": "cloud", "role": "cloud", "address": "10.0.0.1:7443", "state": "down", "why": "no answer",
    "rtt_ms": 41.26, "loss": 0.015, "up_mbps": 10, "down_mbps": 20, "bytes_sent": 2048, "bytes_received": 4096,
    "emulated": "road", "cut": true}],
  "requests": {"running": 1, "queued": 0, "streams_max": 4, "queue_max": 16, "served": 9, "refused": 1, "cancelled": 2},
  "totals": {"tokens": 300, "verified": 290, "drafted": 200, "accepted": 150, "failovers": 1, "bytes_sent": 2048,
    "bytes_received": 4096, "money": 0.25, "energy_j": null},
  "timeline": [{"at_ms": 60500, "kind": "alone", "text": "cloud is out of reach"}], "later": {}}"#;

fn said(json: &str) -> String {
    words(&serde_json::from_str::<Reading>(json).unwrap())
}

#[test]
fn a_person_reads_what_goes_on() {
    assert_eq!(
        said(WHOLE),
        "\
device    car, version 0.1.0, up for 61 s: ready
target    target-q8_0, 6 layers, 2048 KiB
plan      mode split: split device 0..2, cloud 2..6; car runs 0 to 2, cloud runs 2 to 6 and the head by f16 of 6 layers
link      cloud cloud at 10.0.0.1:7443 is down (no answer), cut, emulates road; RTT 41.3 ms, 1.5 % lost, 2048 B sent, 4096 B received
requests  1 of 4 running, 0 of 16 queued; 9 served, 1 refused, 2 cancelled so far
tokens    300 said, 290 verified; 200 drafted, 150 accepted; the target was lost 1 times
cost      2048 B sent, 4096 B received, money 0.2500, energy -
lately    60.5 s alone: cloud is out of reach
"
    );
}

#[test]
fn what_is_missing_or_null_is_not_known_and_what_loads_says_how_far() {
    assert_eq!(said("{}"), "device    -, version -, up for -: -\nplan      mode -: -\n");
    let nulls = r#"{"node": null, "links": null, "totals": {"tokens": null}, "plan": null, "timeline": null}"#;
    assert!(said(nulls).contains("tokens    - said, - verified"), "{}", said(nulls));
    let loading =
        r#"{"node": "car", "ready": false, "loading": {"step": "the target", "done": 3, "of": 9}}"#;
    assert!(
        said(loading).starts_with("device    car, version -, up for -: loads the target, 3 of 9\n")
    );
}

#[test]
fn what_a_terminal_would_act_on_is_not_printed() {
    let hostile = "{\"node\": \"car\\u001b[2J\\n\"}";
    assert!(said(hostile).starts_with("device    car [2J , version"), "{}", said(hostile));
}

#[test]
fn the_address_is_the_configuration_s_and_loopback_where_that_is_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("device.toml");
    let of = |text: &str| {
        std::fs::write(&path, text).unwrap();
        address(&path).map(|address| address.to_string()).map_err(|error| error.to_string())
    };
    assert_eq!(of("[node]\nname = 'car'\n").unwrap(), "127.0.0.1:8080");
    assert_eq!(of("[serve]\nlisten = '0.0.0.0:99'\nkeys = 'k'\n").unwrap(), "127.0.0.1:99");
    assert!(of("[serve]\nlisten = '127.0.0.1:0'\n").unwrap_err().contains("--url"));
}

/// Answers once with `status` and `body`; gives where, and what it was asked.
fn once(status: &'static str, body: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let (mut asked, mut part) = (Vec::new(), [0; 1024]);
        while !asked.ends_with(b"\r\n\r\n") {
            let read = stream.read(&mut part).unwrap();
            asked.extend_from_slice(&part[..read]);
        }
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        stream.write_all((head + body).as_bytes()).unwrap();
        String::from_utf8(asked).unwrap()
    });
    (url, answering)
}

#[test]
fn the_device_is_asked_with_the_key_that_the_file_has() {
    let (url, answering) = once("200 OK", WHOLE);
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "sesame\n").unwrap();
    let config = folder.path().join("none.toml");
    status(&StatusArguments { config, url: Some(format!("{url}/")), key: Some(key) }).unwrap();
    let asked = answering.join().unwrap();
    assert!(asked.starts_with("GET /causeway/v1/status HTTP/1.1\r\n"), "{asked}");
    assert!(asked.to_lowercase().contains("authorization: bearer sesame\r\n"), "{asked}");
}

#[test]
fn whoever_is_no_device_is_named_with_what_would_be_right() {
    let refused = |status, body, expected: &str| {
        let (url, answering) = once(status, body);
        let error = format!("{:#}", ask(&url, None).unwrap_err());
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
        answering.join().unwrap();
    };
    refused("401 Unauthorized", "", "wants a key: name a file of it with --key");
    refused("404 Not Found", "", "is no device of ours: it says 404");
    refused("200 OK", "<html>", "is no device of ours");
    refused("200 OK", "{\"links\": 7}", "is no device of ours");
    let gone = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let error = format!("{:#}", ask(&format!("http://{gone}"), None).unwrap_err());
    assert!(error.contains("is `edge-node serve` running?"), "{error}");
}
