//! The API of a device that answers alone, asked without a socket; what others have to do with it is seen by real
//! clients over real links, in `tests/clients`.

mod admission;
mod leaving;
mod refusals;
mod replies;

use super::house::House;
use super::phase::Phase;
use super::{routes, start};
use crate::config::{Config, EngineOptions, ServeSettings};
use crate::demo::{models, nodes};
use crate::device::StartStep;
use crate::serve::Keys;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use base::DraftLength;
use partitioner::{LocalChoice, Mode, Speculation};
use protocol::AfterOutage;
use serde_json::{Value, json};
use settings::{Link, Pace};
use std::sync::Arc;
use tower::ServiceExt as _;

/// What a test asks.
const SAID: &str = "I'd like a table for two tonight.";

/// A device that runs the whole target itself, at this pace.
pub(super) fn config(pace: Pace, serve: ServeSettings) -> Config {
    let identities = nodes::Identities::issue().unwrap();
    let plan = crate::PlanSettings {
        mode: Mode::Local,
        auto: false,
        local: LocalChoice::Target,
        target: None,
        draft_length: DraftLength::Auto,
        speculation: Speculation::default(),
        source: crate::SourceChoice::Auto,
        stages: Vec::new(),
        after_outage: AfterOutage::Keep,
        switches: Vec::new(),
    };
    let (models, peers) = (models::find(None).unwrap(), Vec::new());
    let device = nodes::device(identities.of_device(), &models, peers, plan, Link::default(), pace);
    Config { serve, engine: EngineOptions { threads: 1, pace, ..device.engine }, ..device }
}

/// The API of a device that has started, and what its requests share.
pub(super) async fn served_by(config: Config) -> (Router, Arc<House>) {
    let house = House::new(&config, Phase::Starting(StartStep::Files));
    start(&house, config).await.unwrap();
    (routes::router(Arc::clone(&house)), house)
}

async fn served() -> Router {
    served_by(config(Pace::default(), ServeSettings::default())).await.0
}

/// Two keys, one of which may ask once a minute.
fn keys() -> Option<Keys> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.keys");
    let text = "[[keys]]\nname = 'car'\nsecret = 'a secret of the car'\n\
                [[keys]]\nname = 'home'\nsecret = 'a secret of the home'\nrequests_per_minute = 1\n";
    std::fs::write(&path, text).unwrap();
    Some(Keys::read(&path).unwrap())
}

/// A chat with these parameters beside what every chat has.
fn chat(more: Value) -> Value {
    let mut body = json!({
        "model": "causeway",
        "messages": [{ "role": "user", "content": SAID }],
        "temperature": 0.8,
        "seed": 7,
        "max_tokens": 12,
    });
    let body_fields = body.as_object_mut().unwrap();
    body_fields.extend(more.as_object().unwrap().clone());
    body
}

async fn send(api: &Router, path: &str, body: &Value) -> Response {
    send_with(api, path, body.to_string(), &[]).await
}

async fn send_with(api: &Router, path: &str, body: String, headers: &[(&str, &str)]) -> Response {
    let method = if body.is_empty() { "GET" } else { "POST" };
    let request = headers
        .iter()
        .fold(Request::builder().method(method).uri(path), |request, (name, value)| {
            request.header(*name, *value)
        });
    api.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
}

async fn text(response: Response) -> (StatusCode, HeaderMap, String) {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
}

/// The reply to a chat, which has to be one.
async fn reply(api: &Router, body: &Value) -> Value {
    let (status, _, text) = text(send(api, "/v1/chat/completions", body).await).await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The data of a stream's events, without its end, which has to be there.
async fn events(response: Response) -> Vec<Value> {
    let (status, _, text) = text(response).await;
    assert_eq!(status, 200, "{text}");
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let mut data: Vec<&str> = data.collect();
    assert_eq!(data.pop(), Some("[DONE]"), "{text}");
    data.into_iter().map(|event| serde_json::from_str(event).unwrap()).collect()
}
