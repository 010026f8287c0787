//! `edge-node`: the device of a conversation that spans device, gateway and cloud.
//!
//! Standard output holds the reply; everything else for people goes to standard error, filtered by
//! `RUST_LOG`.

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use edge_node::assistant::{
    ConversationsArguments, DeferredArguments, ExplainArguments, ForgetArguments, conversations,
    deferred, explain, forget,
};
use edge_node::bench::{BenchArguments, bench};
use edge_node::catalogue::{ModelsArguments, PullArguments, models, pull};
use edge_node::certify::{CertifyArguments, certify};
use edge_node::chat::{ChatArguments, chat};
use edge_node::demo::{DemoArguments, demo};
use edge_node::experiment::{ExperimentArguments, Nodes, experiment};
use edge_node::intents_eval::{IntentsArguments, intents};
use edge_node::likeness::{LikenessArguments, likeness};
use edge_node::measure::{MeasureArguments, measure};
use edge_node::planning::{PlanArguments, plan};
use edge_node::run::{RunArguments, run};
use edge_node::serve::{ServeArguments, serve};
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Runs one language-model conversation across this device, a gateway and a cloud.
#[derive(Debug, Parser)]
#[command(name = "edge-node", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer one prompt.
    Run(RunArguments),
    /// Answer OpenAI's HTTP API on this device, until SIGTERM.
    Serve(ServeArguments),
    /// Converse on the terminal; Ctrl-C stops the answer, not the program.
    Chat(ChatArguments),
    /// Say which way something said would go, and why no other.
    Explain(ExplainArguments),
    /// List the conversations that the journal keeps.
    Conversations(ConversationsArguments),
    /// List the requests that wait for the target, and those that have waited.
    Deferred(DeferredArguments),
    /// Remove a conversation from the journal, its bytes too.
    Forget(ForgetArguments),
    /// Fetch a model by its name, as hf:ORG/NAME:FILE.gguf, and print the path of it.
    Pull(PullArguments),
    /// Say which models are in the store, what one is like, and whether two are a pair.
    Models(ModelsArguments),
    /// See it work: device, gateway and cloud in one process, an outage in mid-sentence.
    Demo(DemoArguments),
    /// Measure how fast this machine runs a model, beside the machine's own limits.
    Bench(BenchArguments),
    /// Measure how fast this device runs its models, and write its profile for the planner.
    Measure(MeasureArguments),
    /// Find the best plan, say what it will take, and why not another.
    Plan(PlanArguments),
    /// Measure what each codec of a hop costs the target, so that plans may use it.
    Certify(CertifyArguments),
    /// Measure how well it can be told which requests the draft model answers as the target would.
    Likeness(LikenessArguments),
    /// Sweep links, modes and drafts over real nodes, and write tables and a report.
    Experiment(ExperimentArguments),
    /// Measure how well phrases are understood without a model.
    Intents(IntentsArguments),
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours);
    log.with_writer(std::io::stderr).init();
    match execute(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is the last resort: where it is closed, the exit code has to do.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> anyhow::Result<()> {
    let command = match command {
        Command::Pull(arguments) => return pull(&arguments),
        Command::Models(arguments) => return models(&arguments),
        Command::Demo(arguments) => return demo(arguments),
        Command::Bench(arguments) => return bench(arguments),
        Command::Measure(arguments) => return measure(&arguments),
        Command::Certify(arguments) => return certify(arguments),
        Command::Likeness(arguments) => return likeness(arguments),
        Command::Experiment(arguments) => return experiment(&arguments, Nodes::new),
        Command::Intents(arguments) => return intents(arguments),
        Command::Conversations(arguments) => return conversations(&arguments),
        Command::Deferred(arguments) => return deferred(&arguments),
        Command::Forget(arguments) => return forget(&arguments),
        command @ (Command::Run(_)
        | Command::Serve(_)
        | Command::Chat(_)
        | Command::Plan(_)
        | Command::Explain(_)) => command,
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
    let result = runtime.block_on(async {
        match command {
            Command::Run(arguments) => run(arguments, cancel_on_ctrl_c()).await,
            Command::Serve(arguments) => serve(arguments).await,
            Command::Chat(arguments) => chat(arguments).await,
            Command::Plan(arguments) => plan(arguments).await,
            Command::Explain(arguments) => explain(arguments).await,
            Command::Pull(_)
            | Command::Models(_)
            | Command::Demo(_)
            | Command::Bench(_)
            | Command::Measure(_)
            | Command::Certify(_)
            | Command::Likeness(_)
            | Command::Experiment(_)
            | Command::Intents(_)
            | Command::Conversations(_)
            | Command::Deferred(_)
            | Command::Forget(_) => {
                unreachable!("taken above")
            }
        }
    });
    // The thread that reads standard input cannot be ended; it must not hold up the exit.
    runtime.shutdown_background();
    result
}

/// The first Ctrl-C ends the reply; the program then ends by itself.
fn cancel_on_ctrl_c() -> CancellationToken {
    let cancel = CancellationToken::new();
    let told = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            told.cancel();
        }
    });
    cancel
}
