//! Who leaves costs nothing: in virtual time, on a device that takes a second for a pass.

use super::{chat, config, send, served_by, text};
use crate::config::ServeSettings;
use crate::metrics::Outcome;
use axum::Router;
use http_body_util::BodyExt as _;
use routing::Route;
use serde_json::json;
use settings::Pace;
use std::time::Duration;
use transport::clock;

const PATH: &str = "/v1/chat/completions";

const SLOW: Pace = Pace { decode_ms: 1_000.0, per_row_ms: 0.0 };

fn settings() -> ServeSettings {
    ServeSettings { streams_max: 1, queue_max: 0, ..ServeSettings::default() }
}

async fn free_again(api: &Router) {
    // A pass, and what is behind it.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let (status, _, body) = text(send(api, PATH, &chat(json!({ "max_tokens": 1 }))).await).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_left_ends_within_a_pass() {
    let (api, house) = served_by(config(SLOW, settings())).await;
    let asked = chat(json!({ "max_tokens": 200, "stream": true, "temperature": 0.0 }));
    let mut stream = send(&api, PATH, &asked).await.into_body();
    for _ in 0..3 {
        stream.frame().await.unwrap().unwrap();
    }
    assert_eq!(house.door.load(), (1, 0));
    drop(stream);
    free_again(&api).await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_nobody_waits_for_ends_within_a_pass() {
    let (api, house) = served_by(config(SLOW, settings())).await;
    let asked = chat(json!({ "max_tokens": 200, "temperature": 0.0 }));
    let waiting = tokio::time::timeout(Duration::from_secs(4), send(&api, PATH, &asked)).await;
    assert!(waiting.is_err(), "it takes minutes");
    assert_eq!(house.door.load(), (1, 0));
    free_again(&api).await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_a_reply_with_what_it_has() {
    let (api, house) = served_by(config(SLOW, settings())).await;
    let asked = chat(
        json!({ "max_tokens": 200, "temperature": 0.0, "causeway": { "deadline_ms": 6_500 } }),
    );
    let asked_at = clock::now();
    let found = super::reply(&api, &asked).await;
    assert_eq!(found["choices"][0]["finish_reason"], "length");
    let time = found["usage"]["causeway"]["time_ms"].as_object().unwrap();
    let all: f64 = time.values().map(|part| part.as_f64().unwrap()).sum();
    assert!((all - (clock::now() - asked_at).as_secs_f64() * 1e3).abs() < 20.0, "{time:?}");
    let tokens = found["usage"]["completion_tokens"].as_u64().unwrap();
    assert!((3..=7).contains(&tokens), "{tokens} tokens in six seconds");
    let ended: Vec<_> = house.metrics.totals().ended.into_iter().collect();
    assert_eq!(ended, [((Route::Local, Outcome::Length), 1)], "nobody left");
}
