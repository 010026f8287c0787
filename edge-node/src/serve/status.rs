//! `GET /causeway/v1/status` and `/events`: what is going on.

use crate::serve::house::House;
use crate::serve::routes::{Caller, Failure};
use crate::serve::snapshot::{reading, snapshot};
use axum::extract::State;
use axum::http::header;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use openai::ApiError;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// From one snapshot to the next.
const PERIOD: Duration = Duration::from_millis(500);

/// Events that wait for a client that reads slowly.
const EVENTS_AHEAD: usize = 16;

/// So many may listen at once: each has snapshots of its own made.
pub(super) const LISTENERS_MAX: usize = 64;

/// One more may ask again so soon.
const LISTENERS_RETRY_S: u32 = 5;

/// Now.
pub(super) async fn status(
    State(house): State<Arc<House>>,
    _: Caller,
) -> Result<Response, Failure> {
    let json = snapshot(&house).to_string();
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

/// For Prometheus.
pub(super) async fn metrics(
    State(house): State<Arc<House>>,
    _: Caller,
) -> Result<Response, Failure> {
    let page = house.metrics.page(&reading(&house));
    Ok(([(header::CONTENT_TYPE, telemetry::CONTENT_TYPE)], page).into_response())
}

/// Now, twice a second, and what happens in between.
pub(super) async fn events(
    State(house): State<Arc<House>>,
    _: Caller,
) -> Result<Response, Failure> {
    let Ok(listens) = Arc::clone(&house.listeners).try_acquire_owned() else {
        let says = format!("{LISTENERS_MAX} listen already: ask for /causeway/v1/status");
        return Err(ApiError::busy(says, LISTENERS_RETRY_S).into());
    };
    let (to, events) = mpsc::channel(EVENTS_AHEAD);
    tokio::spawn(async move {
        tell(house, to).await;
        drop(listens);
    });
    let events = Sse::new(ReceiverStream::new(events)).keep_alive(KeepAlive::default());
    Ok(events.into_response())
}

/// Until the client leaves, or the device stops.
async fn tell(house: Arc<House>, to: mpsc::Sender<Result<Event, Infallible>>) {
    let mut happened = house.chronicle.listen();
    let mut ticks = tokio::time::interval(PERIOD);
    loop {
        let event = tokio::select! {
            biased;
            () = to.closed() => return,
            () = house.ending().cancelled() => return,
            happened = happened.recv() => match happened {
                Ok(happened) => {
                    let json = serde_json::to_string(&happened).expect("it has no maps");
                    Event::default().event("notice").data(json)
                }
                // It is in the next snapshot.
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            },
            _ = ticks.tick() => Event::default().event("status").data(snapshot(&house).to_string()),
        };
        if to.send(Ok(event)).await.is_err() {
            return;
        }
    }
}
