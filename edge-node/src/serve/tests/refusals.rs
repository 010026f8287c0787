//! What is refused, by name and in the words of the API; and what nobody need ask for.

use super::{chat, config, keys, reply, send, send_with, served, served_by, text};
use crate::config::ServeSettings;
use crate::page::ASSETS;
use crate::serve::status::LISTENERS_MAX;
use axum::Router;
use serde_json::{Value, json};
use settings::Pace;

const PATH: &str = "/v1/chat/completions";

async fn refused(api: &Router, more: Value) -> (u16, Value) {
    let (status, _, body) = text(send(api, PATH, &chat(more)).await).await;
    let found: Value = serde_json::from_str(&body).unwrap();
    (status.as_u16(), found["error"].clone())
}

#[tokio::test]
async fn what_is_not_supported_is_refused_by_name() {
    let api = served().await;
    let tool = json!([{ "type": "function", "function": { "name": "f" } }]);
    let long = "word ".repeat(4_000);
    let broken = json!({ "type": "json_schema", "json_schema": { "name": "x", "schema": { "type": "nothing" } } });
    for (status, param, more) in [
        (400, "presence_penalty", json!({ "presence_penalty": 0.5 })),
        (400, "logit_bias", json!({ "logit_bias": { "50": 1 } })),
        (400, "suffix", json!({ "suffix": "" , "n": 2 })),
        (400, "n", json!({ "n": 9 })),
        (400, "temperature", json!({ "temperature": 3 })),
        (400, "tools", json!({ "tools": tool })),
        (400, "causeway.route", json!({ "causeway": { "route": "local" } })),
        (400, "causeway.key", json!({ "causeway": { "key": "once" } })),
        (400, "messages", json!({ "messages": [{ "role": "user", "content": long }] })),
        (400, "response_format", json!({ "response_format": broken })),
        (404, "model", json!({ "model": "gpt-4" })),
    ] {
        let (found, error) = refused(&api, more).await;
        assert_eq!((found, &error["param"]), (status, &json!(param)), "{error}");
        assert_eq!(error["type"], "invalid_request_error", "{error}");
    }
}

#[tokio::test]
async fn what_is_no_request_is_told_so() {
    let api = served().await;
    for (status, path, body) in [
        (400, PATH, "{".to_owned()),
        (404, "/v1/nothing", "{}".to_owned()),
        (404, "/v1/models/", String::new()),
        (404, "/v1/models/gpt-4", String::new()),
        (404, "/v1/models/org/name", String::new()),
        (404, "/v1/models/%ff", String::new()),
        (404, "/v1/chat/completions", String::new()),
        (404, "/v1/embeddings", json!({ "model": "m", "input": "x" }).to_string()),
        (413, PATH, format!("\"{}\"", "x".repeat(openai::BODY_LEN_MAX))),
        (403, "/causeway/v1/link", json!({ "cut": true }).to_string()),
    ] {
        let (found, _, answer) = text(send_with(&api, path, body, &[]).await).await;
        assert_eq!(found, status, "{path}: {answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_is_not_answered() {
    let api = served().await;
    let ask = || chat(json!({ "max_tokens": 1 })).to_string();
    let (own, other) = ("127.0.0.1:8080", "evil.example:8080");
    for (status, host, origin) in [
        (200, own, "http://127.0.0.1:8080"),
        (403, own, "http://evil.example"),
        (403, other, "http://evil.example:8080"),
    ] {
        let headers = [("host", host), ("origin", origin)];
        let (found, _, body) = text(send_with(&api, PATH, ask(), &headers).await).await;
        assert_eq!(found, status, "{body}");
    }
}

#[tokio::test]
async fn a_key_is_wanted_for_all_but_signs_of_life_and_the_page_s_frame() {
    let settings = ServeSettings { keys: keys(), ..ServeSettings::default() };
    let (api, house) = served_by(config(Pace::default(), settings)).await;
    let car = [("authorization", "Bearer a secret of the car")];
    let home = [("authorization", "Bearer a secret of the home")];
    let wrong = [("authorization", "Bearer a secret of the cat")];
    let ask = || chat(json!({ "max_tokens": 1 })).to_string();
    for (status, headers) in
        [(401, &[][..]), (401, &wrong), (200, &car), (200, &car), (200, &home), (429, &home)]
    {
        let (found, headers, body) = text(send_with(&api, PATH, ask(), headers).await).await;
        assert_eq!(found, status, "{body}");
        assert_eq!(headers.contains_key("retry-after"), status == 429);
        assert!(!body.contains("secret of"), "{body}");
    }
    for path in ["/v1/models", "/causeway/v1/status", "/causeway/v1/events", "/metrics"] {
        let (found, _, _) = text(send_with(&api, path, String::new(), &[]).await).await;
        assert_eq!(found, 401, "{path}");
    }
    for path in ["/healthz", "/readyz"].into_iter().chain(ASSETS.iter().map(|asset| asset.path)) {
        let (found, _, _) = text(send_with(&api, path, String::new(), &[]).await).await;
        assert_eq!(found, 200, "{path}");
    }
    let refused = house.metrics.totals().refused;
    assert_eq!(refused.values().sum::<u64>(), 3, "requests alone are counted: {refused:?}");
}

#[tokio::test]
async fn only_so_many_listen_at_once() {
    let (api, house) = served_by(config(Pace::default(), ServeSettings::default())).await;
    let listen = || send_with(&api, "/causeway/v1/events", String::new(), &[]);
    let mut listeners = Vec::new();
    for _ in 0..LISTENERS_MAX {
        let listener = listen().await;
        assert_eq!(listener.status(), 200);
        listeners.push(listener);
    }
    let (status, headers, body) = text(listen().await).await;
    assert_eq!(status, 503, "{body}");
    assert!(headers.contains_key("retry-after") && body.contains("\"busy\""), "{body}");
    listeners.pop();
    // Whoever leaves is noticed by a task of its own.
    while house.listeners.available_permits() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(listen().await.status(), 200);
}

#[tokio::test]
async fn metrics_and_the_status_count_what_was_served() {
    let (api, _) = served_by(config(Pace::default(), ServeSettings::default())).await;
    let found = reply(&api, &chat(json!({}))).await;
    let (_, _, page) = text(send_with(&api, "/metrics", String::new(), &[]).await).await;
    let served = "causeway_requests_total{route=\"local\",outcome=\"length\"} 1.0";
    let done = "causeway_requests_total{route=\"local\",outcome=\"done\"} 1.0";
    assert!(page.contains(served) || page.contains(done), "{page}");
    let (_, _, status) =
        text(send_with(&api, "/causeway/v1/status", String::new(), &[]).await).await;
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["totals"]["tokens"], found["usage"]["completion_tokens"]);
    assert_eq!((&status["requests"]["served"], &status["ready"]), (&json!(1), &json!(true)));
}
