//! A status of a device as a person reads it, whole, in parts and from the wrong place.

use super::reading::Reading;
use super::words::words;
use super::{StatusArguments, address, ask, status};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;

/// When the example of the document is read: 12 s after the last of what happened.
const NOW_MS: u64 = 1_795_799_017_139;

/// The example of docs/API.md.
fn whole() -> &'static str {
    let document = include_str!("../../../docs/API.md");
    let section = document.split("\n## ").find(|section| section.starts_with("6. Status\n"));
    let example = section.and_then(|section| section.split("```").nth(1));
    example.and_then(|example| example.strip_prefix("json")).unwrap()
}

fn said(json: &str) -> String {
    words(&serde_json::from_str::<Reading>(json).unwrap(), NOW_MS)
}

#[test]
fn a_person_reads_what_goes_on() {
    assert_eq!(
        said(whole()),
        "\
device    device, version 0.1.0, up for 30 s: ready
target    causeway-demo-target-q8_0.gguf, 6 layers, 6498 KiB
draft     causeway-demo-draft-q8_0.gguf, 2 layers, 2493 KiB
plan      mode split: split: device 0..2 > gateway 2..4 (f32) > cloud 4..6 (f32), drafts as they pay, streaming; device runs 0 to 2 by f32, gateway runs 2 to 4 by f32, cloud runs 4 to 6 and the head by f32 of 6 layers
link      gateway gateway at 127.0.0.1:52003 is up, cut, emulates 5g-static; RTT 107.0 ms, 0.0 % lost, 137 KiB sent, 30 KiB received
requests  1 of 16 running, 0 of 32 queued; 8 served, 0 refused, 0 failed, 0 cancelled so far
tokens    55 said, 33 verified; 45 drafted, 25 accepted; the target was lost 2 times
cost      137 KiB sent, 30 KiB received, money 0.0000, energy -
lately    33 s ago ready: the device can be asked
lately    12 s ago link-cut: somebody cuts the emulated link
"
    );
}

#[test]
fn a_device_that_never_will_be_ready_says_why() {
    let failed = r#"{"node": "car", "ready": false, "loading": {"step": "the target"},
        "failed": "no weights in \"x\"", "requests": {"failed": 3}}"#;
    let said = said(failed);
    assert!(said.contains("up for -: cannot start: no weights in \"x\"\n"), "{said}");
    assert!(said.contains("- refused, 3 failed, - cancelled so far\n"), "{said}");
}

#[test]
fn what_happened_is_told_by_its_age() {
    let of = |ago_ms: i64| {
        let at_ms = NOW_MS.checked_add_signed(-ago_ms).unwrap();
        said(&format!(r#"{{"timeline": [{{"at_ms": {at_ms}, "kind": "ready", "text": "t"}}]}}"#))
    };
    for (ago_ms, age) in [
        (-5_000, "0 s ago"),
        (59_999, "59 s ago"),
        (60_000, "1 min ago"),
        (3_599_999, "59 min ago"),
        (3_600_000, "1 h ago"),
        (86_399_999, "23 h ago"),
        (3 * 86_400_000, "3 d ago"),
    ] {
        let said = of(ago_ms);
        assert!(said.ends_with(&format!("lately    {age} ready: t\n")), "{said}");
    }
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
    let (url, answering) = once("200 OK", whole());
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "sesame\n").unwrap();
    let config = folder.path().join("none.toml");
    status(&StatusArguments { config, url: Some(format!("{url}/")), key: Some(key) }).unwrap();
    let asked = answering.join().unwrap();
    assert!(asked.starts_with("GET /causeway/v1/status HTTP/1.1\r\n"), "{asked}");
    assert!(asked.to_lowercase().contains("authorization: bearer sesame\r\n"), "{asked}");
}

/// Goal: the key, and what is said to homes and callbacks, goes to nobody but whom it is for.
/// Method: tests that ask and call run in a process whose environment names a proxy that is not there.
#[test]
fn no_proxy_of_the_environment_is_asked_or_told() {
    let tests = [
        "status::tests::the_device_is_asked_with_the_key_that_the_file_has",
        "acting::tests::an_http_action_is_sent_once_with_its_id",
    ];
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact"]).args(tests).env("ALL_PROXY", "http://127.0.0.1:9");
    let ran = again.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("2 passed"), "{said}");
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
