//! Who has to wait, and who is told to come back.

use super::{chat, config, send, send_with, served_by, text};
use crate::config::ServeSettings;
use crate::device::StartStep;
use crate::serve::house::House;
use crate::serve::phase::Phase;
use crate::serve::routes;
use serde_json::{Value, json};
use settings::Pace;
use std::time::Duration;

const PATH: &str = "/v1/chat/completions";

/// A device that takes a second for a pass.
const SLOW: Pace = Pace { decode_ms: 1_000.0, per_row_ms: 0.0 };

#[tokio::test]
async fn who_asks_while_the_device_starts_is_told_how_far_it_is() {
    let house = House::new(
        &config(Pace::default(), ServeSettings::default()),
        Phase::Starting(StartStep::Weights),
    );
    let api = routes::router(house);
    let (status, headers, body) = text(send(&api, PATH, &chat(json!({}))).await).await;
    assert_eq!((status.as_u16(), &headers["retry-after"]), (503, &"1".parse().unwrap()));
    let error: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&error["error"]["code"], &error["error"]["type"]),
        (&json!("loading"), &json!("overloaded_error"))
    );
    assert!(error["error"]["message"].as_str().unwrap().contains("step 2 of 4"), "{error}");
    let (ready, _, _) = text(send_with(&api, "/readyz", String::new(), &[]).await).await;
    let (alive, _, _) = text(send_with(&api, "/healthz", String::new(), &[]).await).await;
    assert_eq!((ready.as_u16(), alive.as_u16()), (503, 200));
}

/// Goal: what is beyond the queue is refused at once, and a drain ends what takes too long. Method: a paced device in
/// virtual time, that speaks one reply at a time; the first takes a minute.
#[tokio::test(start_paused = true)]
async fn what_is_beyond_the_queue_is_refused_at_once() {
    let settings = ServeSettings { streams_max: 1, queue_max: 1, ..ServeSettings::default() };
    let (api, house) = served_by(config(SLOW, settings)).await;
    let ask = |tokens: u32| {
        let api = api.clone();
        let body = chat(json!({ "max_tokens": tokens, "temperature": 0.0, "stop": "\u{1}" }));
        tokio::spawn(async move { text(send(&api, PATH, &body).await).await })
    };
    let first = ask(60);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let second = ask(2);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(house.door.load(), (1, 1));
    let (status, headers, body) = ask(2).await.unwrap();
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("queue_full") && headers.contains_key("retry-after"), "{body}");
    assert_eq!(first.await.unwrap().0, 200);
    let (status, _, body) = second.await.unwrap();
    assert_eq!(status, 200, "{body}");
    let found: Value = serde_json::from_str(&body).unwrap();
    let queue = found["usage"]["causeway"]["time_ms"]["queue"].as_f64().unwrap();
    assert!(queue > 1_000.0, "it waited for the first: {queue} ms");
    assert_eq!(house.door.load(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_drain_takes_no_more_and_ends_what_takes_too_long() {
    let settings = ServeSettings { drain: Duration::from_secs(5), ..ServeSettings::default() };
    let (api, house) = served_by(config(SLOW, settings)).await;
    let body = chat(json!({ "max_tokens": 60, "temperature": 0.0 }));
    let running = tokio::spawn({
        let (api, body) = (api.clone(), body.clone());
        async move { text(send(&api, PATH, &body).await).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let drained = tokio::spawn({
        let house = house.clone();
        async move { house.drain().await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (status, _, refused) = text(send(&api, PATH, &body).await).await;
    assert!(status == 503 && refused.contains("draining"), "{refused}");
    drained.await.unwrap();
    let (status, _, cut) = running.await.unwrap();
    let cut: Value = serde_json::from_str(&cut).unwrap();
    assert_eq!((status.as_u16(), &cut["choices"][0]["finish_reason"]), (200, &json!("length")));
    assert!(cut["usage"]["completion_tokens"].as_u64().unwrap() < 10, "{cut}");
}
