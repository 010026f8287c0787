//! From a request to the answer of HTTP, whole or as a stream of events.
//!
//! A client that leaves drops the answer, with it the job, and so ends it.

use crate::serve::gathered::Gathered;
use crate::serve::house::{House, Ticket};
use crate::serve::job::{Finished, Job, Step};
use crate::serve::staff::Staff;
use crate::serve::work::Work;
use crate::serve::writer::Writer;
use crate::traced::context;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use openai::{ApiError, DONE, Route};
use protocol::TraceContext;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Instant, SystemTime};
use telemetry::TraceParent;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Events that wait for a client that reads slowly; what comes beyond waits in the job.
const EVENTS_AHEAD: usize = 64;

/// What is asked, beside the work itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// The request's id.
    pub(super) id: u128,
    /// When it came.
    pub(super) at: Instant,
    /// Whether the answer is a stream.
    pub(super) stream: bool,
}

/// Answers `work`, as `writer` writes it.
///
/// # Errors
///
/// Where there is no answer, not even the beginning of one.
pub(super) async fn reply(
    (house, staff): (&Arc<House>, &Arc<Staff>),
    (work, ticket): (Work, Option<Ticket>),
    writer: impl Writer,
    asked: Asked,
) -> Result<Response, ApiError> {
    let choices = work.n as usize;
    let foreseen = staff.foreseen(work.class).filter(|_| asked.stream);
    let mut job = Job::begin(house, staff, work, ticket, asked.at);
    let mut response = match asked.stream {
        true => {
            let first = match job.next().await {
                Step::Over(over) => Step::Over(Box::new(Ok((*over)?))),
                told @ Step::Told(_) => told,
            };
            stream(job, first, writer)
        }
        false => whole(job, writer, choices).await?,
    };
    let id = format!("{:032x}", asked.id);
    put(&mut response, "x-causeway-request", &id);
    if let Some((route, plan)) = foreseen {
        put(&mut response, "x-causeway-route", route_name(route));
        plan.iter().for_each(|plan| put(&mut response, "x-causeway-plan", plan));
    }
    Ok(response)
}

/// Waits for all of it.
async fn whole(
    mut job: Job,
    mut writer: impl Writer,
    choices: usize,
) -> Result<Response, ApiError> {
    let mut told: Vec<Gathered> = std::iter::repeat_with(Gathered::default).take(choices).collect();
    let finished = loop {
        match job.next().await {
            Step::Told((index, news)) => {
                if let Some(choice) = told.get_mut(index as usize) {
                    choice.take(index, &news);
                }
            }
            Step::Over(over) => break (*over)?,
        }
    };
    let json = writer.whole(told, &finished);
    let mut response = ([(header::CONTENT_TYPE, "application/json")], json).into_response();
    say_what_it_took(&mut response, &finished);
    Ok(response)
}

fn say_what_it_took(response: &mut Response, finished: &Finished) {
    let (cost, ending) = (&finished.usage.cost, finished.ending());
    put(response, "x-causeway-route", route_name(ending.route));
    put(response, "x-causeway-plan", ending.plan.as_deref().unwrap_or_default());
    put(response, "x-causeway-verified", &cost.verified.to_string());
    put(response, "x-causeway-unverified", &cost.unverified.to_string());
    put(response, "x-causeway-bytes", &(cost.bytes_sent + cost.bytes_received).to_string());
    put(response, "x-causeway-money", &cost.money.to_string());
}

const fn route_name(route: Route) -> &'static str {
    match route {
        Route::Action => "action",
        Route::Local => "local",
        Route::Hybrid => "hybrid",
        Route::Deferred => "deferred",
    }
}

fn put(response: &mut Response, name: &'static str, value: &str) {
    // Plans and numbers are of visible letters; what else there were is not worth an error.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// Tells of it as it grows.
fn stream(job: Job, first: Step, writer: impl Writer) -> Response {
    let (to, events) = mpsc::channel(EVENTS_AHEAD);
    tokio::spawn(forward(job, first, writer, to));
    let events = Sse::new(ReceiverStream::new(events)).keep_alive(KeepAlive::default());
    events.into_response()
}

/// Until it is over, or the client leaves.
async fn forward(
    mut job: Job,
    first: Step,
    mut writer: impl Writer,
    to: mpsc::Sender<Result<Event, Infallible>>,
) {
    let mut step = first;
    loop {
        let (says, is_over) = match step {
            Step::Told((index, news)) => (writer.told(index, news), false),
            Step::Over(over) => (last_words(&mut writer, *over), true),
        };
        for says in says {
            if to.send(Ok(Event::default().data(says))).await.is_err() {
                return;
            }
        }
        if is_over {
            return;
        }
        step = tokio::select! {
            biased;
            () = to.closed() => return,
            step = job.next() => step,
        };
    }
}

fn last_words(writer: &mut impl Writer, over: Result<Finished, ApiError>) -> Vec<String> {
    match over {
        Ok(finished) => writer.ends(&finished).into_iter().chain([DONE.to_owned()]).collect(),
        Err(error) => vec![error.body()],
    }
}

/// Headers as names in lower case, and their values.
pub(super) fn headers(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

/// In which trace the request is, where its caller says so. One that is none is no reason to refuse a request: by the
/// recommendation, the trace begins anew.
pub(super) fn trace(headers: &HeaderMap) -> Option<TraceContext> {
    let parent = headers.get("traceparent")?.to_str().ok()?;
    parent.parse::<TraceParent>().ok().map(context)
}

/// A seed of chance.
pub(super) fn chance(house: &House) -> u64 {
    u64::from_be_bytes(house.network.random())
}

/// An id of a request.
pub(super) fn request_id(house: &House) -> u128 {
    u128::from_be_bytes(house.network.random())
}

/// Seconds since 1970.
pub(super) fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
