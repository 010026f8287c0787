//! `POST /v1/completions`.

use crate::serve::gathered::Gathered;
use crate::serve::house::House;
use crate::serve::job::Finished;
use crate::serve::reply;
use crate::serve::routes::{Caller, Failure};
use crate::serve::telling::News;
use crate::serve::work::Work;
use crate::serve::writer::Writer;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use openai::{
    CompletionChoice, CompletionReply, CompletionRequest, CompletionStream, Event, Head, Progress,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use transport::clock;

/// Answers.
pub(super) async fn completions(
    State(house): State<Arc<House>>,
    Caller(key): Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let asked = clock::now();
    let request = CompletionRequest::read(&body)?.with_headers(reply::headers(&headers))?;
    let staff = house.staff()?;
    let work = Work::completion(&request, &staff, reply::chance(&house))?;
    let work = work.traced(reply::trace(&headers));
    let id = reply::request_id(&house);
    let head = Head::completion(id, reply::unix_now(), staff.model().id.clone());
    let writer = CompletionWriter::new(head, request.options.include_usage);
    let ticket = house.admit_by(&key, work.deadline).await?;
    let asked = reply::Asked { id, at: asked, stream: request.options.stream };
    Ok(reply::reply((&house, &staff), (work, ticket), writer, asked).await?)
}

/// Writes a continuation.
struct CompletionWriter {
    head: Head,
    stream: CompletionStream,
    /// Letters of each choice so far.
    offsets: BTreeMap<u32, u64>,
}

impl CompletionWriter {
    fn new(head: Head, include_usage: bool) -> Self {
        let stream = CompletionStream::new(head.clone(), include_usage);
        Self { head, stream, offsets: BTreeMap::new() }
    }
}

impl Writer for CompletionWriter {
    fn told(&mut self, index: u32, news: News) -> Vec<String> {
        let says = match &news {
            News::Tokens { text, verified, logprobs } => {
                let offset = self.offsets.entry(index).or_default();
                let progress = Progress { verified, logprobs: logprobs.as_deref() };
                let says = self.stream.text(index, text, *offset, progress);
                *offset += text.chars().count() as u64;
                says
            }
            News::Event(kind) => self.stream.event(&Event { index, kind: kind.clone() }),
        };
        vec![says]
    }

    fn ends(&mut self, finished: &Finished) -> Vec<String> {
        let choices = (0..).zip(&finished.choices);
        let mut events: Vec<_> = choices
            .map(|(index, choice)| {
                let reason = choice.finish_reason();
                self.stream.finish(index, reason, &choice.ending)
            })
            .collect();
        events.extend(self.stream.usage(&finished.usage));
        events
    }

    fn whole(&mut self, told: Vec<Gathered>, finished: &Finished) -> String {
        let (mut choices, mut events) = (Vec::new(), Vec::new());
        for (choice, told) in finished.choices.iter().zip(told) {
            events.extend(told.events);
            choices.push(CompletionChoice {
                text: told.text,
                finish_reason: choice.finish_reason(),
                logprobs: told.logprobs,
                verified: told.verified,
            });
        }
        let (head, usage) = (self.head.clone(), finished.usage.clone());
        CompletionReply { head, choices, usage, ending: finished.ending().clone(), events }.json()
    }
}
