//! Paths, who may take them, and how failures are told.

use crate::metrics::Refusal;
use crate::page::{ASSETS, Asset, CONTENT_SECURITY_POLICY};
use crate::serve::chat::chat;
use crate::serve::completions::completions;
use crate::serve::embeddings::embeddings;
use crate::serve::house::House;
use crate::serve::keys::Key;
use crate::serve::models_list::{model, models};
use crate::serve::stranger::stranger;
use crate::serve::{health, link, status};
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use openai::{ApiError, BODY_LEN_MAX};
use std::sync::Arc;

/// All paths of the device.
pub(super) fn router(house: Arc<House>) -> Router {
    let page = ASSETS.iter().fold(Router::new(), |router, asset| {
        router.route(asset.path, get(move || async move { served(asset) }))
    });
    page.route("/v1/chat/completions", post(chat))
        .route("/v1/completions", post(completions))
        .route("/v1/embeddings", post(embeddings))
        .route("/v1/models", get(models))
        .route("/v1/models/{*id}", get(model))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(status::metrics))
        .route("/causeway/v1/status", get(status::status))
        .route("/causeway/v1/events", get(status::events))
        .route("/causeway/v1/link", post(link::cut))
        .fallback(nothing_here)
        .method_not_allowed_fallback(nothing_here)
        .layer(DefaultBodyLimit::max(BODY_LEN_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&house), in_our_words))
        .with_state(house)
}

/// A file of the page. Whoever may ask sees more than its frame.
fn served(asset: &'static Asset) -> Response {
    let headers = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, asset.bytes).into_response()
}

/// Who asks, by the key that was sent.
pub(super) struct Caller(pub(super) Key);

impl FromRequestParts<Arc<House>> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, house: &Arc<House>) -> Result<Self, Failure> {
        let secret = parts.headers.get(header::AUTHORIZATION);
        let secret = secret.and_then(|value| value.to_str().ok());
        let secret = secret.and_then(|value| value.strip_prefix("Bearer "));
        Ok(Self(house.caller(secret.map(str::trim))?))
    }
}

/// An error as an answer.
#[derive(Debug)]
pub(super) struct Failure(pub(super) ApiError);

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status =
            StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let json = [(header::CONTENT_TYPE, "application/json")];
        let mut response = (status, json, error.body()).into_response();
        if let Some(seconds) = error.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(refusal) = refusal(&error) {
            response.extensions_mut().insert(refusal);
        }
        response
    }
}

async fn nothing_here(State(_): State<Arc<House>>, request: Request) -> Failure {
    let says = format!(
        "there is no {} {}: docs/API.md lists what there is",
        request.method(),
        request.uri().path()
    );
    let says: String = says.chars().take(200).collect();
    Failure(ApiError { status: 404, ..ApiError::malformed(says) })
}

/// What the framework refuses, in the words of the API: a body that is too long. What is refused is counted.
async fn in_our_words(State(house): State<Arc<House>>, request: Request, next: Next) -> Response {
    // Who only looks is no request that was refused.
    let asks = request.method() == Method::POST && request.uri().path().starts_with("/v1/");
    let mut response = match stranger(request.headers(), house.settings.keys.is_some()) {
        Some(says) => {
            Failure(ApiError { status: 403, ..ApiError::malformed(says) }).into_response()
        }
        None => next.run(request).await,
    };
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        response = Failure(ApiError::too_large()).into_response();
    }
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>().filter(|_| asks) {
        house.metrics.refused(refusal);
    }
    response
}

/// Why a request was not taken; `None` where it was, and failed.
fn refusal(error: &ApiError) -> Option<Refusal> {
    match (error.status, error.code) {
        (401, _) => Some(Refusal::Unauthorized),
        (422, _) => Some(Refusal::NoRoute),
        (429, _) => Some(Refusal::RateLimit),
        (400..=499, _) => Some(Refusal::Invalid),
        (_, Some("queue_full")) => Some(Refusal::QueueFull),
        (_, Some("loading")) => Some(Refusal::Loading),
        (_, Some("draining")) => Some(Refusal::Draining),
        (_, _) => None,
    }
}
