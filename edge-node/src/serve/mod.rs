//! `edge-node serve`: OpenAI's API on the device, with what a hybrid does behind it.
//!
//! ```text
//!   HTTP ─▶ routes ─▶ chat, completions ─▶ house: key, turn ─▶ job ─▶ staff: Device or Assistant
//!                             ▲                                 │
//!                             └── chunks ◀── writer ◀── telling ┘
//! ```
//!
//! docs/API.md is normative.
//!
//! # Invariants
//!
//! - **Nothing is silently ignored**: a parameter is honoured, or refused by name.
//! - **Who leaves costs nothing**: a client that closes its connection ends its request within a pass, on all nodes.
//! - **Nothing is without a bound**: replies at a time, requests that wait, bodies, and what is told ahead.

mod admission;
mod allowance;
mod answerer;
mod chat;
mod chat_writer;
mod chronicle;
mod completions;
mod embeddings;
mod failure;
mod gathered;
mod health;
mod house;
mod job;
mod keys;
mod link;
mod models_list;
mod phase;
mod reply;
mod routes;
mod snapshot;
mod staff;
mod status;
mod stranger;
mod telling;
mod tending;
#[cfg(test)]
mod tests;
mod tools;
mod work;
mod writer;

pub use keys::{Keys, KeysError};

use crate::config::Config;
use crate::device::StartStep;
use answerer::Answerer;
use anyhow::Context as _;
use embeddings::Embeddings;
use house::House;
use phase::Phase;
use staff::Staff;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// What does not end by itself when the device stops is ended after so long: idle connections, for one.
const CLOSING: Duration = Duration::from_secs(2);

/// The command line of `edge-node serve`.
#[derive(Debug, clap::Args)]
pub struct ServeArguments {
    /// Configuration file of the device.
    #[arg(long)]
    pub config: PathBuf,
}

/// Serves until SIGTERM or SIGINT, then lets replies end.
///
/// # Errors
///
/// Whatever keeps the device from serving.
pub async fn serve(arguments: ServeArguments) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config)?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            // Where there is none to be had, SIGTERM ends it.
            Ok(()) = tokio::signal::ctrl_c() => {}
        }
    };
    serve_until(config, stop, |address| {
        let out = &mut std::io::stdout();
        writeln!(out, "listening on http://{address}").and_then(|()| out.flush())
    })
    .await
}

/// Serves what `config` says until `stop`; `tell`s where it listens as soon as it does.
///
/// # Errors
///
/// Where it cannot listen, or the device cannot start.
pub(crate) async fn serve_until(
    config: Config,
    stop: impl Future<Output = ()>,
    tell: impl FnOnce(std::net::SocketAddr) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let listen = config.serve.listen;
    let listener = TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("serve.listen: cannot listen on {listen}"))?;
    tell(listener.local_addr()?).context("cannot write the address to standard output")?;
    let house = House::new(&config, Phase::Starting(StartStep::Files));
    let (closing, closed) = oneshot::channel::<()>();
    let server = axum::serve(listener, routes::router(Arc::clone(&house)));
    let server = server.with_graceful_shutdown(async {
        // Dropped is as good as told.
        let _ = closed.await;
    });
    let server = AbortOnDropHandle::new(tokio::spawn(server.into_future()));
    let started = start(&house, config);
    tokio::pin!(started, stop);
    let mut tending = JoinSet::new();
    let outcome = tokio::select! {
        () = &mut stop => Ok(()),
        started = &mut started => match started {
            Ok(()) => {
                tending = tending::begin(&house);
                stop.await;
                Ok(())
            }
            Err(error) => Err(error),
        },
    };
    house.drain().await;
    drop(closing);
    // Who holds a connection open and says nothing is not waited for.
    let _ = tokio::time::timeout(CLOSING, server).await;
    // What waits, and was sent, is settled before the links go.
    let _ = tokio::time::timeout(CLOSING, tending.join_all()).await;
    close(&house).await;
    outcome
}

/// Starts the device, while the API says how far it is.
async fn start(house: &Arc<House>, config: Config) -> anyhow::Result<()> {
    match staff(house, config).await {
        Ok(staff) => {
            house.phase.send_replace(Phase::Serving(Arc::new(staff)));
            house.chronicle.note("ready", "the device can be asked".to_owned());
            Ok(())
        }
        Err(error) => {
            house.phase.send_replace(Phase::Failed(format!("{error:#}").into()));
            Err(error)
        }
    }
}

async fn staff(house: &House, config: Config) -> anyhow::Result<Staff> {
    let (folder, created) = (config.serve.embeddings.clone(), reply::unix_now());
    let telling = |step| drop(house.phase.send_replace(Phase::Starting(step)));
    let root = Answerer::start(config, &telling).await?;
    let embeddings = folder.map(|folder| Embeddings::open(&folder, created)).transpose();
    let embeddings = embeddings.context("serve.embeddings cannot be used")?;
    Ok(Staff::new(root, embeddings, created))
}

/// Ends the links with a goodbye.
async fn close(house: &House) {
    let phase = house.phase.borrow().clone();
    if let Phase::Serving(staff) = phase {
        staff.device().uplinks.close("the device stops").await;
    }
}
