//! What clients send is read or refused by name, and what they get is what they expect; `async-openai`, whose types
//! nobody here wrote, is the oracle of both.

mod extension;
mod hostile;
mod parameters;
mod refusals;
mod replies;
mod requests;
mod streams;
mod tool_calls;
mod tool_grammars;

use crate::{ApiError, ChatRequest, CompletionRequest, EmbeddingsRequest};
use serde_json::{Value, json};

/// A chat request that asks for a reply to "Hi." and, beside that, `more`.
fn chat(more: &Value) -> Result<ChatRequest, ApiError> {
    ChatRequest::read(chat_body(more).to_string().as_bytes())
}

fn chat_body(more: &Value) -> Value {
    let messages = json!([{"role": "user", "content": "Hi."}]);
    with(json!({"model": "causeway", "messages": messages}), more)
}

fn completion(more: &Value) -> Result<CompletionRequest, ApiError> {
    let body = with(json!({"model": "causeway", "prompt": "Once"}), more);
    CompletionRequest::read(body.to_string().as_bytes())
}

fn embeddings(more: &Value) -> Result<EmbeddingsRequest, ApiError> {
    let body = with(json!({"model": "causeway", "input": "Once"}), more);
    EmbeddingsRequest::read(body.to_string().as_bytes())
}

fn with(mut body: Value, more: &Value) -> Value {
    let members = body.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    body
}

/// Fails unless it was refused, with status 400, because of `param`.
fn check_refused<T: std::fmt::Debug>(read: Result<T, ApiError>, param: &str) -> ApiError {
    let error = read.expect_err(param);
    assert_eq!((error.status, error.param.as_deref()), (400, Some(param)), "{error}");
    assert!(!error.message.is_empty());
    error
}
