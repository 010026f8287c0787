//! Models by name: fetched, listed, described, and held against a configuration.
//!
//! ```text
//!   pull ─▶ store ─▶ list       show: one model, and what its parts take
//!                               check: the models of a configuration, and what each tier takes by its plan
//! ```

mod check;
mod list;
mod memory;
mod show;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use model_store::{Environment, ModelName, NamedError, Store};
use show::ShowArguments;
use std::io::Write as _;
use std::path::{Path, PathBuf};

const STORE_HELP: &str = "The folder that keeps models; default: `causeway` where data is kept";

/// `edge-node pull`.
#[derive(Debug, Args)]
pub struct PullArguments {
    /// hf:ORG/NAME[@REV][:FILE.gguf]
    name: ModelName,
    #[arg(long, help = STORE_HELP)]
    store: Option<PathBuf>,
}

/// `edge-node models`.
#[derive(Debug, Args)]
pub struct ModelsArguments {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// List the models in the store, with their sizes.
    List {
        #[arg(long, help = STORE_HELP)]
        store: Option<PathBuf>,
    },
    /// Say what a model is like, and what its parts take in memory.
    Show(ShowArguments),
    /// Say what the models of a device's configuration lack, whether they are a pair, and what its plan takes.
    Check {
        /// Configuration file.
        #[arg(long)]
        config: PathBuf,
    },
}

/// Fetches a model, and prints what to open.
///
/// # Errors
///
/// Where it does not come: the error says who is to blame.
pub fn pull(arguments: &PullArguments) -> anyhow::Result<()> {
    let PullArguments { name, store } = arguments;
    let pulled = model_store::pull_on_terminal(name, store.as_deref(), &environment())?;
    print(&format!("{}\n", pulled.path.display()))
}

/// Prints what there is to say of models.
///
/// # Errors
///
/// Where a model or the store cannot be read, or a check finds something wrong.
pub fn models(arguments: &ModelsArguments) -> anyhow::Result<()> {
    match &arguments.command {
        ModelsCommand::List { store } => print(&list::of(&store_at(store.as_deref())?)?),
        ModelsCommand::Show(arguments) => print(&show::of(arguments)?),
        ModelsCommand::Check { config } => {
            let found = check::of(config)?;
            print(&found.text)?;
            match found.problems {
                0 => Ok(()),
                1 => anyhow::bail!("one problem, above"),
                problems => anyhow::bail!("{problems} problems, above"),
            }
        }
    }
}

fn environment() -> Environment {
    Environment::of(|name| std::env::var_os(name))
}

fn store_at(folder: Option<&Path>) -> anyhow::Result<Store> {
    Ok(environment().store(folder).ok_or(NamedError::NoStore)?)
}

fn print(text: &str) -> anyhow::Result<()> {
    write!(std::io::stdout(), "{text}").context("cannot write to standard output")
}

#[cfg(test)]
mod tests;
