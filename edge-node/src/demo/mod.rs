//! `edge-node demo`: the whole causeway in one process, and an outage in mid-sentence.
//!
//! Device, gateway and cloud are three nodes with certificates of a CA made for the occasion, and
//! meet over QUIC on loopback. The cloud is killed as a power cut would: its tasks and its socket
//! vanish without a word.

mod live;
pub(crate) mod models;
pub(crate) mod nodes;
mod outage;
mod paint;
mod scenes;
mod table;
mod tiers;
mod tunnel;

use crate::reply::Reply;
use anyhow::Context as _;
use paint::Paint;
use serde::Serialize;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The command line of `edge-node demo`.
#[derive(Debug, clap::Args)]
pub struct DemoArguments {
    /// Folder with the demo pair. Default: `models` here, or in the source tree of this build.
    #[arg(long)]
    models: Option<PathBuf>,
    /// Print one JSON object and nothing else.
    #[arg(long)]
    json: bool,
    /// Serve the API and the page instead, with a link that a switch on the page cuts.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:8080", conflicts_with = "json")]
    serve: Option<SocketAddr>,
    /// With --serve: as fast as this machine is, and not slowed down so that one can watch.
    #[arg(long, requires = "serve")]
    fast: bool,
}

/// What the demo shows, as data.
#[derive(Debug, Serialize)]
struct Report {
    /// How slow which node was made.
    emulated: String,
    scenes: Vec<Scene>,
    /// What was said in the tunnel.
    tunnel: Vec<tunnel::Said>,
}

/// One request of the demo.
#[derive(Debug, Serialize)]
struct Scene {
    name: &'static str,
    prompt: &'static str,
    reply: Reply,
    /// The longest time between two tokens.
    gap_ms_max: f64,
    /// What happened to the target, in order.
    events: Vec<String>,
}

/// Runs the command.
///
/// # Errors
///
/// Where models are missing or the nodes cannot be started.
pub fn demo(arguments: DemoArguments) -> anyhow::Result<()> {
    let models = models::find(arguments.models)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
    if let Some(listen) = arguments.serve {
        let served = runtime.block_on(live::serve(&models, listen, !arguments.fast));
        runtime.shutdown_background();
        return served;
    }
    let mut paint = Paint::new(!arguments.json);
    let report = runtime.block_on(scenes::play(&models, &mut paint))?;
    let mut out = std::io::stdout();
    match arguments.json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        false => write!(out, "{}", table::of(&report.scenes))?,
    }
    runtime.shutdown_background();
    Ok(())
}
