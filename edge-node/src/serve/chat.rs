//! `POST /v1/chat/completions`.

use crate::serve::gathered::Gathered;
use crate::serve::house::House;
use crate::serve::job::{Finished, finish_reason};
use crate::serve::reply;
use crate::serve::routes::{Caller, Failure};
use crate::serve::telling::News;
use crate::serve::work::Work;
use crate::serve::writer::Writer;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use openai::{ApiError, ChatChoice, ChatReply, ChatRequest, ChatStream, Event, Head, Progress};
use std::collections::BTreeSet;
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
    let id = reply::request_id(&house);
    let head = Head::chat(id, reply::unix_now(), staff.model().id.clone());
    let writer = ChatWriter::new(head, request.options.include_usage);
    let ticket = house.admit(&key).await?;
    let asked = reply::Asked { id, at: asked, stream: request.options.stream };
    Ok(reply::reply((&house, &staff), (work, ticket), writer, asked).await?)
}

/// Writes a message.
struct ChatWriter {
    head: Head,
    stream: ChatStream,
    /// Choices of which something was said.
    open: BTreeSet<u32>,
}

impl ChatWriter {
    fn new(head: Head, include_usage: bool) -> Self {
        let stream = ChatStream::new(head.clone(), include_usage);
        Self { head, stream, open: BTreeSet::new() }
    }

    fn opening(&mut self, index: u32) -> Option<String> {
        self.open.insert(index).then(|| self.stream.opening(index))
    }
}

impl Writer for ChatWriter {
    fn told(&mut self, index: u32, news: News) -> Vec<String> {
        let says = match &news {
            News::Tokens { text, verified } => {
                let progress = Progress { verified, ..Progress::default() };
                self.stream.content(index, text, progress)
            }
            News::Event(kind) => self.stream.event(&Event { index, kind: kind.clone() }),
        };
        self.opening(index).into_iter().chain([says]).collect()
    }

    fn ends(&mut self, finished: &Finished) -> Vec<String> {
        let mut events = Vec::new();
        for (index, choice) in (0..).zip(&finished.choices) {
            events.extend(self.opening(index));
            let reason = finish_reason(choice.reply.as_ref());
            events.push(self.stream.finish(index, reason, &choice.ending));
        }
        events.extend(self.stream.usage(&finished.usage));
        events
    }

    fn whole(&mut self, told: Vec<Gathered>, finished: &Finished) -> String {
        let (mut choices, mut events) = (Vec::new(), Vec::new());
        for (choice, told) in finished.choices.iter().zip(told) {
            events.extend(told.events);
            choices.push(ChatChoice {
                content: Some(told.text),
                tool_calls: Vec::new(),
                finish_reason: finish_reason(choice.reply.as_ref()),
                logprobs: None,
                verified: told.verified,
            });
        }
        let (head, usage) = (self.head.clone(), finished.usage.clone());
        ChatReply { head, choices, usage, ending: finished.ending().clone(), events }.json()
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}
