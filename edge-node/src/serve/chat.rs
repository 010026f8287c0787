//! `POST /v1/chat/completions`.

use crate::serve::chat_writer::ChatWriter;
use crate::serve::house::House;
use crate::serve::reply;
use crate::serve::routes::{Caller, Failure};
use crate::serve::work::Work;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use openai::{ChatRequest, Head};
use std::sync::Arc;
use transport::clock;

/// Answers.
pub(super) async fn chat(
    State(house): State<Arc<House>>,
    Caller(key): Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let asked = clock::now();
    let request = ChatRequest::read(&body)?.with_headers(reply::headers(&headers))?;
    let staff = house.staff()?;
    let work = Work::chat(&request, &staff, reply::chance(&house))?;
    let work = work.traced(reply::trace(&headers));
    let id = reply::request_id(&house);
    let head = Head::chat(id, reply::unix_now(), staff.model().id.clone());
    let writer = ChatWriter::new(head, request.options.include_usage, work.tools);
    let ticket = house.admit_by(&key, work.deadline).await?;
    let asked = reply::Asked { id, at: asked, stream: request.options.stream };
    Ok(reply::reply((&house, &staff), (work, ticket), writer, asked).await?)
}
