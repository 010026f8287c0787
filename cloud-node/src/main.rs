//! `cloud-node`: a gateway or a cloud, and the private CA that says who is who.
//!
//! Standard output is for programs: one line with the address, once the node listens. Everything
//! for people goes to standard error, filtered by `RUST_LOG`.

mod authority;

use anyhow::Context as _;
use authority::CaCommand;
use clap::{Parser, Subcommand};
use cloud_node::{Config, Server};
use model_store::{Environment, ModelName};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Runs layers of a language model for devices, as their gateway or cloud.
#[derive(Debug, Parser)]
#[command(name = "cloud-node", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT, then let running sessions end.
    Serve {
        /// Configuration file; with an `[upstream]` section this node is a gateway.
        #[arg(long)]
        config: PathBuf,
    },
    /// Measure how fast this node runs its layers, and write its profile for planners.
    Measure {
        /// Configuration file.
        #[arg(long)]
        config: PathBuf,
        /// Where the profile goes, in place of the configuration's `profile.path`.
        #[arg(long)]
        out: Option<PathBuf>,
        /// How often each part is timed; its median counts.
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
        rounds: u16,
    },
    /// Fetch a model by its name, as hf:ORG/NAME:FILE.gguf, and print the path of it.
    Pull {
        /// hf:ORG/NAME[@REV][:FILE.gguf]
        name: ModelName,
        /// The folder that keeps models; default: `causeway` where data is kept.
        #[arg(long)]
        store: Option<PathBuf>,
    },
    /// Make and use the private CA whose certificates carry each node's role and name.
    #[command(subcommand)]
    Ca(CaCommand),
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours);
    log.with_writer(std::io::stderr).init();
    let result = match Arguments::parse().command {
        Command::Serve { config } => serve(&config),
        Command::Measure { config, out, rounds } => measure(&config, out.as_deref(), rounds),
        Command::Pull { name, store } => pull(&name, store.as_deref()),
        Command::Ca(command) => command.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is the last resort: where it is closed, the exit code has to do.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(path: &Path) -> anyhow::Result<()> {
    let config = Config::load(path)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
    runtime.block_on(async {
        let mut terminate = listen_for(SignalKind::terminate())?;
        let mut interrupt = listen_for(SignalKind::interrupt())?;
        let server = Server::start(config).await?;
        writeln!(std::io::stdout(), "listening on {}", server.local_addr())
            .context("cannot write the address to standard output")?;
        wait_for_either(&mut terminate, &mut interrupt).await;
        tracing::info!("draining; a second signal ends at once");
        tokio::select! {
            () = server.drain() => Ok(()),
            () = wait_for_either(&mut terminate, &mut interrupt) => {
                anyhow::bail!("ended by a second signal while sessions were running")
            }
        }
    })
}

fn pull(name: &ModelName, store: Option<&Path>) -> anyhow::Result<()> {
    let environment = Environment::of(|name| std::env::var_os(name));
    let pulled = model_store::pull_on_terminal(name, store, &environment)?;
    writeln!(std::io::stdout(), "{}", pulled.path.display())
        .context("cannot write the path to standard output")
}

fn measure(path: &Path, out: Option<&Path>, rounds: u16) -> anyhow::Result<()> {
    cloud_node::measure(&Config::load(path)?, out, rounds)
}

fn listen_for(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("cannot listen for signals")
}

async fn wait_for_either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
