//! The panel over HTTP: four questions, no answer to anything else.
//!
//! Whoever reaches the address may ask, so that it belongs on loopback or on a network of those who run the node.

use super::{Panel, metrics};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Answers until `stop`.
pub(crate) async fn serve(panel: Arc<Panel>, listener: TcpListener, stop: CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        served = axum::serve(listener, router(panel)) => {
            if let Err(error) = served {
                tracing::error!(%error, "telemetry cannot be served any more");
            }
        }
    }
}

/// What is answered.
pub(crate) fn router(panel: Arc<Panel>) -> Router {
    Router::new()
        .route("/metrics", get(metrics_page))
        .route("/status", get(status))
        .route("/readyz", get(ready))
        .route("/healthz", get(|| async { "alive\n" }))
        .with_state(panel)
}

async fn metrics_page(State(panel): State<Arc<Panel>>) -> Response {
    let page = metrics::page(&panel.reading(), panel.node.engine.passes());
    ([(CONTENT_TYPE, telemetry::CONTENT_TYPE)], page.text()).into_response()
}

async fn status(State(panel): State<Arc<Panel>>) -> Response {
    Json(panel.reading()).into_response()
}

/// 200 where a session would be served now, else 503 and why not.
async fn ready(State(panel): State<Arc<Panel>>) -> Response {
    match panel.reading().why {
        None => "ready\n".into_response(),
        Some(why) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")).into_response()
        }
    }
}
