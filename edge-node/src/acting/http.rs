//! HTTP requests.

use super::ActionError;
use intents::HttpMethod;
use std::time::Duration;
use ureq::{Agent, http};

/// A client that waits for `timeout` at most and goes nowhere but where it is sent.
pub(super) fn agent(timeout: Duration) -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(timeout))
        .max_redirects(0)
        // What the environment says of proxies is not said of homes and callbacks.
        .proxy(None)
        .http_status_as_error(false)
        .build();
    Agent::new_with_config(config)
}

/// Sends a request and looks at the status of its answer.
pub(super) async fn send(
    agent: &Agent,
    (method, url, body): (HttpMethod, &str, Option<&str>),
    id: u128,
) -> Result<(), ActionError> {
    let to = host(url);
    let method = match method {
        HttpMethod::Get => http::Method::GET,
        HttpMethod::Post => http::Method::POST,
        HttpMethod::Put => http::Method::PUT,
    };
    // What the draft of the header's standard calls a key by which a server tells a repetition.
    let request = http::Request::builder()
        .method(method)
        .uri(url)
        .header("Idempotency-Key", format!("{id:032x}"))
        .header("Content-Type", "application/json")
        .body(body.unwrap_or_default().to_owned());
    let unreachable = |why: String| ActionError::Unreachable { to: to.clone(), why };
    let request = request.map_err(|error| unreachable(error.to_string()))?;
    let agent = agent.clone();
    // It blocks, and ends with its timeout at the latest.
    let answer = tokio::task::spawn_blocking(move || agent.run(request)).await;
    let answer = answer.map_err(|error| unreachable(error.to_string()))?;
    let status = answer.map_err(|error| unreachable(why(&error)))?.status();
    match status.is_success() {
        true => Ok(()),
        false => Err(ActionError::Status { to, status: status.as_u16() }),
    }
}

/// What went wrong, without the address.
fn why(error: &ureq::Error) -> String {
    if matches!(error, ureq::Error::BadUri(_)) {
        return "its address is none".to_owned();
    }
    error.to_string()
}

/// The host of a URL: what stands behind it may be what somebody said.
pub(super) fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // What stands before it is somebody's password.
    authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_owned()
}
