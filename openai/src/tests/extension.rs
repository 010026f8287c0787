//! What requests ask beyond OpenAI's API, in bodies and headers.

use super::{chat, check_refused};
use crate::{Conversation, Extension, Policy, Route};
use base::{ByteCount, Privacy};
use serde_json::{Value, json};

const ID: &str = "0123456789abcdef0123456789ABCDEF";
const ID_NUMBER: u128 = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;

fn full() -> Extension {
    Extension {
        privacy: Some(Privacy::Site),
        policy: Some(Policy::Revise),
        deadline_ms: Some(1500),
        route: Some(Route::Hybrid),
        budget: Some(ByteCount(4096)),
        conversation: Some(Conversation::Kept(ID_NUMBER)),
        callback: Some("https://here/".to_owned()),
        key: Some("mine".to_owned()),
    }
}

const FULL_HEADERS: [(&str, &[u8]); 8] = [
    ("x-causeway-privacy", b"site"),
    ("x-causeway-policy", b"revise"),
    ("x-causeway-deadline-ms", b"1500"),
    ("x-causeway-route", b"hybrid"),
    ("x-causeway-budget-bytes", b"4096"),
    ("x-causeway-conversation", ID.as_bytes()),
    ("x-causeway-callback", b"https://here/"),
    ("idempotency-key", b"mine"),
];

fn full_body() -> Value {
    json!({
        "privacy": "site", "policy": "revise", "deadline_ms": 1500, "route": "hybrid", "budget": {"bytes": 4096},
        "conversation": ID, "callback": "https://here/", "key": "mine"
    })
}

#[test]
fn body_and_headers_say_the_same_things() {
    let asked = chat(&json!({"causeway": full_body()})).unwrap();
    assert_eq!(asked.extension, full());
    let none: [(&str, &[u8]); 0] = [];
    assert_eq!(asked.with_headers(none).unwrap().extension, full());
    let strangers: [(&str, &[u8]); 2] = [("accept", b"*/*"), ("authorization", b"Bearer \xff")];
    let headers = FULL_HEADERS.into_iter().chain(strangers);
    let asked = chat(&json!({})).unwrap().with_headers(headers).unwrap();
    assert_eq!(asked.extension, full());
}

#[test]
fn the_body_overrides_each_header_by_itself() {
    let body = json!({
        "privacy": "device", "policy": "keep", "deadline_ms": 1, "route": "action", "budget": {"bytes": 0},
        "conversation": "new", "callback": "http://there/", "key": "yours"
    });
    let over = chat(&json!({"causeway": body})).unwrap().extension;
    assert_eq!(over.clone().overlay(FULL_HEADERS).unwrap(), over);
    for (key, value) in body.as_object().unwrap() {
        let one = chat(&json!({"causeway": {key: value}})).unwrap().extension;
        let both = one.clone().overlay(FULL_HEADERS).unwrap();
        assert_ne!(both, full(), "{key}");
        assert_ne!(both, one, "{key}");
    }
}

#[test]
fn what_the_extension_may_not_say_is_refused_by_its_path() {
    for (key, value, param) in [
        ("privacy", json!("secret"), "causeway.privacy"),
        ("policy", json!(true), "causeway.policy"),
        ("deadline_ms", json!(0), "causeway.deadline_ms"),
        ("deadline_ms", json!(u64::MAX), "causeway.deadline_ms"),
        ("deadline_ms", json!("1500"), "causeway.deadline_ms"),
        ("route", json!("cloud"), "causeway.route"),
        ("budget", json!(4096), "causeway.budget"),
        ("budget", json!({}), "causeway.budget.bytes"),
        ("budget", json!({"bytes": -1}), "causeway.budget.bytes"),
        ("budget", json!({"bytes": 1, "money": 1}), "causeway.budget.money"),
        ("conversation", json!("old"), "causeway.conversation"),
        ("conversation", json!("+123456789abcdef0123456789abcdef0"), "causeway.conversation"),
        ("callback", json!("ftp://here/"), "causeway.callback"),
        ("callback", json!(format!("http://{}", "x".repeat(2048))), "causeway.callback"),
        ("key", json!(""), "causeway.key"),
        ("key", json!("k".repeat(257)), "causeway.key"),
        ("colour", json!("blue"), "causeway.colour"),
    ] {
        check_refused(chat(&json!({"causeway": {key: value}})), param);
    }
    check_refused(chat(&json!({"causeway": "site"})), "causeway");
}

#[test]
fn what_a_header_may_not_say_is_refused_by_its_name() {
    for (name, value, param) in [
        ("x-causeway-privacy", "secret", "X-Causeway-Privacy"),
        ("x-causeway-policy", "", "X-Causeway-Policy"),
        ("x-causeway-deadline-ms", "soon", "X-Causeway-Deadline-Ms"),
        ("x-causeway-deadline-ms", "-1", "X-Causeway-Deadline-Ms"),
        ("x-causeway-route", "cloud", "X-Causeway-Route"),
        ("x-causeway-budget-bytes", "{\"bytes\": 1}", "X-Causeway-Budget-Bytes"),
        ("x-causeway-conversation", "7", "X-Causeway-Conversation"),
        ("x-causeway-callback", "here", "X-Causeway-Callback"),
        ("idempotency-key", "", "Idempotency-Key"),
        ("x-causeway-colour", "blue", "x-causeway-colour"),
    ] {
        check_refused(full().overlay([(name, value.as_bytes())]), param);
    }
    let header: (&str, &[u8]) = ("x-causeway-route", b"local");
    check_refused(full().overlay([header, header]), "x-causeway-route");
    check_refused(full().overlay([("x-causeway-route", b"\xff".as_slice())]), "x-causeway-route");
}

#[test]
fn a_kept_conversation_is_told_one_message() {
    let said = json!({"role": "user", "content": "Hi."});
    let two = chat(&json!({"messages": [said, said]})).unwrap();
    check_refused(two.with_headers([("x-causeway-conversation", b"new".as_slice())]), "messages");
    let body = json!({"messages": [said, said], "causeway": {"conversation": ID}});
    check_refused(chat(&body), "messages");
}
