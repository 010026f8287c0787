//! What a client is told where it gets no answer: OpenAI's error object, with its status.

use crate::request::BODY_LEN_MAX;
use serde::Serialize;

/// Whose fault it is, as OpenAI spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request's.
    InvalidRequestError,
    /// The client's: it asks too much in too short a time.
    RateLimitError,
    /// Ours.
    ServerError,
    /// Nobody's: there is no room now.
    OverloadedError,
}

/// An answer that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The status of HTTP.
    pub status: u16,
    /// Whose fault it is.
    pub kind: ErrorKind,
    /// What is wrong, and what would be right.
    pub message: String,
    /// Which parameter is wrong, as a path: `messages[2].content`.
    pub param: Option<String>,
    /// What programs branch on.
    pub code: Option<&'static str>,
    /// For the header `Retry-After`: seconds until it is worth asking again.
    pub retry_after_s: Option<u32>,
}

impl ApiError {
    /// A request that says something wrong at `param`.
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        let param = Some(param.into());
        Self { param, ..Self::of(400, ErrorKind::InvalidRequestError, message) }
    }

    /// A body that is no request at all.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::of(400, ErrorKind::InvalidRequestError, message)
    }

    /// No key, where one is wanted.
    pub fn no_key() -> Self {
        Self::bad_key("no key: send the header `Authorization: Bearer KEY`")
    }

    /// A key that is not one of ours. The key is not repeated: errors are logged.
    pub fn wrong_key() -> Self {
        Self::bad_key(
            "this key is not known here: the operator's file of keys lists those that are",
        )
    }

    fn bad_key(message: &str) -> Self {
        let code = Some("invalid_api_key");
        Self { code, ..Self::of(401, ErrorKind::InvalidRequestError, message) }
    }

    /// A model that does not answer here; `ours` is the one that does.
    pub fn model_not_found(asked: &str, ours: &str) -> Self {
        let asked: String = asked.chars().take(MODEL_SHOWN_CHARS).collect();
        let message = format!("there is no model {asked:?} here: ask for {ours:?} or \"causeway\"");
        Self { code: Some("model_not_found"), status: 404, ..Self::invalid("model", message) }
    }

    /// A body that is longer than is read.
    pub fn too_large() -> Self {
        let message = format!("the body is longer than {BODY_LEN_MAX} bytes, which is the most");
        Self::of(413, ErrorKind::InvalidRequestError, message)
    }

    /// No way to go; `why` says it of each.
    pub fn no_route(why: impl Into<String>) -> Self {
        let code = Some("no_route");
        Self { code, ..Self::of(422, ErrorKind::InvalidRequestError, why) }
    }

    /// More than the key may ask; `limit` says what it may.
    pub fn rate_limited(limit: impl Into<String>, retry_after_s: u32) -> Self {
        Self::of(429, ErrorKind::RateLimitError, limit).retry_after(retry_after_s)
    }

    /// Something that should not have happened.
    pub fn server(message: impl Into<String>) -> Self {
        Self::of(500, ErrorKind::ServerError, message)
    }

    /// As many requests wait as may.
    pub fn queue_full(waiting: usize, retry_after_s: u32) -> Self {
        let message = format!("{waiting} requests wait already: ask again in {retry_after_s} s");
        Self::overloaded("queue_full", message, retry_after_s)
    }

    /// The models are still being read; `done` says how far.
    pub fn loading(done: &str, retry_after_s: u32) -> Self {
        let message = format!("loading, {done}: ask again in {retry_after_s} s");
        Self::overloaded("loading", message, retry_after_s)
    }

    /// The device is about to stop.
    pub fn draining(retry_after_s: u32) -> Self {
        let message = format!("this device is stopping: ask again in {retry_after_s} s");
        Self::overloaded("draining", message, retry_after_s)
    }

    fn overloaded(code: &'static str, message: String, retry_after_s: u32) -> Self {
        let error = Self::of(503, ErrorKind::OverloadedError, message).retry_after(retry_after_s);
        Self { code: Some(code), ..error }
    }

    /// Others are being answered that take long, of what only so many may be at a time.
    pub fn busy(why: impl Into<String>, retry_after_s: u32) -> Self {
        Self::overloaded("busy", why.into(), retry_after_s)
    }

    /// What is to be kept has no room.
    pub fn journal_full(why: impl Into<String>, retry_after_s: u32) -> Self {
        Self::overloaded("journal_full", why.into(), retry_after_s)
    }

    /// The target is out of reach, and nobody here can speak for it.
    pub fn unreachable(why: impl Into<String>) -> Self {
        Self { code: Some("unreachable"), ..Self::of(504, ErrorKind::ServerError, why) }
    }

    fn of(status: u16, kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, kind, message, param: None, code: None, retry_after_s: None }
    }

    fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    /// The body of the answer; of a stream that has begun, the data of its last event.
    pub fn body(&self) -> String {
        let Self { kind, message, param, code, .. } = self;
        let error = Written { message, kind: *kind, param: param.as_deref(), code: *code };
        crate::json::text(&Body { error })
    }
}

/// As much of a model's name as an error repeats.
const MODEL_SHOWN_CHARS: usize = 80;

#[derive(Serialize)]
struct Body<'a> {
    error: Written<'a>,
}

#[derive(Serialize)]
struct Written<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: ErrorKind,
    param: Option<&'a str>,
    code: Option<&'static str>,
}
